// The storage of a save or load: the caller's, or one that takes the checkpoint id.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/storage.hpp"

namespace h5dcp {

// Rank-local. Throw Error{invalid_argument} if no id is given, or no backend takes it.
std::unique_ptr<StorageWriterBase> choose_writer(const std::vector<StorageBackend>& backends,
                                                 const std::optional<std::string>& checkpoint_id);
std::unique_ptr<StorageReaderBase> choose_reader(const std::vector<StorageBackend>& backends,
                                                 const std::optional<std::string>& checkpoint_id);

}  // namespace h5dcp
