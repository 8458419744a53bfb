// A checkpoint file as one process sees it, without MPI and without HDF5: for tools and for looking
// before loading.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/box.hpp"
#include "h5dcp/extension.hpp"
#include "h5dcp/filters.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/state_dict.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {

// What the commit record says of the whole.
struct CheckpointSummary {
  std::uint32_t format_version = 0;
  std::uint64_t generation = 0;      // a random number that no two saves share
  std::int64_t created_unix_ns = 0;  // when it was committed, by rank 0's clock
  std::uint32_t world_size = 0;      // ranks that saved it
  std::uint64_t entries = 0;         // tensors and values
  std::uint64_t chunks = 0;          // boxes written
  std::uint64_t file_bytes = 0;      // without data files
  std::uint64_t data_bytes = 0;      // of all tensors and values
  std::uint32_t data_files = 0;      // beside it
  bool checksums = true;             // of the data of tensors without filters; all else has some
};

// One tensor or value.
struct CheckpointEntry {
  std::string fqn;
  Path path;
  EntryKind kind = EntryKind::tensor;
  DType dtype = DType::float32;  // of a tensor, scalar or list
  Extents size;                  // of the same
  std::uint64_t nbytes = 0;      // of JSON or bytes: reserved, the value may be shorter
  std::uint64_t address = 0;     // of the first byte in the file, if there are bytes and no filters
  std::uint64_t chunks = 0;      // boxes in which it was written
  Filters filters;               // of a tensor
  Extents chunk_shape;           // of HDF5's chunks; empty if it is not chunked
  std::vector<std::uint32_t> data_files;  // in which it is, ascending; then it has no address
};

// One box as it was written.
struct CheckpointChunk {
  Box box;
  std::uint32_t writer = 0;  // the rank that wrote it
  std::uint64_t nbytes = 0;
  std::uint64_t stored_bytes = 0;  // in the file: what filters leave of them
  std::uint64_t blocks = 0;        // checksums it has
  std::uint32_t data_file = 0;     // in which it is; 0: the checkpoint itself
};

// Something in a file that is not as it was committed.
struct Damage {
  std::string what;           // e.g. "tensor data", "commit record", "HDF5 metadata"
  std::string fqn;            // empty if not of one entry
  std::optional<Box> box;     // the elements that cannot be trusted
  std::uint64_t address = 0;  // of the first byte that may be wrong, in the file
  std::uint64_t nbytes = 0;  // from there to the last one; between them may be those of other boxes
  std::string file = {};     // path of the data file, if it is in one
};

// Told now and then during long work: bytes done, of so many.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// A tensor, scalar or list in a file, to be read in parts. Made by CheckpointFile::tensor, which
// must outlive it.
class StoredTensor {
 public:
  StoredTensor(StoredTensor&&) noexcept;
  StoredTensor& operator=(StoredTensor&&) noexcept;
  ~StoredTensor();

  DType dtype() const;
  const Extents& size() const;

  // All of it in disjoint boxes of at most `max_bytes` each (but at least a checksum block), in no
  // order of use: to read them one by one is to read every byte once.
  std::vector<Box> pieces(std::uint64_t max_bytes) const;

  // Copies the elements of `box` to `target`, which has sizes box.sizes and any dtype they convert
  // to. Reads, and checks, the checksum blocks that `box` touches and nothing else; takes 8 MiB
  // beside the target.
  //
  // Throws Error{invalid_argument} if the box is not inside the tensor, Error{corrupt}, which names
  // the block, Error{io}, and as copy_elements does.
  void read(const Box& box, const TensorView& target) const;

 private:
  friend class CheckpointFile;
  struct Impl;
  explicit StoredTensor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class CheckpointFile {
 public:
  // Reads the commit record and the tables, and checks both: a handful of reads, however many
  // tensors there are.
  //
  // Throws Error{not_found} if there is no file, Error{corrupt} if it is no checkpoint or is
  // damaged, Error{unsupported} if a newer version of h5dcp wrote it, Error{io}, also for a folder.
  explicit CheckpointFile(const std::string& path);
  CheckpointFile(CheckpointFile&&) noexcept;
  CheckpointFile& operator=(CheckpointFile&&) noexcept;
  ~CheckpointFile();

  const std::string& path() const;
  CheckpointSummary summary() const;

  // Entries are ordered by FQN.
  std::size_t size() const;
  CheckpointEntry entry(std::size_t i) const;  // i < size()
  std::optional<std::size_t> find(std::string_view fqn) const;

  // Of data file `number`, from 1 to summary().data_files.
  std::string data_file_path(std::uint32_t number) const;

  // What is wrong with data files: those that are missing, cut, damaged in their records, or of
  // another checkpoint or save. Reads the record of each. Throws Error{io}.
  std::vector<std::string> data_file_faults() const;

  // Who wrote which box of entry i. Throws Error{corrupt}, Error{io}.
  std::vector<CheckpointChunk> chunks(std::size_t i) const;

  // The value of entry i, which is not a tensor.
  //
  // Throws Error{corrupt}, Error{io}, Error{unsupported} if `registry` lacks an extension that the
  // value went through.
  Value value(std::size_t i, const ExtensionRegistry& registry = {}) const;

  // Entry i, which is a tensor, scalar or list, to be read in parts. Reads its chunks.
  //
  // Throws Error{invalid_argument} for JSON and bytes, Error{corrupt}, Error{io}.
  StoredTensor tensor(std::size_t i) const;

  // All of it, chunks included: as many bytes as there are boxes.
  Metadata metadata() const;

  // Reads and checks every byte of the file, and tells of each damage it finds.
  void verify(const std::function<void(const Damage&)>& tell, const Progress& progress = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// As CheckpointFile::verify (verify.hpp has it for all ranks together), but what keeps the file
// from being opened is a damage too.
//
// Throws Error{not_found}, Error{io}, and Error{unsupported} for a newer format.
std::vector<Damage> verify_checkpoint(const std::string& path);

// "tensor data of 'lm_head.weight' [0:4, 0:768] at 8192: 12288 bytes do not match their checksum"
std::string to_string(const Damage& damage);

}  // namespace h5dcp
