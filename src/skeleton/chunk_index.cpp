#include "skeleton/chunk_index.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "files/index.hpp"
#include "hdf5/draft_driver.hpp"
#include "hdf5/id.hpp"
#include "hdf5/turn.hpp"
#include "layout/dataset_name.hpp"
#include "skeleton/segments.hpp"

namespace h5dcp {
namespace {

void add_chunks(hid_t file, const PosixFile& data, const Index& index, std::size_t i, Draft& draft,
                const std::string& action) {
  const auto name = dataset_path(index.fqn(i), index.is_prefix(i));
  hdf5::Dataset dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT), action);
  for (const auto& chunk : read_chunks(data, index, i)) {
    for (std::size_t b = 0; b < chunk.stored.size(); ++b) {
      const Box box = block(chunk.grid, static_cast<std::int64_t>(b));
      const std::vector<hsize_t> offset(box.offsets.begin(), box.offsets.end());
      draft.next_chunk = chunk.stored[b].address;
      constexpr std::uint32_t kAllFilters = 0;
      hdf5::ok(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, kAllFilters, offset.data(),
                              chunk.stored[b].nbytes, &draft),  // it has no use for the bytes
               action);
    }
  }
  dataset.close(action);
}

// By zeros, of which only the last is written.
void make_longer(const PosixFile& file, std::uint64_t nbytes) {
  const std::uint8_t zero = 0;
  if (file.size() < nbytes) file.write(&zero, 1, nbytes - 1);
}

}  // namespace

void index_chunks(const PosixFile& file, const SkeletonImage& image, Record& record) {
  const hdf5::Turn turn;
  const auto action = "index the chunks of '" + file.path() + "'";
  Draft draft{.metadata = PosixFile::in_memory(), .file_bytes = record.file_bytes};
  write_image(draft.metadata, image);
  make_longer(draft.metadata, draft.file_bytes);
  const Index index(record, read_tables(file, record));

  const hdf5::PropertyList access = draft_access(draft);
  hdf5::File opened(H5Fopen(file.path().c_str(), H5F_ACC_RDWR, access.get()), action);
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (index.filters(i).any()) add_chunks(opened.get(), file, index, i, draft, action);
  }
  opened.close(action);

  auto others = other_bytes(index);
  others.push_back({record.file_bytes, draft.file_bytes - record.file_bytes});
  record.file_bytes = draft.file_bytes;
  make_longer(draft.metadata, record.file_bytes);
  const auto changed = image_of(draft.metadata, others);
  hash_segments(changed, others, record);
  write_image(file, changed);
  make_longer(file, record.file_bytes);
}

}  // namespace h5dcp
