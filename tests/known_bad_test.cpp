// What h5dcp doctor knows of combinations that no test machine has.

#include "known_bad.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tool {
namespace {

Facts sound() {
  return {.hdf5_headers = {1, 14, 3},
          .hdf5_library = {1, 14, 3},
          .hdf5_is_parallel = true,
          .mpi_version = 3,
          .mpi_subversion = 1,
          .mpi_io = "ROMIO",
          .file_system = "ext4",
          .mount_options = "rw,relatime",
          .hosts = 2};
}

TEST(KnownBad, NothingOfASoundMachine) {
  EXPECT_TRUE(known_bad(sound()).empty());
}

TEST(KnownBad, Table) {
  struct Case {
    const char* why;
    void (*change)(Facts&);
    Grade grade;
    const char* text;  // nullptr: nothing is found
  };
  const Case cases[] = {
      {"headers",
       [](Facts& f) {
         f.hdf5_headers = {1, 14, 2};
       },
       Grade::bad, "headers and library"},
      {"serial", [](Facts& f) { f.hdf5_is_parallel = false; }, Grade::bad, "without MPI"},
      {"1.10.4",
       [](Facts& f) {
         f.hdf5_headers = f.hdf5_library = {1, 10, 4};
       },
       Grade::ok, nullptr},
      {"1.10.5",
       [](Facts& f) {
         f.hdf5_headers = f.hdf5_library = {1, 10, 5};
       },
       Grade::note, "H5Pset_all_coll_metadata_ops"},
      {"1.10.8",
       [](Facts& f) {
         f.hdf5_headers = f.hdf5_library = {1, 10, 8};
       },
       Grade::note, "H5Pset_all_coll_metadata_ops"},
      {"1.10.9",
       [](Facts& f) {
         f.hdf5_headers = f.hdf5_library = {1, 10, 9};
       },
       Grade::ok, nullptr},
      {"1.12.1",
       [](Facts& f) {
         f.hdf5_headers = f.hdf5_library = {1, 12, 1};
       },
       Grade::note, "H5Pset_all_coll_metadata_ops"},
      {"MPI-3.0", [](Facts& f) { f.mpi_subversion = 0; }, Grade::bad, "MPI-3.1"},
      {"MPI-4.0", [](Facts& f) { f.mpi_version = 4, f.mpi_subversion = 0; }, Grade::ok, nullptr},
      {"OMPIO", [](Facts& f) { f.mpi_io = "OMPIO"; }, Grade::note, "hangs the others"},
      {"NFS", [](Facts& f) { f.file_system = "nfs4"; }, Grade::bad, "noac"},
      {"NFS, noac", [](Facts& f) { f.file_system = "nfs", f.mount_options = "rw,noac"; }, Grade::ok,
       nullptr},
      {"NFS, one node", [](Facts& f) { f.file_system = "nfs", f.hosts = 1; }, Grade::ok, nullptr},
      {"Lustre", [](Facts& f) { f.file_system = "lustre", f.mount_options = "rw,noflock"; },
       Grade::note, "HDF5_USE_FILE_LOCKING"},
      {"Lustre, flock", [](Facts& f) { f.file_system = "lustre", f.mount_options = "flock,rw"; },
       Grade::ok, nullptr},
      {"tmpfs", [](Facts& f) { f.file_system = "tmpfs"; }, Grade::note, "reboot"},
      {"overlay", [](Facts& f) { f.file_system = "overlay"; }, Grade::note, "container"},
  };
  for (const auto& c : cases) {
    auto facts = sound();
    c.change(facts);
    const auto found = known_bad(facts);
    if (c.text == nullptr) {
      EXPECT_TRUE(found.empty()) << c.why;
      continue;
    }
    ASSERT_EQ(found.size(), 1U) << c.why;
    EXPECT_EQ(found[0].grade, c.grade) << c.why;
    EXPECT_NE(found[0].text.find(c.text), std::string::npos) << c.why;
  }
}

}  // namespace
}  // namespace tool
