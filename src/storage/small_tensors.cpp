#include "storage/small_tensors.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "base/context.hpp"
#include "h5dcp/error.hpp"
#include "layout/runs.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {
namespace {

// More than that stays in no cache while blocks are looked up.
constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 10;

}  // namespace

bool SmallTensors::are_small(const Index& index, std::span<const EntryItem> items, int ranks) {
  const auto entry = items.front().entry;
  const auto row = index.row(entry);
  if (row.nbytes > kMostBytes || row.filters != 0 || index.in_data_files(entry)) return false;
  std::uint64_t elements = 0;
  for (const auto& item : items) {
    const auto some = static_cast<std::uint64_t>(numel(item.item->lengths));
    if (some == 0) return false;
    elements += some;
  }
  return elements * itemsize(index.dtype(entry)) * static_cast<std::uint64_t>(ranks) >= row.nbytes;
}

std::vector<Range> SmallTensors::ranges() {
  const auto address = [this](std::span<const EntryItem> items) {
    return index_.row(items.front().entry).address;
  };
  if (!std::ranges::is_sorted(small_, {}, address)) std::ranges::sort(small_, {}, address);
  std::vector<Range> ranges;
  ranges.reserve(small_.size());
  for (const auto& items : small_) {
    const auto row = index_.row(items.front().entry);
    if (!ranges.empty() && ranges.back().address + ranges.back().nbytes > row.address) {
      throw Error(ErrorCode::corrupt, "'" + std::string(index_.fqn(items.front().entry)) +
                                          "' at address " + std::to_string(row.address) +
                                          " has bytes of another tensor");
    }
    ranges.push_back({row.address, row.nbytes});
  }
  return ranges;
}

void SmallTensors::took(std::size_t i, const void* elements) {
  const auto& items = small_[i];
  const auto entry = items.front().entry;
  const auto stored =
      contiguous_view(const_cast<void*>(elements), index_.dtype(entry), index_.sizes(entry));
  regions_.clear();
  for (const auto& item : items) regions_.push_back(item.region());
  read_chunks(tables_, index_, entry, regions_, chunks_);
  for (const auto& item : items) {
    if (checks_) check(item, stored);
    const TensorView target =
        with_late_context([&] { return "read " + describe(item, item.region(), stored.dtype); },
                          [&] { return resolve(planner_, item); });
    copy_elements(narrow(stored, item.region()), target);
    planner_.commit_tensor(*item.item, target);
  }
}

// The blocks of which the item has a part.
void SmallTensors::check(const EntryItem& item, const TensorView& stored) {
  const auto* const elements = static_cast<const std::uint8_t*>(stored.data);
  for (const auto& chunk : chunks_) {
    const auto overlap = intersect(chunk.grid.box, item.region());
    if (!overlap || chunk.checksums.empty()) continue;
    const Box box = whole_blocks(chunk.grid, *overlap);
    const auto nbytes = static_cast<std::uint64_t>(h5dcp::nbytes(stored.dtype, box.sizes));
    RunWalk walk(stored.sizes, box, itemsize(stored.dtype));
    const std::uint8_t* packed = elements + walk.offset();
    if (walk.nbytes() != nbytes) {
      packed_.clear();
      for (; !walk.at_end(); walk.next()) {
        packed_.insert(packed_.end(), elements + walk.offset(),
                       elements + walk.offset() + walk.nbytes());
      }
      packed = packed_.data();
    }
    check_blocks(index_, item.entry, chunk, box, packed);
  }
}

}  // namespace h5dcp
