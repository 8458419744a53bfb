// What is saved of a random state in a random way is what is loaded on other ranks in another way,
// bit for bit, and what HDF5 reads by itself.
//
// H5DCP_RANDOM_SECONDS says for how long to go on, H5DCP_RANDOM_SEED with which case to begin: a
// failure names its case.

#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/verify.hpp"
#include "layout/dataset_name.hpp"
#include "random_state.hpp"

namespace h5dcp {
namespace {

const char* const kPath = "random.h5";

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Small pieces take a collective call each, which is slow and shows nothing more.
std::uint64_t draw_piece_bytes(test::Dice& dice, Transfer transfer) {
  std::vector<std::uint64_t> sizes{300'000, std::uint64_t{8} << 20};
  if (transfer != Transfer::collective) sizes.push_back(4096);
  return dice.pick(sizes);
}

// Options that go together, for saves.
Hdf5Options draw_save_options(test::Dice& dice, int size) {
  Hdf5Options options{.transfer = dice.pick<Transfer>({Transfer::direct, Transfer::collective,
                                                       Transfer::aggregated, Transfer::automatic})};
  options.piece_bytes = draw_piece_bytes(dice, options.transfer);
  options.alignment = dice.pick<std::uint64_t>({0, 4096, 65536});
  const bool direct = options.transfer != Transfer::collective;
  options.checksums = !direct || !dice.one_in(8);
  switch (dice.between(0, 5)) {
    case 0:
      options.filters = {
          dice.pick<Compression>({Compression::none, Compression::deflate, Compression::zstd}), 1,
          dice.one_in(2)};
      break;
    case 1:
      if (direct) options.layout = Layout::chunk_per_shard;
      break;
    case 2:
      if (direct) {
        options.files = dice.pick<Files>({Files::number(dice.between(1, 5)), Files::per_node(),
                                          Files::per_ranks(dice.between(1, size))});
      }
      break;
    default:
      break;
  }
  return options;
}

Hdf5Options draw_load_options(test::Dice& dice, const Hdf5Options& saved) {
  std::vector<Transfer> ways{Transfer::direct, Transfer::aggregated, Transfer::automatic};
  if (saved.files == Files{} && saved.layout == Layout::contiguous && saved.checksums) {
    ways.push_back(Transfer::collective);
  }
  Hdf5Options options{.transfer = dice.pick(ways)};
  options.piece_bytes = draw_piece_bytes(dice, options.transfer);
  options.checksums = options.transfer == Transfer::collective || !dice.one_in(8);
  return options;
}

// Another content at each save.
std::string content_of(const test::RandomTensor& tensor, int save) {
  return tensor.content + "#" + std::to_string(save);
}

// HDF5 alone reads what elements should be where.
void check_with_hdf5(const test::RandomState& state, int save) {
  struct Named {
    std::string fqn;
  };
  std::set<std::string> fqns;
  for (const auto& tensor : state.tensors) fqns.insert(tensor.fqn);
  for (const auto& [name, value] : state.values) fqns.insert(name);
  std::vector<Named> names;
  for (const auto& fqn : fqns) names.push_back({fqn});

  const hid_t file = H5Fopen(kPath, H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  for (const auto& tensor : state.tensors) {
    const auto path = dataset_path(Named{tensor.fqn}, names);
    const hid_t dataset = H5Dopen2(file, path.c_str(), H5P_DEFAULT);
    EXPECT_GE(dataset, 0) << path;
    if (dataset < 0) continue;
    const hid_t type = H5Dget_type(dataset);
    const ShardedTensor whole = test::as_sharded(allocate(tensor.dtype, tensor.sizes));
    EXPECT_EQ(H5Tget_size(type), itemsize(tensor.dtype)) << path;
    if (numel(tensor.sizes) > 0) {
      EXPECT_GE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, whole.shards[0].view.data), 0)
          << path;
      EXPECT_EQ(test::wrong_elements(content_of(tensor, save), whole), 0U) << path;
    }
    H5Tclose(type);
    H5Dclose(dataset);
  }
  H5Fclose(file);
}

// A save leaves the checkpoint and the data files that belong to it.
void check_folder(const Hdf5Options& options) {
  int folders = 0;
  for (const auto& entry : std::filesystem::directory_iterator(".")) {
    const auto name = entry.path().filename().string();
    EXPECT_FALSE(name.ends_with(".partial")) << name;
    folders += name.ends_with(".data") ? 1 : 0;
  }
  EXPECT_LE(folders, options.files == Files{} ? 0 : 1);
}

// The state that a rank saves. Tied tensors share their memory.
class Saved {
 public:
  Saved(test::Dice& dice, const test::RandomState& state, int rank) : state_(state) {
    std::map<std::string, Value> memory;
    for (const auto& tensor : state.tensors) {
      const auto [at, is_new] = memory.try_emplace(tensor.content);
      if (is_new) at->second = test::share_of(dice, tensor, tensor.boxes, rank);
      const auto sharded = test::as_sharded(at->second);
      if (!sharded.shards.empty() || dice.one_in(2)) dict_[tensor.fqn] = at->second;
    }
    for (const auto& [name, value] : state.values) dict_[name] = value;
  }

  StateDict& dict() { return dict_; }
  void fill(int save) {
    for (const auto& tensor : state_.tensors) {
      if (!dict_.contains(tensor.fqn)) continue;
      test::fill(content_of(tensor, save), test::as_sharded(dict_.at(tensor.fqn)));
    }
  }

 private:
  const test::RandomState& state_;
  StateDict dict_;
};

// A value with the same keys and nothing in them.
Value emptied(const Value& value) {
  const auto* map = std::get_if<Map>(&value);
  if (map == nullptr) return {};
  Map empty;
  for (const auto& [key, inner] : *map) empty[key] = emptied(inner);
  return empty;
}

// Loads on the ranks of `comm` and looks at every element.
void check_load(test::Dice& dice, test::Dice& own, const test::RandomState& state, int save,
                const Hdf5Options& saved, MPI_Comm comm, int rank) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  StateDict dict;
  for (const auto& tensor : state.tensors) {
    const auto boxes = test::distribute(dice, tensor.sizes, size, 0);
    if (!dice.one_in(5)) dict[tensor.fqn] = test::share_of(own, tensor, boxes, rank);
  }
  for (const auto& [name, value] : state.values) dict[name] = emptied(value);
  Hdf5Reader reader(kPath, draw_load_options(dice, saved));
  load(dict, {.storage_reader = &reader, .comm = comm, .deadline = std::chrono::seconds(100)});
  for (const auto& tensor : state.tensors) {
    if (!dict.contains(tensor.fqn)) continue;
    const auto loaded = test::as_sharded(dict.at(tensor.fqn));
    EXPECT_EQ(test::wrong_elements(content_of(tensor, save), loaded), 0U) << tensor.fqn;
  }
  for (const auto& [name, value] : state.values) EXPECT_TRUE(dict.at(name) == value) << name;
}

// As if only `ranks` ranks were on a node; 0: as it is.
void emulate_nodes(MPI_Comm comm, int ranks) {
  const Comm first(comm, {.ranks_a_node = ranks});
}

void run_case(std::uint64_t seed) {
  int world = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  test::Dice dice(seed);
  const int n = dice.between(1, world);
  const int m = dice.between(1, world);
  const auto state = test::draw_state(dice, n);
  const auto options = draw_save_options(dice, n);
  const int saves = dice.one_in(3) ? 3 : 1;
  const int ranks_a_node = dice.between(0, 2);
  const auto load_seed = dice.bits();

  test::on_ranks(n, [&](MPI_Comm comm, int rank) {
    emulate_nodes(comm, ranks_a_node);
    test::Dice own(seed * 31 + static_cast<std::uint64_t>(rank));
    Saved saved(own, state, rank);
    PlanCache cache;
    for (int i = 0; i < saves; ++i) {
      saved.fill(i);
      Hdf5Writer writer(kPath, options);
      save(saved.dict(), {.storage_writer = &writer,
                          .comm = comm,
                          .deadline = std::chrono::seconds(100),
                          .plan_cache = saves > 1 ? &cache : nullptr});
    }
    if (rank != 0) return;
    for (const auto& damage : verify_checkpoint(kPath)) ADD_FAILURE() << to_string(damage);
    check_with_hdf5(state, saves - 1);
    check_folder(options);
  });
  test::on_ranks(m, [&](MPI_Comm comm, int rank) {
    emulate_nodes(comm, ranks_a_node);
    test::Dice alike(load_seed);
    test::Dice own(seed * 37 + static_cast<std::uint64_t>(rank));
    check_load(alike, own, state, saves - 1, options, comm, rank);
  });
}

TEST(RandomState, IsLoadedAsItWasSaved) {
  using Clock = std::chrono::steady_clock;
  const std::chrono::seconds seconds(number_from_environment("H5DCP_RANDOM_SECONDS", 10));
  auto seed = number_from_environment("H5DCP_RANDOM_SEED", 1);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const auto start = Clock::now();
  int cases = 0;
  for (int go_on = 1; go_on != 0; ++seed, ++cases) {
    SCOPED_TRACE("H5DCP_RANDOM_SEED=" + std::to_string(seed));
    try {
      run_case(seed);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
      MPI_Abort(MPI_COMM_WORLD, 1);  // the others may be waiting anywhere
    }
    go_on = Clock::now() - start < seconds && !HasFailure() ? 1 : 0;
    MPI_Allreduce(MPI_IN_PLACE, &go_on, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  }
  if (rank == 0) std::cout << cases << " cases\n";
}

}  // namespace
}  // namespace h5dcp
