#include "storage/tensor_reads.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "plan/read_passes.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {
void TensorReads::add(const ReadItem& item) {
  // Items mostly come in the order of names.
  auto& items = passes_.front();
  const auto entry =
      index_.find(item.storage_index.fqn, items.empty() ? 0 : items.back().entry + 1);
  if (!entry || index_.kind(*entry) != EntryKind::tensor) {
    throw Error(ErrorCode::not_found, "'" + item.storage_index.fqn + "' is no tensor here");
  }
  const EntryItem wanted{&item, *entry};
  const Box region = wanted.region();
  const auto sizes = index_.sizes(*entry);
  if (!contains(whole_box(sizes), region)) {
    throw Error(ErrorCode::invalid_argument, "'" + item.storage_index.fqn + "' " +
                                                 to_string(region) + ": outside of " +
                                                 to_string(sizes));
  }
  items.push_back(wanted);
}

std::uint64_t TensorReads::part_into_passes() {
  auto all = std::move(passes_.front());
  passes_.front().clear();
  const auto pass_of =
      read_passes(all.size(), [&](std::size_t i) { return planner_.destination(*all[i].item); });
  if (pass_of.empty()) {
    passes_.front() = std::move(all);
    return 1;
  }
  passes_.resize(*std::ranges::max_element(pass_of) + std::size_t{1});
  for (std::size_t i = 0; i < all.size(); ++i) passes_[pass_of[i]].push_back(all[i]);
  return passes_.size();
}

ToRead TensorReads::to_read(std::uint64_t pass) {
  parts_.clear();
  filtered_.clear();
  wanted_.clear();
  chunks_.clear();
  small_.clear();
  if (pass >= passes_.size()) return {};  // other ranks need more passes
  auto& items = passes_[pass];
  if (!std::ranges::is_sorted(items, {}, &EntryItem::entry)) {
    std::ranges::stable_sort(items, {}, &EntryItem::entry);
  }
  for (std::span<const EntryItem> left(items); !left.empty();) {
    std::size_t count = 1;
    while (count < left.size() && left[count].entry == left[0].entry) ++count;
    const auto of_entry = left.first(count);
    left = left.subspan(count);
    if (SmallTensors::are_small(index_, of_entry, sharing_)) {
      small_.add(of_entry);
    } else {
      cut(of_entry);
    }
  }
  ToRead made{.pieces = {}, .ranges = small_.ranges()};
  made.pieces.reserve(parts_.size());
  for (const auto& part : parts_) {
    const auto entry = part.wanted->entry;
    const auto& in = part.chunk->part;
    made.pieces.push_back({{entry, in.address, itemsize(index_.dtype(entry)), in.box.sizes, in.file,
                            index_.row(entry).nbytes},
                           {&part.in_part, 1}});
  }
  return made;
}

// Those of one entry into what is read at once.
void TensorReads::cut(std::span<const EntryItem> items) {
  const auto entry = items.front().entry;
  auto& chunks = chunks_.emplace_back();
  regions_.clear();
  for (const auto& item : items) regions_.push_back(item.region());
  read_chunks(tables_, index_, entry, regions_, chunks);
  std::erase_if(chunks, [&](const StoredChunk& chunk) {  // mostly those of other ranks
    return std::ranges::none_of(items, [&](const auto& item) {
      return intersect(chunk.grid.box, item.region()).has_value();
    });
  });
  for (const auto& item : items) {
    auto& wanted = wanted_.emplace_back(Wanted{item});
    for (const auto& chunk : chunks) {
      cuts_.clear();
      parts_of(chunk, item.region(), itemsize(index_.dtype(entry)), piece_bytes_, checks_, cuts_);
      auto& parts = chunk.stored.empty() ? parts_ : filtered_;
      for (const auto& cut : cuts_) {
        parts.push_back({&wanted, &chunk, relative_to(cut, chunk.part.box.offsets), {}});
      }
      wanted.parts += cuts_.size();
    }
  }
}

Box TensorReads::box_of(const Part& part) {
  Box box = part.in_part;
  const auto& origin = part.chunk->part.box.offsets;
  for (std::size_t d = 0; d < origin.size(); ++d) box.offsets[d] += origin[d];
  return box;
}

const TensorView& TensorReads::target(Wanted& wanted) {
  if (wanted.target.data != nullptr) return wanted.target;
  wanted.target = resolve(planner_, wanted);
  return wanted.target;
}

void* TensorReads::in_place(const Part& part) {
  const auto& to = target(*part.wanted);
  const Box box = box_of(part);
  const Box region = part.wanted->region();
  if (!contains(region, box) || to.dtype != index_.dtype(part.wanted->entry)) return nullptr;
  if (box == region && is_contiguous(to)) return to.data;
  const auto view = narrow(to, relative_to(box, region.offsets));
  return is_contiguous(view) ? view.data : nullptr;
}

void TensorReads::took(std::size_t i, const void* packed, bool checked) {
  Part& part = parts_[i];
  if (!checked) {
    try {
      check(i, packed);
    } catch (const Error&) {
      if (!doubts_) throw;
      read_again(part);
    }
  }
  put(part, packed);
  finish(part);
}

bool TensorReads::check(std::size_t i, const void* packed) {
  const Part& part = parts_[i];
  if (!checks_) return false;
  check_blocks(index_, part.wanted->entry, *part.chunk, box_of(part), packed);
  return true;
}

void TensorReads::read_filtered() {
  for (auto& part : filtered_) {
    void* packed = with_late_context([&] { return "read " + describe(part); },
                                     [&] {
                                       void* to = into(part);
                                       read_checked(files_, index_, part.wanted->entry, *part.chunk,
                                                    box_of(part), to);
                                       return to;
                                     });
    put(part, packed);
    finish(part);
  }
}

std::string TensorReads::describe(const Part& part) const {
  return h5dcp::describe(*part.wanted, box_of(part), index_.dtype(part.wanted->entry));
}

void* TensorReads::into(Part& part) {
  if (void* place = in_place(part)) return place;
  if (!spare_.empty()) {
    part.detour = std::move(spare_.back());
    spare_.pop_back();
  }
  const auto dtype = index_.dtype(part.wanted->entry);
  part.detour.resize(static_cast<std::size_t>(nbytes(dtype, part.in_part.sizes)));
  return part.detour.data();
}

void TensorReads::read_again(Part& part) {
  void* packed = part.detour.empty() ? in_place(part) : part.detour.data();
  read_checked(files_, index_, part.wanted->entry, *part.chunk, box_of(part), packed);
  read_wrong_ += 1;
}

void TensorReads::put(const Part& part, const void* packed) {
  const auto dtype = index_.dtype(part.wanted->entry);
  void* place =
      with_late_context([&] { return "read " + describe(part); }, [&] { return in_place(part); });
  if (place == packed) return;
  if (place != nullptr) {
    std::memcpy(place, packed, static_cast<std::size_t>(nbytes(dtype, part.in_part.sizes)));
    return;
  }
  const Box box = box_of(part);
  const Box region = part.wanted->region();
  const auto useful = intersect(box, region);
  if (!useful) return;
  const auto read = contiguous_view(const_cast<void*>(packed), dtype, box.sizes);
  copy_elements(narrow(read, relative_to(*useful, box.offsets)),
                narrow(part.wanted->target, relative_to(*useful, region.offsets)));
}

void TensorReads::finish(Part& part) {
  if (!part.detour.empty()) spare_.push_back(std::move(part.detour));
  part.detour.clear();
  if (--part.wanted->parts == 0) planner_.commit_tensor(*part.wanted->item, part.wanted->target);
}

}  // namespace h5dcp
