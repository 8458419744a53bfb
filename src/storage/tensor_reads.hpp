// What a rank reads of tensors: whole blocks, checked, then the part that was asked for.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "files/checkpoint_files.hpp"
#include "files/index.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/planner.hpp"
#include "storage/entry_item.hpp"
#include "storage/small_tensors.hpp"
#include "storage/stored_blocks.hpp"
#include "transfer/engine.hpp"

namespace h5dcp {

// One rank's reads of tensors, into what the planner gives. The references must outlive it.
class TensorReads : public Receiver {
 public:
  // Without `checks`, blocks that are not filtered are taken as they are. `sharing` is how many
  // ranks read together, 0 if each reads for itself.
  TensorReads(const CheckpointFiles& files, const Index& index, LoadPlanner& planner,
              std::uint64_t piece_bytes, bool checks, int sharing)
      : files_(files),
        index_(index),
        planner_(planner),
        tables_(files.own(), index.record()),
        piece_bytes_(piece_bytes),
        checks_(checks),
        sharing_(sharing),
        small_(index, tables_, planner, checks) {}

  void add(const ReadItem& item);

  // To be called when all are added: how many passes this rank needs. Items that share memory are
  // in different passes, so each block is checked before anything else is read to its place, and
  // the last item of the plan wins.
  std::uint64_t part_into_passes();

  // What an engine is to read in a pass; passes ascend from 0, and what the pass before read must
  // have arrived. Filtered tensors are not in it.
  ToRead to_read(std::uint64_t pass);

  // Reads the filtered ones of this pass.
  void read_filtered();

  // From here on, what an engine has read and does not match its checksums is read once more
  // (pread), and only damaged if it does not match then either.
  void doubt_engine() { doubts_ = true; }
  // How many parts the engine has read wrong.
  std::uint64_t read_wrong() const { return read_wrong_; }

  // Of to_read().pieces[i].
  std::string describe(std::size_t i) const override { return describe(parts_[i]); }
  void* into(std::size_t i) override { return into(parts_[i]); }
  void took(std::size_t i, const void* packed, bool checked) override;
  bool check(std::size_t i, const void* packed) override;
  void took_range(std::size_t i, const void* bytes) override { small_.took(i, bytes); }

 private:
  // An item that is read in parts, and what it takes to fill it.
  struct Wanted : EntryItem {
    TensorView target = {};  // from the planner, when the first bytes come
    std::size_t parts = 0;   // that are still to come
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
  void read_again(Part& part);
  // Copies the elements, of the whole part, to where the item wants them.
  void put(const Part& part, const void* packed);
  void finish(Part& part);
  void cut(std::span<const EntryItem> items);

  const CheckpointFiles& files_;
  const Index& index_;
  LoadPlanner& planner_;
  TableReader tables_;
  std::uint64_t piece_bytes_;
  bool checks_;
  int sharing_;
  bool doubts_ = false;
  std::uint64_t read_wrong_ = 0;
  std::vector<std::vector<EntryItem>> passes_{1};  // each one's items
  SmallTensors small_;
  // Of this pass.
  std::deque<Wanted> wanted_;                    // of the others
  std::deque<std::vector<StoredChunk>> chunks_;  // of each of their entries
  std::vector<Part> parts_;
  std::vector<Bytes> spare_;    // detours that were used
  std::vector<Box> cuts_;       // of one chunk; kept for its memory
  std::vector<Box> regions_;    // of one entry; kept for its memory
  std::vector<Part> filtered_;  // each of whole chunks of HDF5
};

}  // namespace h5dcp
