#include "counters.hpp"

#include <mpi.h>

#include <fstream>
#include <string>

namespace {

std::uint64_t begun_allreduces = 0;
std::uint64_t begun_broadcasts = 0;

}  // namespace

// MPI's profiling interface: these come before MPI's own. The library makes no others.
extern "C" int MPI_Iallreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                              MPI_Comm comm, MPI_Request* request) {
  ++begun_allreduces;
  return PMPI_Iallreduce(in, out, count, type, op, comm, request);
}
extern "C" int MPI_Ibcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm,
                          MPI_Request* request) {
  ++begun_broadcasts;
  return PMPI_Ibcast(data, count, type, root, comm, request);
}

namespace bench {
namespace {

// The number behind `name` in a file of /proc; 0 if there is none.
std::uint64_t number(const char* path, const std::string& name) {
  std::ifstream lines(path);
  std::string word;
  while (lines >> word) {
    std::uint64_t value = 0;
    if (word == name && lines >> value) return value;
  }
  return 0;
}

std::uint64_t resident(const std::string& name) {
  return number("/proc/self/status", name) * 1024;
}

}  // namespace

Counters::Counters()
    : read_(number("/proc/self/io", "rchar:")),
      resident_(resident("VmRSS:")),
      allreduces_(begun_allreduces),
      broadcasts_(begun_broadcasts) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
}

std::uint64_t Counters::bytes_read() const {
  return number("/proc/self/io", "rchar:") - read_;
}

std::uint64_t Counters::peak_bytes() const {
  const auto peak = resident("VmHWM:");
  return peak > resident_ ? peak - resident_ : 0;
}

std::uint64_t Counters::allreduces() const {
  return begun_allreduces - allreduces_;
}

std::uint64_t Counters::broadcasts() const {
  return begun_broadcasts - broadcasts_;
}

}  // namespace bench
