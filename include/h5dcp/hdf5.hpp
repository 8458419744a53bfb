// Checkpoints as HDF5 files, in which every tensor is one dataset. docs/format.md has every
// byte.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/files.hpp"
#include "h5dcp/filters.hpp"
#include "h5dcp/options.hpp"
#include "h5dcp/storage.hpp"
#include "h5dcp/striping.hpp"

namespace h5dcp {

// How tensor bytes get to the file and back. The files are the same.
enum class Transfer : std::uint8_t {
  direct,      // every rank reads and writes its own ranges at known addresses, without HDF5
  collective,  // tensors by parallel HDF5: collective H5Dwrite and H5Dread through MPI-IO
  // As direct, but the ranks of a node read and write together, through shared memory, and nodes
  // send each other what they would write to the same blocks of the file.
  aggregated,
  automatic,  // aggregated for short ranges and what several ranks of a node read, else direct
};

// "direct", and the inverse; nullopt for a name that is none.
std::string_view to_string(Transfer transfer);
std::optional<Transfer> transfer_named(std::string_view name);

enum class Overwrite : std::uint8_t {
  replace,  // a checkpoint of that name is replaced, in one step, once the new one is durable
  refuse,   // it is an error if there is one, or if the file system offers no way to be sure
};

// How the elements of tensors lie in the file. The numbers are those of messages.
enum class Layout : std::uint8_t {
  contiguous = 0,       // row-major
  chunk_per_shard = 1,  // each box that a rank writes in one piece, as a chunk of HDF5
};

// "chunk_per_shard".
std::string_view to_string(Layout layout);

struct Hdf5Options {
  Transfer transfer = Transfer::automatic;   // the same on all ranks, else every call is refused
  Overwrite overwrite = Overwrite::replace;  // what rank 0 has counts, in each save
  // The most that one operation moves, and about what a rank needs beside its state; at most 1 GiB.
  std::uint64_t piece_bytes = std::uint64_t{8} << 20;
  // Of tensors; the same on all ranks. Tensors of less than 4 KiB, and those that ranks hold in
  // boxes that no chunks suit, are stored without.
  Filters filters = {};
  // Whether a save hashes the blocks of tensors and a load compares them. Without, nothing finds
  // out that the bytes of a tensor were changed; all else of the file is covered as ever. Of a save
  // the same on all ranks, with no effect on filtered tensors. Must be true with
  // Transfer::collective, as MPI-IO may move wrong bytes and report success.
  bool checksums = true;
  // Of a save; the same on all ranks. If not one, without Transfer::collective and filters; a load
  // finds out for itself, and must be without Transfer::collective then.
  Files files = {};
  // What MPI-IO is told when Transfer::collective opens a file, after Options::hints; the same on
  // all ranks.
  Hints hints = {};
  // Of a save; what rank 0 has counts. A save with another value does not repeat an earlier plan.
  // Tensors of a multiple of so many bytes, or of 64 times as many, begin at a multiple of it.
  // A multiple of 4096; 0: the block of the file system, on Lustre the stripe.
  std::uint64_t alignment = 0;
  // Of the files that a save makes on Lustre, data files too; what rank 0 has counts. Where it
  // cannot be done, it is logged as a warning, and they are as their folder says.
  Striping striping = {};
  // Of a save; the same on all ranks. With chunk_per_shard the part of each rank is one range of
  // the file, on pages of its own, however the tensor is sharded: tensors in boxes of one size (but
  // for those at their ends), of 8 KiB to 4 GiB each, are chunked datasets without filters. All
  // others are contiguous. Not together with Transfer::collective, filters or data files; a load
  // finds out for itself, and must be without Transfer::collective then.
  Layout layout = Layout::contiguous;
  // Of a save with Transfer::collective; each rank decides for what it writes. Whether what went
  // through MPI-IO is read back (pread), after an fsync, and compared with its checksums before the
  // checkpoint gets its name. It costs one more read of all bytes, mostly from the page cache.
  bool verify_collective_writes = true;
};

// What the collective engine did, as HDF5 tells after each call. Every rank counts for itself.
struct CollectiveCalls {
  std::uint64_t collective = 0;
  std::uint64_t independent = 0;  // fell back; 0 unless something is wrong
};

class Hdf5Writer : public ParallelStorageWriter, private RepeatingWriter {
 public:
  // Throws Error{invalid_argument} for options that make no sense, alone or together.
  explicit Hdf5Writer(std::string path, Hdf5Options options = {});
  ~Hdf5Writer() override;

  void reset(const std::optional<std::string>& checkpoint_id) override;
  StorageMeta storage_meta() const override;
  void set_up_storage_writer(bool is_coordinator) override;
  std::vector<std::vector<StorageData>> prepare_global_plan(
      const Comm& comm, const std::vector<PlannedEntry>& share) override;
  std::vector<WriteResult> write_data(const Comm& comm, const SavePlan& plan,
                                      SavePlanner& planner) override;
  void finish(const Comm& comm) override;
  void abandon() noexcept override;
  // In one file, without Transfer::collective and without filters. A derived class writes in its
  // own way, so it cannot unless it says so.
  RepeatingWriter* repeating() override;

  // Whether `checkpoint_id` can be the path of a file: no URL, no folder, and the nearest folder
  // above it that exists can be written. Rank-local.
  static bool validate_checkpoint_id(const std::string& checkpoint_id);
  // Why validate_checkpoint_id() is false, as "it is a directory"; empty if it is true.
  // Rank-local.
  static std::string why_not(const std::string& checkpoint_id);

  // Of the last save.
  CollectiveCalls collective_calls() const;

 private:
  std::shared_ptr<StoredLayout> keep_layout() override;
  std::string layout_options() const override;
  std::uint64_t room_for(const BytesWriteData& value) const override;
  void begin_again(const Comm& comm, StoredLayout& layout) override;
  bool exchanges() const override;
  void exchange_again(const Comm& comm, const SavePlan& plan, SavePlanner& planner) override;
  Rewritten write_again(const Comm& comm, const SavePlan& plan, SavePlanner& planner) override;
  void sync_again() override;
  void commit_again(const std::array<std::uint64_t, 3>& counts) override;

  // Of what all ranks have written: throws Error{internal} if it is not all.
  void check_counts(const std::array<std::uint64_t, 3>& counts) const;
  // On the coordinator, once all ranks have synced: record, rename.
  void commit(std::uint64_t index_digest);

  struct Save;
  std::string path_;
  Hdf5Options options_;
  std::unique_ptr<Save> save_;  // the save in progress, or the last one
};

class Hdf5Reader : public ParallelStorageReader {
 public:
  // Throws Error{invalid_argument} for options that make no sense.
  explicit Hdf5Reader(std::string path, Hdf5Options options = {});
  ~Hdf5Reader() override;

  void reset(const std::optional<std::string>& checkpoint_id) override;
  Metadata read_metadata(const Comm& comm) override;
  void set_up_storage_reader(const Metadata& metadata, bool is_coordinator) override;
  bool open_data(const Comm& comm, const LoadPlan& plan) override;
  void read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) override;

  // Whether `checkpoint_id` can be the path of a file: no URL and no folder. Rank-local.
  static bool validate_checkpoint_id(const std::string& checkpoint_id);
  // Why validate_checkpoint_id() is false, as "it is a directory"; empty if it is true.
  // Rank-local.
  static std::string why_not(const std::string& checkpoint_id);

  // Of the last load.
  CollectiveCalls collective_calls() const;

 private:
  struct Load;
  std::string path_;
  Hdf5Options options_;
  std::unique_ptr<Load> load_;  // the load in progress, or the last one
};

}  // namespace h5dcp
