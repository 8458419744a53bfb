#include "comm/node_numbers.hpp"

#include <mpi.h>

#include <array>
#include <cstddef>
#include <map>

#include "base/checksum.hpp"

namespace h5dcp {

std::uint64_t node_key() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  MPI_Get_processor_name(name.data(), &length);
  return xxh3(name.data(), static_cast<std::size_t>(length)) | 1U;
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
