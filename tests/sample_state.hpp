// A state dict whose every element is known from its place, whatever ranks hold it: what one
// distribution saves, another can check.

#pragma once

#include <mpi.h>

#include <algorithm>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "h5dcp/device_mesh.hpp"
#include "h5dcp/state_dict.hpp"

namespace h5dcp::test {

// The bytes of element number `i` (row-major in the global tensor) of the tensor called `fqn`.
inline std::uint64_t element_bits(const std::string& fqn, std::uint64_t i, DType dtype) {
  std::uint64_t x = std::hash<std::string>()(fqn) + i * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  x ^= x >> 31;
  return dtype == DType::boolean ? x & 1U : x;
}

// Calls `visit(global number, address)` for each element of a piece.
template <class Visit>
void for_each_element(const LocalShard& shard, const Extents& sizes, const Visit& visit) {
  const auto count = numel(shard.box.sizes);
  const auto item = static_cast<std::int64_t>(itemsize(shard.view.dtype));
  for (std::int64_t n = 0; n < count; ++n) {
    std::int64_t rest = n;
    std::int64_t global = 0;
    std::int64_t local = 0;
    std::int64_t stride = 1;
    for (std::size_t next = sizes.size(); next > 0; --next) {
      const auto d = next - 1;
      const auto index = rest % shard.box.sizes[d];
      rest /= shard.box.sizes[d];
      global += (shard.box.offsets[d] + index) * stride;
      local += index * shard.view.strides[d];
      stride *= sizes[d];
    }
    visit(static_cast<std::uint64_t>(global), static_cast<char*>(shard.view.data) + local * item);
  }
}

inline void fill(const std::string& fqn, const ShardedTensor& tensor) {
  const auto item = itemsize(tensor.dtype);
  for (const auto& shard : tensor.shards) {
    for_each_element(shard, tensor.sizes, [&](std::uint64_t i, char* address) {
      for (std::size_t byte = 0; byte < item; byte += 8) {
        const auto bits = element_bits(fqn, i * 2 + byte / 8, tensor.dtype);
        std::memcpy(address + byte, &bits, std::min<std::size_t>(8, item - byte));
      }
    });
  }
}

// How many elements are not what fill() made them.
inline std::uint64_t wrong_elements(const std::string& fqn, const ShardedTensor& tensor) {
  const auto item = itemsize(tensor.dtype);
  std::uint64_t wrong = 0;
  for (const auto& shard : tensor.shards) {
    for_each_element(shard, tensor.sizes, [&](std::uint64_t i, const char* address) {
      bool same = true;
      for (std::size_t byte = 0; byte < item; byte += 8) {
        const auto bits = element_bits(fqn, i * 2 + byte / 8, tensor.dtype);
        same =
            same && std::memcmp(address + byte, &bits, std::min<std::size_t>(8, item - byte)) == 0;
      }
      wrong += same ? 0 : 1;
    });
  }
  return wrong;
}

// A tensor and the ways in which it is distributed in turn.
struct Sample {
  std::string fqn;
  DType dtype;
  Extents sizes;
};

// Every dtype, and shapes with something to trip over.
inline std::vector<Sample> samples() {
  std::vector<Sample> made{{"matrix", DType::float32, {37, 29}},
                           {"deep.er.cube", DType::bfloat16, {5, 11, 13}},
                           {"vector", DType::float64, {101}},
                           {"scalar", DType::float32, {}},
                           {"empty", DType::float32, {0, 7}},
                           {"fewer_rows_than_ranks", DType::int32, {2, 3}},
                           {"thin", DType::float32, {1, 300}},
                           {"blocks", DType::float32, {700, 40}},
                           {"seven.dims", DType::int16, {2, 1, 3, 2, 1, 2, 3}}};
  for (std::uint8_t d = 0; d < kDTypes; ++d) {
    const DType dtype{d};
    made.push_back({"dtypes." + std::string(to_string(dtype)), dtype, {9, 6}});
  }
  return made;
}

// Two mesh dimensions whose product is `size`, as near to each other as can be.
inline DeviceMesh grid_of(int size) {
  int rows = 1;
  for (int r = 1; r * r <= size; ++r) rows = size % r == 0 ? r : rows;
  return DeviceMesh({rows, size / rows});
}

inline constexpr int kWays = 7;

// Placements number `way` on a 2-D mesh, as far as a tensor of `dims` can be cut so.
inline std::vector<Placement> placements(int way, std::size_t dims) {
  const std::vector<Placement> ways[kWays] = {
      {Shard{0}, Shard{0}},                                 // rows
      {Shard{1}, Shard{1}},                                 // columns
      {Shard{0}, Shard{1}},                                 // blocks
      {Replicate{}, Replicate{}}, {Shard{0}, Replicate{}},  // replicas of rows
      {Replicate{}, Shard{1}},                              // replicas of columns
      {Shard{1}, Shard{0}},
  };
  auto chosen = ways[way % kWays];
  for (auto& placement : chosen) {
    const auto* shard = std::get_if<Shard>(&placement);
    if (shard != nullptr && shard->dim >= dims) placement = Replicate{};
  }
  return chosen;
}

// This rank's pieces: contiguous, or (every other tensor) with gaps between rows.
inline ShardedTensor make_tensor(const Sample& sample, int way, int rank, int size) {
  const auto mesh = grid_of(size);
  const auto placed = placements(way, sample.sizes.size());
  const Box box = local_box(sample.sizes, mesh, placed, rank);
  Extents room = box.sizes;
  const bool gaps = way % 2 == 1 && !room.empty();
  if (gaps) room[room.size() - 1] += 3;
  TensorView view = allocate(sample.dtype, room);
  if (gaps) view = narrow(view, {Extents(std::vector<std::int64_t>(room.size())), box.sizes});
  return distribute(view, sample.sizes, mesh, placed, rank);
}

// The i-th of these distributed in way `way` + i.
inline StateDict make_state(const std::vector<Sample>& samples, int way, int rank, int size,
                            bool filled) {
  StateDict state;
  int next = way;
  for (const auto& sample : samples) {
    const auto tensor = make_tensor(sample, next++, rank, size);
    if (filled) fill(sample.fqn, tensor);
    state[sample.fqn] = tensor;
  }
  return state;
}

// All samples.
inline StateDict make_state(int way, int rank, int size, bool filled) {
  return make_state(samples(), way, rank, size, filled);
}

// Tensors with wrong elements, named; empty if there are none.
inline std::string wrong_tensors(const StateDict& state) {
  std::string wrong;
  for (const auto& [fqn, value] : state) {
    const auto* tensor = std::get_if<ShardedTensor>(&value);
    if (tensor == nullptr) continue;
    const auto count = wrong_elements(fqn, *tensor);
    if (count > 0) wrong += fqn + " (" + std::to_string(count) + " elements) ";
  }
  return wrong;
}

// The first `ranks` ranks of the world; MPI_COMM_NULL on the others. The caller frees it.
inline MPI_Comm first_ranks(int ranks) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm part = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank < ranks ? 0 : MPI_UNDEFINED, rank, &part);
  return part;
}

// Runs `work(comm, rank)` on the first `ranks` ranks. Collective.
template <class Work>
void on_ranks(int ranks, const Work& work) {
  MPI_Comm comm = first_ranks(ranks);
  if (comm != MPI_COMM_NULL) {
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    work(comm, rank);
    MPI_Comm_free(&comm);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

// The numbers of ranks that tests run at, as far as there are so many.
inline std::vector<int> sizes_here() {
  int world = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  std::vector<int> sizes;
  for (const int size : {1, 2, 3, 4, 7}) {
    if (size <= world) sizes.push_back(size);
  }
  return sizes;
}

// At how many ranks to load what `saved` of them have saved. With smaller sizes the entries of
// those go through all pairs.
inline std::vector<int> partners_here(int saved) {
  int world = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  return saved == world ? sizes_here() : std::vector<int>{world};
}

}  // namespace h5dcp::test
