// How much a load reads beside what it loads: the rows of the index that it needs, and values once
// a node.

#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "base/whole_box.hpp"
#include "files/index.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "layout/tables.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

// What this process has read so far: calls and bytes.
struct Reads {
  std::uint64_t calls = 0;
  std::uint64_t bytes = 0;
};

Reads reads_so_far() {
  Reads reads;
  std::ifstream io("/proc/self/io");
  std::string name;
  for (std::uint64_t number = 0; io >> name >> number;) {
    if (name == "rchar:") reads.bytes = number;
    if (name == "syscr:") reads.calls = number;
  }
  return reads;
}

template <class Work>
Reads reads_of(const Work& work) {
  const auto before = reads_so_far();
  work();
  const auto after = reads_so_far();
  return {after.calls - before.calls, after.bytes - before.bytes};
}

class ReadsOfALoad : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    if (reads_so_far().calls == 0) GTEST_SKIP() << "nobody counts reads here";
  }

  std::uint64_t sum(std::uint64_t mine) const {
    MPI_Allreduce(MPI_IN_PLACE, &mine, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    return mine;
  }

  int rank_ = 0;
  int size_ = 1;
};

// A tensor in many boxes, and what each rank wants of it.
struct Layout {
  const char* name;
  Extents sizes;
  std::vector<Box> boxes;
  Box wanted;
  std::uint64_t most_rows;  // that a rank may read for that
};

constexpr std::int64_t kBoxes = 2048;

std::vector<Layout> layouts() {
  const Extents sizes{kBoxes, 128};
  Layout slabs{"slabs", sizes, {}, {{700, 0}, {16, 128}}, 32};
  for (std::int64_t row = 0; row < kBoxes; ++row) slabs.boxes.push_back({{row, 0}, {1, 128}});
  Layout grid{"grid", sizes, {}, {{0, 48}, {kBoxes, 16}}, 2 * 256};
  for (std::int64_t row = 0; row < kBoxes; row += 8) {
    for (std::int64_t column = 0; column < 128; column += 16) {
      grid.boxes.push_back({{row, column}, {8, 16}});
    }
  }
  Layout uneven{"uneven", {3 * kBoxes / 2, 128}, {}, {{1500, 0}, {24, 128}}, 32};
  for (std::int64_t row = 0; row < 3 * kBoxes / 2; row += uneven.boxes.back().sizes[0]) {
    uneven.boxes.push_back({{row, 0}, {uneven.boxes.size() % 2 == 0 ? 1 : 2, 128}});
  }
  return {slabs, grid, uneven};
}

ShardedTensor hold(const Layout& layout, const std::vector<Box>& boxes) {
  ShardedTensor tensor{.dtype = DType::float32, .sizes = layout.sizes, .shards = {}};
  for (const auto& box : boxes) tensor.shards.push_back({box, allocate(DType::float32, box.sizes)});
  return tensor;
}

// Box i is held by rank i modulo the number of ranks.
void save_layout(const Layout& layout, const std::string& path, int rank, int size) {
  std::vector<Box> mine;
  for (std::size_t i = 0; i < layout.boxes.size(); ++i) {
    if (static_cast<int>(i) % size == rank) mine.push_back(layout.boxes[i]);
  }
  StateDict state;
  auto tensor = hold(layout, mine);
  test::fill("w", tensor);
  state["w"] = tensor;
  save(state, {.checkpoint_id = path});
}

// Loads what is wanted with every transfer but the collective one.
Reads load_wanted(const Layout& layout, const std::string& path, Transfer transfer) {
  StateDict state;
  state["w"] = hold(layout, {layout.wanted});
  const auto reads = reads_of([&] {
    Hdf5Reader reader(path, {.transfer = transfer});
    load(state, {.storage_reader = &reader});
  });
  EXPECT_EQ(test::wrong_tensors(state), "") << layout.name;
  return reads;
}

TEST_F(ReadsOfALoad, AreOfTheRowsThatAreWanted) {
  for (const auto& layout : layouts()) {
    const auto path = std::string(layout.name) + ".h5";
    save_layout(layout, path, rank_, size_);
    const auto reads = load_wanted(layout, path, Transfer::direct);
    // A row of `chunks`, its box, and one checksum.
    constexpr std::uint64_t kRowBytes = sizeof(ChunkRow) + 4 * 8 + 8;
    constexpr std::uint64_t kToOpen = 16384;
    const auto data = static_cast<std::uint64_t>(nbytes(DType::float32, layout.wanted.sizes));
    EXPECT_LE(reads.bytes, data + layout.most_rows * kRowBytes + kToOpen) << layout.name;
    load_wanted(layout, path, Transfer::aggregated);
    load_wanted(layout, path, Transfer::automatic);
  }
}

// As writers of old had them: in no order of their boxes.
TEST_F(ReadsOfALoad, FindRowsInAnyOrder) {
  const auto layout = layouts().front();
  save_layout(layout, "reversed.h5", rank_, size_);
  if (rank_ == 0) {
    const PosixFile file("reversed.h5", PosixFile::Mode::read_write);
    const auto index = read_index(file);
    const auto& record = index.record();
    TableReader tables(file, record);
    std::vector<ChunkRow> rows;
    std::vector<std::int64_t> boxes;
    std::vector<std::uint64_t> checksums;
    const auto take = [](auto& to, const auto& from) { to.assign(from.begin(), from.end()); };
    take(rows, tables.items<ChunkRow>(Table::chunks, 0, kBoxes));
    take(boxes, tables.items<std::int64_t>(Table::boxes, 0, 4 * kBoxes));
    take(checksums, tables.items<std::uint64_t>(Table::checksums, 0, kBoxes));
    for (std::size_t i = 0; i < kBoxes / 2; ++i) {
      const auto other = kBoxes - 1 - i;
      std::swap_ranges(&boxes[4 * i], &boxes[4 * i] + 4, &boxes[4 * other]);
      std::swap(checksums[i], checksums[other]);
    }
    for (std::size_t i = 0; i < kBoxes; ++i) {
      rows[i].digest = row_digest(i, rows[i], std::span(boxes).subspan(4 * i, 4),
                                  std::span(checksums).subspan(i, 1));
    }
    const auto put = [&](Table table, const auto& from) {
      file.write(from.data(), from.size() * sizeof(from[0]), record.table(table).address);
    };
    put(Table::chunks, rows);
    put(Table::boxes, boxes);
    put(Table::checksums, checksums);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  for (const auto way : {Transfer::direct, Transfer::aggregated, Transfer::automatic}) {
    load_wanted(layout, "reversed.h5", way);
  }
}

TEST_F(ReadsOfALoad, AreOnceANodeOfValues) {
  constexpr int kValues = 300;
  const auto make = [&](bool filled) {
    StateDict state;
    for (int i = 0; i < kValues; ++i) {
      const auto number = std::to_string(i);
      state["step" + number] = filled ? Value(i) : Value(0);
      state["name" + number] = filled ? Value("text " + number) : Value("");
      state["list" + number] = filled ? Value(List{i, i + 1}) : Value(List{});
    }
    state["large"] = filled ? Value(Bytes(std::size_t{3} << 20, 0x5A)) : Value(Bytes());
    return state;
  };
  const auto saved = make(true);
  StateDict to_save = saved;
  save(to_save, {.checkpoint_id = "values.h5"});
  for (const auto way :
       {Transfer::direct, Transfer::aggregated, Transfer::automatic, Transfer::collective}) {
    auto state = make(false);
    const auto reads = reads_of([&] {
      Hdf5Reader reader("values.h5", {.transfer = way});
      load(state, {.storage_reader = &reader});
    });
    EXPECT_TRUE(state == saved) << to_string(way);
    EXPECT_LE(sum(reads.calls), 100U * static_cast<unsigned>(size_)) << to_string(way);
  }
}

}  // namespace
}  // namespace h5dcp
