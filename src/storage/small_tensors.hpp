// Reading tensors of few bytes: all of each, whatever part is asked for.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "files/index.hpp"
#include "files/table_reader.hpp"
#include "h5dcp/bytes.hpp"
#include "storage/entry_item.hpp"

namespace h5dcp {

// Of many tensors no list of blocks and pieces is kept: those of one are looked up when its bytes
// are there, and forgotten again.
class SmallTensors {
 public:
  // Blocks are not checked without `checks`. The references must outlive it.
  SmallTensors(const Index& index, TableReader& tables, LoadPlanner& planner, bool checks)
      : index_(index), tables_(tables), planner_(planner), checks_(checks) {}

  // Whether all of an entry should be read, if each of so many ranks of a node wants what `items`
  // of it are.
  static bool are_small(const Index& index, std::span<const EntryItem> items, int ranks);

  // All items of one entry, which must outlive this.
  void add(std::span<const EntryItem> items) { small_.push_back(items); }

  // Forgets all entries.
  void clear() { small_.clear(); }

  // To be called when all are added: where the elements of each entry are, ascending.
  //
  // Throws Error{corrupt} if two entries have bytes in common.
  std::vector<Range> ranges();

  // Fills the items of the entry at ranges()[i], all of which is at `elements`.
  void took(std::size_t i, const void* elements);

 private:
  void check(const EntryItem& item, const TensorView& stored);

  const Index& index_;
  TableReader& tables_;
  LoadPlanner& planner_;
  bool checks_;
  std::vector<std::span<const EntryItem>> small_;  // by address once ranges() was called
  // Of the entry at hand; kept for their memory.
  std::vector<StoredChunk> chunks_;
  std::vector<Box> regions_;
  Bytes packed_;
};

}  // namespace h5dcp
