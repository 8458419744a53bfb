#include "storage/filtered_write.hpp"

#include <cstddef>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "layout/filters.hpp"

namespace h5dcp {
namespace {

// Filters one block after the other.
class FilterRounds {
 public:
  FilterRounds(std::vector<WrittenChunk>& chunks, Source& source, const Filters& filters)
      : chunks_(chunks), source_(source), filters_(filters) {}

  // The next blocks, of at least `nbytes` if there are as many.
  void filter(std::uint64_t nbytes) {
    stored_.clear();
    blocks_.clear();
    while (stored_.size() < nbytes && find_block()) {
      auto& chunk = chunks_[chunk_];
      const auto block = h5dcp::block(chunk.grid, block_);
      const auto before = stored_.size();
      with_late_context(
          [&] { return "filter '" + chunk.item->index.fqn + "' " + to_string(block); },
          [&] { filter(chunk, block); });
      blocks_.push_back({chunk_, stored_.size() - before});
      ++block_;
    }
  }

  const Bytes& stored() const { return stored_; }

  // They will be at `address`.
  void place(std::uint64_t address) {
    const auto* next = stored_.data();
    for (const auto& [chunk, nbytes] : blocks_) {
      auto& numbers = chunks_[chunk].checksums;
      numbers.insert(numbers.end(), {xxh3(next, nbytes), address, nbytes});
      next += nbytes;
      address += nbytes;
    }
  }

 private:
  struct Block {
    std::size_t chunk;
    std::uint64_t nbytes;  // as it is stored
  };

  // Goes on to the next block that is to be filtered; false if there is none.
  bool find_block() {
    for (; chunk_ < chunks_.size(); ++chunk_, block_ = 0) {
      const auto& chunk = chunks_[chunk_];
      if (!chunk.place.chunk_shape.empty() && block_ < block_count(chunk.grid)) return true;
    }
    return false;
  }

  void filter(WrittenChunk& chunk, const Box& block) {
    const auto& shape = chunk.place.chunk_shape;
    const auto size = static_cast<std::size_t>(nbytes(chunk.dtype, shape));
    const TensorView elements = source_.elements(chunk, block);
    const void* whole = elements.data;
    if (elements.sizes != shape || !is_contiguous(elements)) {
      buffer_.assign(size, 0);  // a chunk is whole also where the tensor ends in it
      copy_elements(elements, narrow(contiguous_view(buffer_.data(), chunk.dtype, shape),
                                     whole_box(block.sizes)));
      whole = buffer_.data();
    }
    apply_filters(filters_, whole, size, itemsize(chunk.dtype), stored_);
  }

  std::vector<WrittenChunk>& chunks_;
  Source& source_;
  const Filters& filters_;
  std::size_t chunk_ = 0;  // the next block
  std::int64_t block_ = 0;
  std::vector<Block> blocks_;  // of the round
  Bytes stored_;               // of them all
  Bytes buffer_;
};

}  // namespace

void write_filtered(const Comm& comm, const std::string& step, const PosixFile& file,
                    std::vector<WrittenChunk>& chunks, Source& source, const Filters& filters,
                    std::uint64_t round_bytes, Range& filtered) {
  FilterRounds rounds(chunks, source, filters);
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
