// Hdf5Writer: durable first, then visible.
//
// 1. Every rank brings what it wrote to the disk (fsync), through a descriptor that was open before
//    the first write, so that it hears of every write that failed later.
// 2. All ranks learn that all did, and that together they wrote every box once.
// 3. Rank 0 tells HDF5 where the chunks of filtered tensors are, if there are any, writes the
//    commit record and brings it to the disk. The file is now a checkpoint, but under its hidden
//    name.
// 4. Rank 0 gives it its name (rename, which is atomic) and brings the folder to the disk.
// 5. Rank 0 removes the data files of the checkpoint that was replaced, if it had any.
//
// A crash before 4 leaves the old checkpoint and an unfinished file that a later save removes; a
// crash after it, the new one.

#include <chrono>
#include <utility>

#include "commit/publish.hpp"
#include "files/access.hpp"
#include "files/folder.hpp"
#include "files/removal.hpp"
#include "h5dcp/error.hpp"
#include "layout/tables.hpp"
#include "skeleton/chunk_index.hpp"
#include "storage/hdf5_save.hpp"

namespace h5dcp {
namespace {

std::int64_t unix_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace

void Hdf5Writer::check_counts(const std::array<std::uint64_t, 3>& counts) const {
  const auto& record = save_->record;
  const auto chunks = record.table(Table::chunks).nbytes / sizeof(ChunkRow);
  if (counts[0] == chunks && counts[1] == record.data_bytes) return;
  throw Error(ErrorCode::internal, std::to_string(counts[0]) + " boxes of " +
                                       std::to_string(counts[1]) + " bytes were written, not " +
                                       std::to_string(chunks) + " of " +
                                       std::to_string(record.data_bytes));
}

void Hdf5Writer::commit(std::uint64_t index_digest) {
  Save& save = *save_;
  Record& record = save.record;
  record.committed = true;
  record.created_unix_ns = unix_ns();
  record.index_digest = index_digest;
  const Bytes start = encode_record(record);
  save.files.own().write(start.data(), start.size(), 0);
  save.files.own().sync();
  auto& made = *save.unfinished;
  if (const auto& access = made.placement().access) {
    if ((access->mode & 0600U) != 0600U) made.give_to_data_files(record.data_files);
    give_finally(*access, made.file().get());
  }
  auto replaced = Removal::of_data(path_);
  take_name(made, path_, options_.overwrite);
  settle_name(path_, std::move(replaced));
  save.unfinished.reset();
}

void Hdf5Writer::finish(const Comm& comm) {
  Save& save = *save_;
  comm.agree("sync '" + path_ + "'", [&] {
    save.files.sync();
    save.data_files.sync();
    if (save.unfinished && !save.unfinished->data_folder().empty()) {
      sync_folder(save.unfinished->data_folder());
    }
  });
  const auto totals = comm.sum("count what was written", {save.counts.begin(), save.counts.end()});
  comm.agree("commit '" + path_ + "'", [&] {
    check_counts({totals[0], totals[1], totals[2]});
    if (!comm.is_coordinator()) return;
    if (save.record.filtered.nbytes > 0) index_chunks(save.files.own(), save.image, save.record);
    commit(totals[2]);
  });
  save.files = CheckpointFiles();
  save.data_files.clear();
  save.image.clear();
}

void Hdf5Writer::sync_again() {
  save_->files.own().sync();
  if (!save_->is_coordinator) save_->files = CheckpointFiles();
}

void Hdf5Writer::commit_again(const std::array<std::uint64_t, 3>& counts) {
  check_counts(counts);
  commit(counts[2]);
  save_->files = CheckpointFiles();
}

}  // namespace h5dcp
