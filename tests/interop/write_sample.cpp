// Checkpoints for tests/tool and interop_test.py, in the folder given.

#include <mpi.h>

#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>

#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "sample_pair.hpp"
#include "sample_state.hpp"

namespace h5dcp::test {
namespace {

struct Place {
  int rank = 0;
  int size = 1;
};

// One dimension of bytes, cut over the ranks.
ShardedTensor sharded_bytes(std::size_t length, DType dtype, Place place,
                            const std::function<std::uint8_t(std::size_t)>& byte) {
  const auto item = itemsize(dtype);
  const Extents sizes{static_cast<std::int64_t>(length / item)};
  const DeviceMesh mesh({place.size});
  const std::vector<Placement> cut{Shard{0}};
  const Box box = local_box(sizes, mesh, cut, place.rank);
  const auto view = allocate(dtype, box.sizes);
  const auto first = static_cast<std::size_t>(box.offsets[0]) * item;
  const auto count = static_cast<std::size_t>(nbytes(dtype, box.sizes));
  for (std::size_t i = 0; i < count; ++i) {
    static_cast<std::uint8_t*>(view.data)[i] = byte(first + i);
  }
  return distribute(view, sizes, mesh, cut, place.rank);
}

Map values() {
  return {{"null", Value()},
          {"flag", true},
          {"step", std::int64_t{-7}},
          {"rate", 0.1},
          {"wave", std::complex<double>(1, -2)},
          {"name", "caf\xC3\xA9"},
          {"raw", Bytes{0, 255, 7}},
          {"counts", List{1, 2, 3}},
          {"mixed", List{1, "two", Value()}},
          {"nested", Map{{"list", List{Map{{"a", 1}}, Map{}}}, {"empty", List{}}}}};
}

// Every dtype and kind of value.
StateDict sample(Place place) {
  StateDict state = make_state(0, place.rank, place.size, true);
  state["values"] = values();
  return state;
}

// The same, and a tensor of which each rank has some columns, the last one fewer.
StateDict wide(Place place) {
  StateDict state = sample(place);
  const test::Sample columns{"columns", DType::bfloat16, {256, 331}};
  const DeviceMesh mesh({place.size});
  const std::vector<Placement> placed{Shard{1}};
  const auto view =
      allocate(columns.dtype, local_box(columns.sizes, mesh, placed, place.rank).sizes);
  const auto tensor = distribute(view, columns.sizes, mesh, placed, place.rank);
  fill(columns.fqn, tensor);
  state[columns.fqn] = tensor;
  return state;
}

// Every element there is, of dtypes of one and two bytes: 00, 01, ... little-endian.
StateDict patterns(Place place) {
  StateDict state;
  for (std::uint8_t d = 0; d < kDTypes; ++d) {
    const DType dtype{d};
    const auto item = itemsize(dtype);
    if (item > 2 || dtype == DType::boolean) continue;
    state[to_string(dtype)] =
        sharded_bytes(item == 1 ? 256 : 131072, dtype, place, [item](std::size_t i) {
          const auto element = i / item;
          return static_cast<std::uint8_t>(i % item == 0 ? element : element >> 8U);
        });
  }
  return state;
}

// Names that mean something to HDF5, to a terminal or to us. The elements are the name's bytes and
// a '!'.
StateDict hostile(Place place) {
  std::string deep = "d";
  for (int i = 1; i < 200; ++i) deep += ".d";
  const std::string names[] = {"a",
                               "a.b",
                               "a.",
                               ".a",
                               "",
                               ".",
                               "..",
                               "a//b",
                               "sl/ash",
                               "/",
                               "../up",
                               "per%cent",
                               "%",
                               "%2F",
                               "a.%self",
                               "new\nline",
                               "\x1B[31mred",
                               "back\\slash",
                               "nu" + std::string(1, '\0') + "l",
                               " ",
                               "größe.重み",
                               "\302\23331m",  // U+009B, which starts a command, too
                               std::string(4000, 'x'),
                               deep,
                               "state",
                               "h5dcp.tensors"};
  StateDict state;
  for (const auto& name : names) {
    state[name] = sharded_bytes(name.size() + 1, DType::uint8, place, [&name](std::size_t i) {
      return static_cast<std::uint8_t>(i < name.size() ? name[i] : '!');
    });
  }
  state["tab\tvalue"] = "text";
  return state;
}

// For `h5dcp cat` and `h5dcp show --svg`: text that means something to a terminal, and to XML.
StateDict terminal() {
  return {{"<&\">", allocate(DType::int8, {2})},
          {"text", "a\x1B[31mred\n"},
          {"list", List{"\x1B[31mred", "\x7F", "\302\233"}}};
}

// More elements than are printed at once, also in one row.
StateDict large(Place place) {
  const Extents sizes{2, 300000};
  const DeviceMesh mesh({place.size});
  const std::vector<Placement> columns{Shard{1}};
  const auto view = allocate(DType::int32, local_box(sizes, mesh, columns, place.rank).sizes);
  auto* elements = static_cast<std::int32_t*>(view.data);
  for (std::int64_t i = 0; i < numel(view.sizes); ++i) {
    elements[i] = static_cast<std::int32_t>(i % 1000) - place.rank;
  }
  return {{"wide", distribute(view, sizes, mesh, columns, place.rank)}};
}

// Four dimensions cut over four ranks in different ones; a box for each rank.
StateDict cut() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const auto sharded = [&](const DeviceMesh& mesh, const std::vector<Placement>& placed) {
    const Extents sizes{8, 4, 12, 6};
    const auto part = allocate(DType::int16, local_box(sizes, mesh, placed, rank).sizes);
    return distribute(part, sizes, mesh, placed, rank);
  };
  const DeviceMesh row({4});
  const DeviceMesh grid({2, 2});
  StateDict state{{"first", sharded(row, {Shard{0}})},
                  {"middle", sharded(row, {Shard{1}})},
                  {"two", sharded(grid, {Shard{2}, Shard{0}})},
                  {"whole", sharded(row, {Replicate{}})}};
  // A rank cuts dimension 2, two cut 1, and all 0.
  const Box boxes[] = {{{0, 0, 0, 0}, {4, 4, 12, 6}},
                       {{4, 0, 0, 0}, {4, 2, 12, 6}},
                       {{4, 2, 0, 0}, {4, 2, 6, 6}},
                       {{4, 2, 6, 0}, {4, 2, 6, 6}}};
  const Box& mine = boxes[rank];
  state["three"] =
      ShardedTensor{DType::int16, {8, 4, 12, 6}, {{mine, allocate(DType::int16, mine.sizes)}}};
  return state;
}

StateDict many(int tensors) {
  StateDict state;
  for (int i = 0; i < tensors; ++i) {
    state["layers." + std::to_string(i) + ".weight"] = allocate(DType::float32, {2, 3});
  }
  return state;
}

void write(StateDict state, const std::string& path, Transfer transfer, Filters filters = {}) {
  Hdf5Writer writer(path, {.transfer = transfer, .filters = filters});
  save(state, {.storage_writer = &writer});
}

void write_with(StateDict state, const std::string& path, const Hdf5Options& options) {
  Hdf5Writer writer(path, options);
  save(state, {.storage_writer = &writer});
}

// No file if HDF5 has no plugin for zstd.
void write_zstd(const StateDict& state, const std::string& path) {
  try {
    write(state, path, Transfer::direct, {.compression = Compression::zstd, .level = 3});
  } catch (const CheckpointException& error) {
    if (error.code() != ErrorCode::unsupported) throw;
  }
}

void write_all(const std::string& folder) {
  Place place;
  MPI_Comm_rank(MPI_COMM_WORLD, &place.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &place.size);
  if (place.size == 4) return write(cut(), folder + "/cut.h5", Transfer::direct);
  write(sample(place), folder + "/sample.h5", Transfer::direct);
  write(sample(place), folder + "/again.h5", Transfer::direct);
  write(sample(place), folder + "/collective.h5", Transfer::collective);
  write(patterns(place), folder + "/patterns.h5", Transfer::direct);
  const Filters deflate{.compression = Compression::deflate, .level = 6, .shuffle = true};
  write(sample(place), folder + "/deflate.h5", Transfer::direct, deflate);
  write(sample(place), folder + "/deflate_collective.h5", Transfer::collective, deflate);
  write_with(sample(place), folder + "/files.h5", {.files = Files::number(2)});
  write_with(sample(place), folder + "/per_rank.h5", {.files = Files::per_ranks(1)});
  write_with(sample(place), folder + "/unhashed.h5", {.checksums = false});
  write(wide(place), folder + "/wide.h5", Transfer::direct);
  write_with(wide(place), folder + "/chunks.h5", {.layout = Layout::chunk_per_shard});
  write_zstd(patterns(place), folder + "/zstd.h5");
  write(hostile(place), folder + "/hostile.h5", Transfer::direct);
  write(large(place), folder + "/large.h5", Transfer::direct);
  write(sample_pair(false, place.rank, place.size), folder + "/a.h5", Transfer::direct);
  write(sample_pair(true, place.rank, place.size), folder + "/b.h5", Transfer::direct);
  write(terminal(), folder + "/terminal.h5", Transfer::direct);
  if (place.size > 1) return;
  write(many(10), folder + "/few.h5", Transfer::direct);
  write({{"huge", allocate(DType::float32, {4096, 8192})}}, folder + "/huge.h5", Transfer::direct);
  write(many(20000), folder + "/many.h5", Transfer::direct);
}

}  // namespace
}  // namespace h5dcp::test

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    h5dcp::test::write_all(argc > 1 ? argv[1] : ".");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
