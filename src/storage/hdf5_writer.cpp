#include "h5dcp/hdf5.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/context.hpp"
#include "files/folder.hpp"
#include "h5dcp/error.hpp"
#include "storage/hdf5_options.hpp"
#include "storage/hdf5_save.hpp"

namespace h5dcp {

Hdf5Writer::Hdf5Writer(std::string path, Hdf5Options options)
    : path_(std::move(path)), options_(std::move(options)), save_(std::make_unique<Save>()) {
  check_writer_options(options_);
}

Hdf5Writer::~Hdf5Writer() = default;

void Hdf5Writer::reset(const std::optional<std::string>& checkpoint_id) {
  if (checkpoint_id) path_ = *checkpoint_id;
  save_ = std::make_unique<Save>();
  check_path("save to", path_);
}

StorageMeta Hdf5Writer::storage_meta() const {
  const auto generation = save_->record.generation;  // 0 until there is a file
  return {.checkpoint_id = path_,
          .save_id = generation == 0 ? std::string() : std::to_string(generation),
          .load_id = {}};
}

bool Hdf5Writer::validate_checkpoint_id(const std::string& checkpoint_id) {
  return why_not(checkpoint_id).empty();
}

std::string Hdf5Writer::why_not(const std::string& checkpoint_id) {
  auto why = why_no_checkpoint(checkpoint_id);
  if (!why.empty()) return why;
  std::error_code unknown;
  const auto folder = nearest_folder(folder_of(checkpoint_id));
  const auto name = "'" + folder.string() + "'";
  if (!std::filesystem::is_directory(folder, unknown)) return name + " is not a directory";
  if (::access(folder.c_str(), W_OK) == 0) return "";
  return name + " cannot be written: " + std::generic_category().message(errno);
}

void Hdf5Writer::set_up_storage_writer(bool is_coordinator) {
  save_->is_coordinator = is_coordinator;
}

void Hdf5Writer::abandon() noexcept {
  save_->partial.clear();
  save_->data_files.clear();
  save_->files = CheckpointFiles();
  save_->unfinished.reset();  // which removes what was made
  save_->image.clear();
}

CollectiveCalls Hdf5Writer::collective_calls() const {
  return save_->calls;
}

}  // namespace h5dcp
