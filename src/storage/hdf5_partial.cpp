#include "storage/hdf5_partial.hpp"

#include <algorithm>

#include "comm/log.hpp"
#include "h5dcp/error.hpp"
#include "layout/record.hpp"
#include "storage/folder.hpp"
#include "storage/partial_name.hpp"

namespace h5dcp {

std::string new_partial(const Comm& comm, const std::string& path, Overwrite overwrite,
                        std::uint64_t generation) {
  auto partial = partial_name(path, generation);
  make_folder(folder_of(partial));
  if (overwrite == Overwrite::refuse) refuse_existing(path);
  const std::string create = "create '" + path + "'";
  for (const auto& stale : remove_stale(path, comm.deadline())) {
    log(comm, LogLevel::warning, create,
        create + ": removed '" + stale.string() + "', which a save that was killed has left");
  }
  return partial;
}

PosixFile open_partial(const std::string& path, std::uint64_t generation, int coordinator) {
  PosixFile file(path, PosixFile::Mode::read_write);
  Bytes start(std::min<std::uint64_t>(file.size(), kRecordBytes));
  file.read(start.data(), start.size(), 0);
  if (generation_of_unfinished(start) != generation) {
    throw Error(ErrorCode::io, "open '" + path + "': not the file that rank " +
                                   std::to_string(coordinator) +
                                   " made; all ranks must see the same file system there");
  }
  return file;
}

}  // namespace h5dcp
