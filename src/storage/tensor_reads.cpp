#include "storage/tensor_reads.hpp"

#include <algorithm>
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
  const Box region{item.storage_offsets, item.lengths};  // the stored piece is the whole tensor
  const auto sizes = index_.sizes(*entry);
  if (!contains(whole_box(sizes), region)) {
    throw Error(ErrorCode::invalid_argument, "'" + item.storage_index.fqn + "' " +
                                                 to_string(region) + ": outside of " +
                                                 to_string(sizes));
  }
  auto& wanted = wanted_.emplace_back(Wanted{&item, *entry, region, {}, 0});
  for (const auto& chunk : chunks(*entry)) {
    cuts_.clear();
    parts_of(chunk, region, itemsize(index_.dtype(*entry)), piece_bytes_, checks_, cuts_);
    for (const auto& cut : cuts_) {
      auto& parts = chunk.stored.empty() ? parts_ : filtered_;
      parts.push_back(
          {&wanted, &chunk, cut.box, relative_to(cut.box, chunk.part.box.offsets), cut.useful, {}});
      ++wanted.parts;
    }
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

void* TensorReads::in_place(const Part& part) const {
  const auto& target = part.wanted->target;
  if (part.useful != part.box || target.dtype != index_.dtype(part.wanted->entry)) return nullptr;
  const auto view = narrow(target, relative_to(part.box, part.wanted->region.offsets));
  return is_contiguous(view) ? view.data : nullptr;
}

std::string TensorReads::describe(std::size_t i) const {
  return describe(parts_[i]);
}

void* TensorReads::into(std::size_t i, LoadPlanner& planner) {
  return into(parts_[i], planner);
}

void TensorReads::took(std::size_t i, LoadPlanner& planner) {
  Part& part = parts_[i];
  const void* packed = part.detour.empty() ? in_place(part) : part.detour.data();
  if (checks_) check_blocks(index_, part.wanted->entry, *part.chunk, part.box, packed);
  put(part, planner);
}

void TensorReads::read_filtered(LoadPlanner& planner) {
  for (auto& part : filtered_) {
    with_late_context([&] { return "read " + describe(part); },
                      [&] {
                        read_checked(files_, index_, part.wanted->entry, *part.chunk, part.box,
                                     into(part, planner));
                      });
    put(part, planner);
  }
}

std::string TensorReads::describe(const Part& part) const {
  return "'" + part.wanted->item->storage_index.fqn + "' " + to_string(part.box) + " " +
         std::string(to_string(index_.dtype(part.wanted->entry)));
}

void* TensorReads::into(Part& part, LoadPlanner& planner) {
  auto& target = part.wanted->target;
  if (target.data == nullptr) {
    target = planner.resolve_tensor(*part.wanted->item);
    if (target.sizes != part.wanted->region.sizes) {
      throw Error(ErrorCode::invalid_argument,
                  "'" + part.wanted->item->storage_index.fqn + "': the planner gave " +
                      to_string(target.sizes) + " for " + to_string(part.wanted->region));
    }
  }
  if (void* place = in_place(part)) return place;
  const auto dtype = index_.dtype(part.wanted->entry);
  if (!spare_.empty()) {
    part.detour = std::move(spare_.back());
    spare_.pop_back();
  }
  part.detour.resize(static_cast<std::size_t>(nbytes(dtype, part.box.sizes)));
  return part.detour.data();
}

// Once the elements are where into() said.
void TensorReads::put(Part& part, LoadPlanner& planner) {
  const auto& wanted = *part.wanted;
  if (!part.detour.empty()) {
    const auto read =
        contiguous_view(part.detour.data(), index_.dtype(wanted.entry), part.box.sizes);
    copy_elements(narrow(read, relative_to(part.useful, part.box.offsets)),
                  narrow(wanted.target, relative_to(part.useful, wanted.region.offsets)));
    spare_.push_back(std::move(part.detour));
    part.detour.clear();
  }
  if (--part.wanted->parts == 0) planner.commit_tensor(*wanted.item, wanted.target);
}

}  // namespace h5dcp
