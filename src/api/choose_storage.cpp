#include "api/choose_storage.hpp"

#include <algorithm>

#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"

namespace h5dcp {
namespace {

using Validate = std::function<bool(const std::string&)> StorageBackend::*;
using WhyNot = std::function<std::string(const std::string&)> StorageBackend::*;

// `doing` begins the message: "save to".
const StorageBackend& choose(const std::vector<StorageBackend>& backends,
                             const std::optional<std::string>& id, const std::string& doing,
                             Validate validate, WhyNot why_not) {
  if (!id || id->empty()) {
    throw Error(ErrorCode::invalid_argument, doing + ": no checkpoint id is given, and no storage");
  }
  const auto takes = [&](const StorageBackend& backend) { return (backend.*validate)(*id); };
  const auto found = std::ranges::find_if(backends, takes);
  if (found != backends.end()) return *found;
  std::string asked;
  for (const auto& backend : backends) {
    const auto& why = backend.*why_not;
    asked += (asked.empty() ? "" : "; ") + backend.name;
    if (why) asked += ": " + why(*id);
  }
  throw Error(ErrorCode::invalid_argument,
              doing + " '" + *id + "': no storage takes that checkpoint id (" + asked + ")");
}

}  // namespace

std::vector<StorageBackend> default_backends() {
  return {{.name = "HDF5",
           .validate_writer_id = Hdf5Writer::validate_checkpoint_id,
           .validate_reader_id = Hdf5Reader::validate_checkpoint_id,
           .make_writer = [](const std::string& id) { return std::make_unique<Hdf5Writer>(id); },
           .make_reader = [](const std::string& id) { return std::make_unique<Hdf5Reader>(id); },
           .why_not_writer_id = Hdf5Writer::why_not,
           .why_not_reader_id = Hdf5Reader::why_not}};
}

std::unique_ptr<StorageWriterBase> choose_writer(const std::vector<StorageBackend>& backends,
                                                 const std::optional<std::string>& checkpoint_id) {
  return choose(backends, checkpoint_id, "save to", &StorageBackend::validate_writer_id,
                &StorageBackend::why_not_writer_id)
      .make_writer(*checkpoint_id);
}

std::unique_ptr<StorageReaderBase> choose_reader(const std::vector<StorageBackend>& backends,
                                                 const std::optional<std::string>& checkpoint_id) {
  return choose(backends, checkpoint_id, "load from", &StorageBackend::validate_reader_id,
                &StorageBackend::why_not_reader_id)
      .make_reader(*checkpoint_id);
}

}  // namespace h5dcp
