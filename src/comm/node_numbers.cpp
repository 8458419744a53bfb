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

}  // namespace h5dcp
