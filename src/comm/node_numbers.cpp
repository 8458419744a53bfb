#include "comm/node_numbers.hpp"

#include <mpi.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <fstream>
#include <map>
#include <string>

#include "base/checksum.hpp"

namespace h5dcp {

namespace {

// Of the machine since it was started: containers on several may have one name, but not this.
std::string boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

// Of the file system in which shared memory is: containers on one machine may each have their own.
std::string shared_memory_id() {
  struct stat status {};
  return ::stat("/dev/shm", &status) == 0 ? std::to_string(status.st_dev) : std::string();
}

}  // namespace

std::uint64_t node_key() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  MPI_Get_processor_name(name.data(), &length);
  const auto text = std::string(name.data(), static_cast<std::size_t>(length)) + '\n' + boot_id() +
                    '\n' + shared_memory_id();
  return xxh3(text.data(), text.size()) | 1U;
}

std::vector<std::uint32_t> number_nodes(const std::vector<std::uint64_t>& keys) {
  std::map<std::uint64_t, std::uint32_t> numbers;
  std::vector<std::uint32_t> nodes;
  nodes.reserve(keys.size());
  for (const auto key : keys) {
    const auto next = static_cast<std::uint32_t>(numbers.size());
    nodes.push_back(numbers.try_emplace(key, next).first->second);
  }
  return nodes;
}

std::vector<std::uint32_t> split_nodes(const std::vector<std::uint32_t>& nodes, int most) {
  if (most <= 0) return nodes;
  std::map<std::uint32_t, std::uint64_t> ranks;  // of a node, so far
  std::vector<std::uint64_t> keys;
  keys.reserve(nodes.size());
  for (const auto node : nodes) {
    keys.push_back(std::uint64_t{node} << 32 | ranks[node]++ / static_cast<std::uint64_t>(most));
  }
  return number_nodes(keys);
}

}  // namespace h5dcp
