// The rows of an entry that a rank needs, of which there may be very many: found by the order of
// their boxes, which those who write keep. Whether it was kept shows in that the boxes cover what
// is wanted; if they do not, as in files of older writers, all rows are read.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include "files/index.hpp"
#include "h5dcp/error.hpp"
#include "layout/sorted_boxes.hpp"
#include "plan/tile.hpp"

namespace h5dcp {
namespace {

// The rows of so few boxes, with what belongs to them, have some pages at most, and to read them
// all at once costs less than to look for some.
constexpr std::uint64_t kFewRows = 32;

class WantedRows {
 public:
  WantedRows(TableReader& tables, const Index& index, std::size_t entry,
             std::span<const Box> regions, std::vector<StoredChunk>& chunks)
      : tables_(tables),
        index_(index),
        entry_(entry),
        count_(index.row(entry).chunks),
        sizes_(index.sizes(entry)),
        regions_(regions),
        chunks_(chunks) {}

  // Whether the chunks that were found cover all regions. Throws Error{corrupt} for a damaged row,
  // Error{io}.
  bool find() {
    const auto likely = likely_box(sizes_, count_, regions_.front());
    const Box begin = read({{likely, likely + 1}}).grid.box;
    if (covers()) return true;
    const auto first_row =
        tables_.items<ChunkRow>(Table::chunks, index_.row(entry_).first_chunk + likely, 1)[0];
    first_box_ = first_row.first_box - likely * 2 * sizes_.size();  // as all follow each other
    const auto cell = likely == 0 ? begin.sizes : box_at(0).sizes;
    return try_all([&](const Box& region) { return cells_of(sizes_, cell, count_, region); }) ||
           try_all([&](const Box& region) {
             const BoxAt at = [this](std::uint64_t i) { return box_at(i); };
             return std::optional(find_boxes(sizes_, count_, at, region));
           });
  }

 private:
  // Returns the last one.
  const StoredChunk& read(const std::vector<BoxRange>& ranges) {
    chunks_.resize(boxes_in(ranges));
    std::size_t to = 0;
    for (const auto& range : ranges) {
      const auto count = range.end - range.first;
      read_rows(tables_, index_, entry_, range.first, count, to, chunks_);
      to += count;
    }
    return chunks_.back();
  }

  // Reads what `find` finds of each region, if that is less than all there is.
  template <class Find>
  bool try_all(const Find& find) {
    std::vector<BoxRange> ranges;
    for (const auto& region : regions_) {
      const auto found = find(region);
      if (!found) return false;
      ranges.insert(ranges.end(), found->begin(), found->end());
    }
    ranges = merged(std::move(ranges));
    if (ranges.empty() || boxes_in(ranges) * 2 > count_) return false;
    read(ranges);
    return covers();
  }

  bool covers() const {
    return std::ranges::all_of(regions_, [&](const Box& region) {
      std::vector<Box> boxes;
      for (const auto& chunk : chunks_) {
        auto overlap = intersect(chunk.grid.box, region);
        if (!overlap) continue;
        for (std::size_t d = 0; d < region.dims(); ++d) overlap->offsets[d] -= region.offsets[d];
        boxes.push_back(std::move(*overlap));
      }
      return !find_tiling_fault(region.sizes, boxes);
    });
  }

  // Unchecked, as it only serves to find others.
  Box box_at(std::uint64_t i) {
    const auto dims = sizes_.size();
    const auto items = index_.record().table(Table::boxes).nbytes / sizeof(std::int64_t);
    const auto first = first_box_ + i * 2 * dims;
    // A search among boxes that are not in their order might not end soon.
    if (++looks_ > 64 + count_ / 4 || first > items || items - first < 2 * dims) {
      throw Error(ErrorCode::corrupt, "its boxes are not in their order");
    }
    const auto numbers = tables_.items<std::int64_t>(Table::boxes, first, 2 * dims);
    return {Extents(numbers.first(dims)), Extents(numbers.last(dims))};
  }

  TableReader& tables_;
  const Index& index_;
  const std::size_t entry_;
  const std::uint64_t count_;
  const Extents sizes_;
  const std::span<const Box> regions_;
  std::vector<StoredChunk>& chunks_;
  std::uint64_t first_box_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace

void read_chunks(TableReader& tables, const Index& index, std::size_t i,
                 std::span<const Box> regions, std::vector<StoredChunk>& chunks) {
  std::vector<Box> wanted;
  if (index.row(i).chunks > kFewRows) {
    std::ranges::copy_if(regions, std::back_inserter(wanted),
                         [](const Box& region) { return numel(region.sizes) > 0; });
  }
  if (!wanted.empty()) {
    try {
      if (WantedRows(tables, index, i, wanted, chunks).find()) return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt) throw;  // else all rows tell what it is
    }
  }
  read_chunks(tables, index, i, chunks);
}

}  // namespace h5dcp
