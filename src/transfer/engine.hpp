// How packed elements get to their places in the file and back. Two ways, the same bytes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/checkpoint_files.hpp"
#include "files/index.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/box.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"
#include "hdf5/mpi_hints.hpp"

namespace h5dcp {

// A contiguous dataset, or the part of one that is in a data file. Datasets are numbered alike on
// all ranks: first those of the entries, by their row (also the rows that have none), then the
// tables, in the order of Table.
struct Target {
  std::uint64_t number = 0;
  std::uint64_t address = 0;  // of its first element
  std::size_t itemsize = 1;
  Extents sizes;
  std::uint32_t file = 0;           // as DataPart; 0 with the collective engine
  std::uint64_t dataset_bytes = 0;  // of all of it, if this is a part
};

// What is moved at once: boxes of one dataset, in the order of their elements there, packed one
// after the other. Not more bytes than Hdf5Options::piece_bytes, unless one block is larger.
struct Piece {
  Target target;
  std::span<const Box> boxes;  // whoever makes the piece keeps them
};

// Who wants what is read. Called on the rank itself; may throw, which ends as the same exception on
// all ranks.
class Receiver {
 public:
  Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  virtual ~Receiver() = default;

  // Names piece i in errors.
  virtual std::string describe(std::size_t i) const = 0;

  // Where the elements of piece i go.
  virtual void* into(std::size_t i) = 0;

  // The elements of piece i are at `packed`: where into(i) said, or, if nobody asked that, in
  // memory of the engine until this returns. `checked` is whether check() has passed them, here or
  // on a rank that reads the same piece. Other pieces may come between into(i) and this.
  virtual void took(std::size_t i, const void* packed, bool checked) = 0;

  // Throws if the elements of piece i, which are at `packed` for now, are not as they were written.
  // Whether anybody could tell.
  virtual bool check(std::size_t i, const void* packed) = 0;

  // The bytes of ToRead::ranges[i] are at `bytes` until this returns.
  virtual void took_range(std::size_t i, const void* bytes) = 0;
};

// What a rank reads.
struct ToRead {
  std::vector<Piece> pieces;  // ordered by their targets' numbers
  // Of the checkpoint's own file, ascending and disjoint, each at most Window::kSlotBytes. None if
  // the transfer is direct or collective.
  std::vector<Range> ranges;
};

// All methods are collective; the pieces of a rank are ordered by their targets' numbers. Callbacks
// run on the rank itself and may throw: that ends as the same exception on all ranks. `describe(i)`
// names piece i in errors.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  using Describe = std::function<std::string(std::size_t)>;

  // `data(i)` returns the elements of piece i, good until the next call.
  virtual void write(std::string_view step, const std::vector<Piece>& pieces,
                     const Describe& describe,
                     const std::function<const void*(std::size_t)>& data) = 0;

  virtual void read(std::string_view step, const ToRead& wanted, Receiver& receiver) = 0;
};

// Every way but the collective one: through `files`, either each rank for itself, or together with
// the other ranks of its node, as WindowWrite and WindowRead do. `datasets` is how many there are.
//
// Errors are rank-local. It is a NodeSession from its making to its end, so all ranks of the node
// make it, which connect_node() has connected. `files` must outlive it.
std::unique_ptr<Engine> node_engine(const Comm& comm, const CheckpointFiles& files,
                                    Transfer transfer, std::size_t datasets);

// `engine`, whose errors are rank-local, with errors that are the same on all ranks.
std::unique_ptr<Engine> agreed(const Comm& comm, std::unique_ptr<Engine> engine);

// Parallel HDF5 in collective mode on the checkpoint's own file, which MPI-IO opens by its name and
// with `hints`; counts its calls. It moves elements of entries, and no tables. A checkpoint that
// was replaced since `files` were opened is read from these, directly. All four references must
// outlive the engine.
std::unique_ptr<Engine> collective_engine(const Comm& comm, const CheckpointFiles& files,
                                          const Index& index, const MpiInfo& hints,
                                          CollectiveCalls& calls);

}  // namespace h5dcp
