#include "storage/filtered_write.hpp"

#include <cstddef>
#include <string_view>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "layout/filters.hpp"

namespace h5dcp {
namespace {

// Filters one block after the other.
class Rounds {
 public:
  Rounds(std::vector<WrittenChunk>& chunks, Source& source, const Filters& filters)
      : chunks_(chunks), source_(source), filters_(filters) {}

  // The next blocks, of at least `nbytes` if there are as many.
  void filter(std::uint64_t nbytes) {
    stored_.clear();
    first_ = chunk_;
    first_block_ = block_;
    sizes_.clear();
    while (stored_.size() < nbytes && find_block()) {
      auto& chunk = chunks_[chunk_];
      const auto block = h5dcp::block(chunk.grid, block_);
      with_late_context(
          [&] { return "filter '" + chunk.item->index.fqn + "' " + to_string(block); },
          [&] { filter(chunk, block); });
      ++block_;
    }
  }

  const Bytes& stored() const { return stored_; }

  // They will be at `address`.
  void place(std::uint64_t address) {
    auto chunk = first_;
    auto block = first_block_;
    const auto* next = stored_.data();
    for (const auto size : sizes_) {
      while (is_done(chunk, block)) {
        ++chunk;
        block = 0;
      }
      auto& numbers = chunks_[chunk].checksums;
      numbers.insert(numbers.end(), {xxh3(next, size), address, size});
      next += size;
      address += size;
      ++block;
    }
  }

 private:
  bool is_done(std::size_t chunk, std::int64_t block) const {
    const auto& c = chunks_[chunk];
    return c.place.chunk_shape.empty() || block == block_count(c.grid);
  }

  // Goes on to the next block that is to be filtered; false if there is none.
  bool find_block() {
    while (chunk_ < chunks_.size() && is_done(chunk_, block_)) {
      ++chunk_;
      block_ = 0;
    }
    return chunk_ < chunks_.size();
  }

  void filter(WrittenChunk& chunk, const Box& block) {
    const auto& shape = chunk.place.chunk_shape;
    const auto size = static_cast<std::size_t>(nbytes(chunk.dtype, shape));
    const TensorView elements = source_.elements(chunk, block);
    const void* whole = elements.data;
    if (elements.sizes != shape || !is_contiguous(elements)) {
      buffer_.assign(size, 0);  // a chunk is whole also where the tensor ends in it
      Box corner = whole_box(block.sizes);
      copy_elements(elements, narrow(contiguous_view(buffer_.data(), chunk.dtype, shape), corner));
      whole = buffer_.data();
    }
    const auto before = stored_.size();
    apply_filters(filters_, whole, size, itemsize(chunk.dtype), stored_);
    sizes_.push_back(stored_.size() - before);
  }

  std::vector<WrittenChunk>& chunks_;
  Source& source_;
  const Filters& filters_;
  std::size_t chunk_ = 0;  // the next block
  std::int64_t block_ = 0;
  std::size_t first_ = 0;  // the first block of the round
  std::int64_t first_block_ = 0;
  std::vector<std::uint64_t> sizes_;  // of the blocks of the round, as they are stored
  Bytes stored_;
  Bytes buffer_;
};

}  // namespace

void write_filtered(const Comm& comm, const std::string& step, const PosixFile& file,
                    std::vector<WrittenChunk>& chunks, Source& source, const Filters& filters,
                    std::uint64_t round_bytes, Range& filtered) {
  Rounds rounds(chunks, source, filters);
  std::uint64_t address = 0;
  for (;;) {
    comm.agree(step, [&] {
      const auto& last = rounds.stored();
      if (!last.empty()) file.write(last.data(), last.size(), address);
      rounds.filter(round_bytes);
    });
    const auto mine = rounds.stored().size();
    address = filtered.address + filtered.nbytes + comm.sum_before(step, mine);
    rounds.place(address);
    const auto all = comm.sum(step, {mine})[0];
    if (all == 0) return;
    filtered.nbytes += all;
  }
}

}  // namespace h5dcp
