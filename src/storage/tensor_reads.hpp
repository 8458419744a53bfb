// What a rank reads of tensors: whole blocks, checked, then the part that was asked for.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/bytes.hpp"
#include "h5dcp/planner.hpp"
#include "storage/checkpoint_files.hpp"
#include "storage/engine.hpp"
#include "storage/index.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {

// One rank's reads of tensors, into what the planner gives. The references must outlive it.
class TensorReads : public Receiver {
 public:
  // Without `checks`, blocks that are not filtered are taken as they are.
  TensorReads(const CheckpointFiles& files, const Index& index, LoadPlanner& planner,
              std::uint64_t piece_bytes, bool checks)
      : files_(files),
        index_(index),
        planner_(planner),
        tables_(files.own(), index.record()),
        piece_bytes_(piece_bytes),
        checks_(checks) {}

  void add(const ReadItem& item);

  // To be called when all are added: puts them in the order of the file. Those of filtered tensors
  // are not among them.
  std::vector<Piece> pieces();

  // Reads the filtered ones.
  void read_filtered();

  // Of pieces()[i].
  // "'lm_head.weight' [0:4, 0:768] float32"
  std::string describe(std::size_t i) const override { return describe(parts_[i]); }
  void* into(std::size_t i) override { return into(parts_[i]); }
  void took(std::size_t i, const void* packed, bool checked) override;
  bool check(std::size_t i, const void* packed) override;

 private:
  // A tensor item and what it takes to fill it.
  struct Wanted {
    const ReadItem* item;
    std::size_t entry;
    TensorView target = {};  // from the planner, when the first bytes come
    std::size_t parts = 0;   // that are still to come
    // In the tensor. The stored piece is the whole tensor.
    Box region() const { return {item->storage_offsets, item->lengths}; }
  };

  // What is read at once: of one stored chunk, whole blocks if they are checked.
  struct Part {
    Wanted* wanted;
    const StoredChunk* chunk;
    Box in_part;        // in the part of the tensor in which the chunk lies
    Bytes detour = {};  // for the elements while they are read, if they cannot go to their place
  };

  static Box box_of(const Part& part);  // in the tensor
  const TensorView& target(Wanted& wanted);
  // Where the elements of a part go without a detour, if they can.
  void* in_place(const Part& part);
  std::string describe(const Part& part) const;
  void* into(Part& part);
  // Copies the elements, of the whole part, to where the item wants them.
  void put(const Part& part, const void* packed);
  void finish(Part& part);
  const std::vector<StoredChunk>& chunks(std::size_t entry);

  const CheckpointFiles& files_;
  const Index& index_;
  LoadPlanner& planner_;
  TableReader tables_;
  std::uint64_t piece_bytes_;
  bool checks_;
  std::deque<Wanted> wanted_;
  std::deque<std::pair<std::size_t, std::vector<StoredChunk>>> chunks_;  // by entry
  std::vector<Part> parts_;
  std::vector<Bytes> spare_;    // detours that were used
  std::vector<Box> cuts_;       // of one chunk; kept for its memory
  std::vector<Part> filtered_;  // each of whole chunks of HDF5
};

}  // namespace h5dcp
