#include "storage/tensor_reads.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {
const std::vector<StoredChunk>& TensorReads::chunks(std::size_t entry) {
  if (chunks_.empty() || chunks_.back().first != entry) {
    chunks_.emplace_back(entry, read_chunks(tables_, index_, entry));
  }
  return chunks_.back().second;
}

void TensorReads::add(const ReadItem& item) {
  // Items mostly come in the order of names.
  const auto entry =
      index_.find(item.storage_index.fqn, chunks_.empty() ? 0 : chunks_.back().first + 1);
  if (!entry || index_.kind(*entry) != EntryKind::tensor) {
    throw Error(ErrorCode::not_found, "'" + item.storage_index.fqn + "' is no tensor here");
  }
  auto& wanted = wanted_.emplace_back(Wanted{&item, *entry});
  const Box region = wanted.region();
  const auto sizes = index_.sizes(*entry);
  if (!contains(whole_box(sizes), region)) {
    throw Error(ErrorCode::invalid_argument, "'" + item.storage_index.fqn + "' " +
                                                 to_string(region) + ": outside of " +
                                                 to_string(sizes));
  }
  for (const auto& chunk : chunks(*entry)) {
    cuts_.clear();
    parts_of(chunk, region, itemsize(index_.dtype(*entry)), piece_bytes_, checks_, cuts_);
    auto& parts = chunk.stored.empty() ? parts_ : filtered_;
    for (const auto& cut : cuts_) {
      parts.push_back({&wanted, &chunk, relative_to(cut, chunk.part.box.offsets), {}});
    }
    wanted.parts += cuts_.size();
  }
}

std::vector<Piece> TensorReads::pieces() {
  const auto entry_of = [](const Part& part) { return part.wanted->entry; };
  if (!std::ranges::is_sorted(parts_, {}, entry_of)) {
    std::ranges::stable_sort(parts_, {}, entry_of);
  }
  std::vector<Piece> made;
  made.reserve(parts_.size());
  for (const auto& part : parts_) {
    const auto entry = part.wanted->entry;
    const auto& in = part.chunk->part;
    made.push_back({{entry, in.address, itemsize(index_.dtype(entry)), in.box.sizes, in.file,
                     index_.row(entry).nbytes},
                    {&part.in_part, 1}});
  }
  return made;
}

Box TensorReads::box_of(const Part& part) {
  Box box = part.in_part;
  const auto& origin = part.chunk->part.box.offsets;
  for (std::size_t d = 0; d < origin.size(); ++d) box.offsets[d] += origin[d];
  return box;
}

const TensorView& TensorReads::target(Wanted& wanted) {
  if (wanted.target.data != nullptr) return wanted.target;
  wanted.target = planner_.resolve_tensor(*wanted.item);
  if (wanted.target.sizes != wanted.item->lengths) {
    throw Error(ErrorCode::invalid_argument,
                "'" + wanted.item->storage_index.fqn + "': the planner gave " +
                    to_string(wanted.target.sizes) + " for " + to_string(wanted.region()));
  }
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
  if (!checked) check(i, packed);
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
  return "'" + part.wanted->item->storage_index.fqn + "' " + to_string(box_of(part)) + " " +
         std::string(to_string(index_.dtype(part.wanted->entry)));
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
