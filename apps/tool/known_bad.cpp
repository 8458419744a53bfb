#include "known_bad.hpp"

#include <algorithm>
#include <string_view>

namespace tool {
namespace {

bool is_nfs(const Facts& facts) {
  return facts.file_system.starts_with("nfs");
}

bool has_option(const Facts& facts, std::string_view wanted) {
  const auto options = "," + facts.mount_options + ",";
  return options.find("," + std::string(wanted) + ",") != std::string::npos;
}

struct Rule {
  Grade grade;
  const char* about;
  bool (*applies)(const Facts&);
  const char* text;
};

constexpr Rule kRules[] = {
    {Grade::bad, "HDF5",
     [](const Facts& facts) { return facts.hdf5_headers != facts.hdf5_library; },
     "headers and library differ: HDF5 ends programs for that; build h5dcp against the library "
     "that "
     "is loaded"},
    {Grade::bad, "HDF5", [](const Facts& facts) { return !facts.hdf5_is_parallel; },
     "built without MPI: h5dcp needs parallel HDF5"},
    {Grade::note, "HDF5",
     [](const Facts& facts) {
       return (facts.hdf5_library >= Version{1, 10, 5} &&
               facts.hdf5_library <= Version{1, 10, 8}) ||
              facts.hdf5_library == Version{1, 12, 1};
     },
     "H5Pset_all_coll_metadata_ops is broken in this version; h5dcp does not use it"},
    {Grade::bad, "MPI",
     [](const Facts& facts) {
       return facts.mpi_version < 3 || (facts.mpi_version == 3 && facts.mpi_subversion < 1);
     },
     "older than MPI-3.1, which h5dcp needs"},
    {Grade::note, "MPI-IO", [](const Facts& facts) { return facts.mpi_io == "OMPIO"; },
     "an open that fails on one rank hangs the others; h5dcp tries with POSIX first"},
    {Grade::bad, "file system",
     [](const Facts& facts) {
       return is_nfs(facts) && facts.hosts > 1 && !has_option(facts, "noac");
     },
     "NFS caches on each node: ranks on several nodes may not see what the others wrote; mount "
     "with "
     "noac, or use a parallel file system"},
    {Grade::note, "file system",
     [](const Facts& facts) {
       return facts.file_system == "lustre" && !has_option(facts, "flock") &&
              !has_option(facts, "localflock");
     },
     "mounted without flock: HDF5 cannot lock files here (Transfer::collective); set "
     "HDF5_USE_FILE_LOCKING=FALSE"},
    {Grade::note, "file system",
     [](const Facts& facts) {
       return facts.file_system == "tmpfs" || facts.file_system == "ramfs";
     },
     "in memory: no checkpoint here survives a reboot"},
    {Grade::note, "file system", [](const Facts& facts) { return facts.file_system == "overlay"; },
     "usually the top layer of a container: gone with it"},
};

}  // namespace

std::vector<Finding> known_bad(const Facts& facts) {
  std::vector<Finding> found;
  for (const auto& rule : kRules) {
    if (rule.applies(facts)) found.push_back({rule.grade, rule.about, rule.text});
  }
  return found;
}

}  // namespace tool
