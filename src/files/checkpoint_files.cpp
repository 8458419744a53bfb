#include "files/checkpoint_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "files/file_head.hpp"
#include "files/folder.hpp"
#include "h5dcp/error.hpp"
#include "layout/data_parts.hpp"

namespace h5dcp {

std::string data_folder_of(const std::string& path, const std::string& name) {
  std::error_code unknown;
  auto file = std::filesystem::path(path);
  if (std::filesystem::is_symlink(file, unknown)) {
    const auto target = std::filesystem::canonical(file, unknown);
    if (!unknown) file = target;
  }
  return (folder_of(file) / name).string();
}

CheckpointFiles::CheckpointFiles(PosixFile own, PosixFile::Mode mode)
    : own_(std::move(own)), mode_(mode), data_(std::make_unique<FilePool>(mode)) {}

void CheckpointFiles::expect(const Record& record) {
  generation_ = record.generation;
  data_files_ = record.data_files;
  folder_ = data_files_ > 0 ? data_folder_of(own_.path(), record.data_folder) : "";
}

std::string CheckpointFiles::path_of(std::uint32_t number) const {
  return folder_ + "/" + data_file_name(number);
}

std::shared_ptr<const PosixFile> CheckpointFiles::at(std::uint32_t number) const {
  if (number == 0) return {std::shared_ptr<const PosixFile>(), &own_};  // owns nothing
  const auto found = data_file(number);
  return {found, &found->file};
}

bool CheckpointFiles::is_replaced() const {
  struct stat named {};
  struct stat open {};
  return ::stat(own_.path().c_str(), &named) != 0 || ::fstat(own_.get(), &open) != 0 ||
         named.st_ino != open.st_ino || named.st_dev != open.st_dev;
}

bool CheckpointFiles::open_ahead(const std::vector<std::uint32_t>& numbers) const {
  if (!data_) return true;
  const auto most = std::min(numbers.size(), data_->room());
  return std::all_of(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(most),
                     [&](std::uint32_t number) {
                       try {
                         data_file(number);
                         return true;
                       } catch (const Error&) {
                         return !is_replaced();
                       }
                     });
}

Record CheckpointFiles::record_of(std::uint32_t number) const {
  return data_file(number)->record;
}

std::shared_ptr<const DataFile> CheckpointFiles::data_file(std::uint32_t number) const {
  if (number < 1 || number > data_files_) {
    throw Error(ErrorCode::internal, "there is no data file " + std::to_string(number));
  }
  return data_->get(number, [&] { return open(number); });
}

DataFile CheckpointFiles::open(std::uint32_t number) const {
  const auto path = path_of(number);
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::corrupt,
                "data file " + std::to_string(number) + ", '" + path + "': " + what);
  };
  DataFile opened;
  try {
    opened.file = PosixFile(path, mode_);
    opened.record = decode_record(start_of(opened.file));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found && is_replaced()) {
      throw Error(ErrorCode::io, "data file " + std::to_string(number) + ", '" + path +
                                     "': it is gone, as '" + own_.path() +
                                     "' was replaced while it was read: read it again");
    }
    if (error.code() == ErrorCode::not_found) refuse("it is missing");
    if (error.code() == ErrorCode::corrupt) refuse(error.what());
    throw;
  }
  const auto& record = opened.record;
  if (record.generation != generation_) refuse("it is of another checkpoint, or of another save");
  if (record.data_file != number) {
    refuse("it is data file " + std::to_string(record.data_file) + " of the checkpoint");
  }
  if (const auto size = opened.file.size(); size != record.file_bytes) {
    refuse("it has " + std::to_string(size) + " bytes, its record says " +
           std::to_string(record.file_bytes) + ": it was cut or added to");
  }
  return opened;
}

void CheckpointFiles::sync() const {
  own_.sync();
  if (data_) data_->sync();
}

}  // namespace h5dcp
