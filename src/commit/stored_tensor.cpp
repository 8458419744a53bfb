#include <utility>

#include "commit/opened.hpp"
#include "h5dcp/error.hpp"
#include "layout/tables.hpp"
#include "plan/bounds.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {
namespace {

constexpr std::uint64_t kBytesAtOnce = std::uint64_t{8} << 20;

}  // namespace

struct StoredTensor::Impl {
  Impl(const Opened& opened, std::size_t i)
      : files(opened.files),
        index(opened.index),
        entry(i),
        size(index.sizes(i)),
        chunks(read_chunks(files.own(), index, i)) {}

  const CheckpointFiles& files;
  const Index& index;
  std::size_t entry;
  Extents size;
  std::vector<StoredChunk> chunks;
};

StoredTensor::StoredTensor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoredTensor::StoredTensor(StoredTensor&&) noexcept = default;
StoredTensor& StoredTensor::operator=(StoredTensor&&) noexcept = default;
StoredTensor::~StoredTensor() = default;

DType StoredTensor::dtype() const {
  return impl_->index.dtype(impl_->entry);
}

const Extents& StoredTensor::size() const {
  return impl_->size;
}

std::vector<Box> StoredTensor::pieces(std::uint64_t max_bytes) const {
  std::vector<Box> made;
  for (const auto& chunk : impl_->chunks) {
    for (auto& box : h5dcp::pieces(chunk.grid, chunk.grid.box, itemsize(dtype()), max_bytes)) {
      made.push_back(std::move(box));
    }
  }
  return made;
}

void StoredTensor::read(const Box& box, const TensorView& target) const {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument,
                "read '" + std::string(impl_->index.fqn(impl_->entry)) + "' " + to_string(box) +
                    " of " + to_string(size()) + ": " + why);
  };
  if (!is_inside(box, size())) refuse("that is outside of the tensor");
  if (target.sizes != box.sizes) refuse("the target has sizes " + to_string(target.sizes));
  const auto& index = impl_->index;
  const auto entry = impl_->entry;
  Bytes packed;
  std::vector<Box> parts;
  for (const auto& chunk : impl_->chunks) {
    parts.clear();
    parts_of(chunk, box, itemsize(dtype()), kBytesAtOnce, true, parts);
    for (const auto& part : parts) {
      packed.resize(static_cast<std::size_t>(nbytes(dtype(), part.sizes)));
      read_checked(impl_->files, index, entry, chunk, part, packed.data());
      const auto elements = contiguous_view(packed.data(), dtype(), part.sizes);
      const auto useful = intersect(part, box);
      if (!useful) continue;
      copy_elements(narrow(elements, relative_to(*useful, part.offsets)),
                    narrow(target, relative_to(*useful, box.offsets)));
    }
  }
}

StoredTensor CheckpointFile::tensor(std::size_t i) const {
  const auto& index = impl_->index;
  if (in_blobs(index.kind(i))) {
    throw Error(ErrorCode::invalid_argument,
                "'" + std::string(index.fqn(i)) + "' is a value without dtype and sizes");
  }
  return StoredTensor(std::make_unique<StoredTensor::Impl>(*impl_, i));
}

}  // namespace h5dcp
