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

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/context.hpp"
#include "h5dcp/error.hpp"
#include "layout/tables.hpp"
#include "storage/chunk_index.hpp"
#include "storage/data_files.hpp"
#include "storage/folder.hpp"
#include "storage/hdf5_save.hpp"
#include "storage/partial_name.hpp"

namespace h5dcp {
namespace {

// Whether the file under `path` is the one that `file` has open: some file systems report an error
// for a rename that took place.
bool is_file(const std::string& path, const PosixFile& file) {
  struct stat named {};
  struct stat open {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file.get(), &open) == 0 &&
         named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

[[noreturn]] void fail_rename(const std::string& from, const std::string& to, int error) {
  fail_errno("rename '" + from + "' to '" + to + "'", to, error);
}

// What `call` leaves in errno, once it is not interrupted; 0 if it succeeds.
template <class Call>
int error_of(const Call& call) {
  while (call() != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

void rename_over(const std::string& from, const std::string& to, const PosixFile& file) {
  const int error = error_of([&] { return ::rename(from.c_str(), to.c_str()); });
  if (error != 0 && !is_file(to, file)) fail_rename(from, to, error);
}

void rename_to_new(const std::string& from, const std::string& to, const PosixFile& file) {
  int error = error_of(
      [&] { return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE); });
  if (error == EINVAL || error == ENOSYS) {
    // A file system without that flag. A link fails as well if the name is taken.
    error = error_of([&] { return ::link(from.c_str(), to.c_str()); });
    if (error == 0 || is_file(to, file)) {
      error_of([&] { return ::unlink(from.c_str()); });  // or a later save does
      return;
    }
  }
  if (error == 0 || is_file(to, file)) return;
  if (error == EEXIST) throw exists_already(to);  // it came while we saved
  fail_rename(from, to, error);
}

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
  const auto replaced = data_folder_at(path_);
  if (options_.overwrite == Overwrite::refuse) {
    rename_to_new(save.partial, path_, save.files.own());
  } else {
    rename_over(save.partial, path_, save.files.own());
  }
  save.partial.clear();  // it is the checkpoint now, whatever comes
  save.data_folder.clear();
  with_context("'" + path_ + "' is the new checkpoint, but may not survive a crash",
               [&] { sync_folder(folder_of(path_)); });
  std::error_code ignored;  // a later save removes what is left
  if (!replaced.empty()) std::filesystem::remove_all(replaced, ignored);
}

void Hdf5Writer::finish(const Comm& comm) {
  Save& save = *save_;
  comm.agree("sync '" + path_ + "'", [&] {
    save.files.sync();
    for (const auto& file : save.data_files) file.sync();
    if (!save.data_folder.empty()) sync_folder(save.data_folder);
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
