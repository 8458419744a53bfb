// A bit that flipped anywhere in a file is told, by verify with its place, by load if it was read.
// Never is it a wrong value, nor do contents that somebody made up crash or hang anything.

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "files/index.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "layout/box_chunks.hpp"
#include "layout/record.hpp"
#include "layout/tables.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"
#include "skeleton/segments.hpp"

namespace h5dcp {
namespace {

const std::string kGood = "good.h5";
const std::string kDamaged = "damaged.h5";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Tensors cut by rows, by columns and not at all, and each kind of value.
StateDict make_state(int rank, int size, bool filled) {
  struct Cut {
    test::Sample sample;
    int way;
  };
  const std::vector<Cut> cuts{{{"rows", DType::float32, {37, 29}}, 0},
                              {{"columns", DType::float32, {40, 200}}, 1},
                              {{"deep.cube", DType::bfloat16, {5, 11, 13}}, 2},
                              {{"scalar", DType::float64, {}}, 3},
                              {{"small", DType::boolean, {3}}, 3}};
  StateDict state;
  for (const auto& [sample, way] : cuts) {
    const auto tensor = test::make_tensor(sample, way, rank, size);
    if (filled) test::fill(sample.fqn, tensor);
    state[sample.fqn] = tensor;
  }
  state["step"] = filled ? Value(17) : Value();
  state["list"] = filled ? Value(List{1, 2, 3}) : Value();
  state["name"] = filled ? Value(std::string(3000, 'x')) : Value();
  state["raw"] = filled ? Value(Bytes{1, 2, 3}) : Value();
  return state;
}

struct CraftedCase;  // of an index that contradicts itself

class BitFlip : public testing::Test {
 protected:
  void SetUp() override { save_good({}); }

  void save_good(const Hdf5Options& options) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    StateDict state = make_state(rank, size, true);
    Hdf5Writer writer(kGood, options);
    save(state, {.storage_writer = &writer});
    good = read_file(kGood);
    seed = static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed());
    MPI_Bcast(&seed, 1, MPI_UINT32_T, 0, MPI_COMM_WORLD);
    record = decode_record({reinterpret_cast<const std::uint8_t*>(good.data()), kRecordBytes});
  }

  void write_damaged(const std::string& content) const {
    MPI_Barrier(MPI_COMM_WORLD);  // the others may still read the one before
    if (rank == 0) std::ofstream(kDamaged, std::ios::binary) << content;
    MPI_Barrier(MPI_COMM_WORLD);
  }

  // What is wrong with the values, if the load succeeded.
  std::optional<CheckpointException> try_load(Transfer transfer, const std::string& why) const {
    StateDict state = make_state(rank, size, false);
    Hdf5Reader reader(kDamaged, {.transfer = transfer});
    auto failure = test::failure_of([&] { load(state, {.storage_reader = &reader}); });
    test::expect_same(MPI_COMM_WORLD, failure, why);
    if (!failure) {
      EXPECT_EQ(test::wrong_tensors(state), "") << why;
      StateDict filled = make_state(rank, size, true);
      for (const char* value : {"step", "list", "name", "raw"}) {
        EXPECT_TRUE(state[value] == filled[value]) << why << ": " << value;
      }
    }
    return failure;
  }

  void expect_corrupt(Transfer transfer, const std::string& why) const {
    const auto failure = try_load(transfer, why);
    EXPECT_TRUE(failure) << why << ": loaded";
    if (failure) {
      EXPECT_EQ(failure->code(), ErrorCode::corrupt) << why << ": " << failure->what();
      EXPECT_NE(std::string(failure->what()).find(kDamaged), std::string::npos) << failure->what();
    }
  }

  // Each is told, and none loaded.
  void expect_all_corrupt(std::span<const CraftedCase> cases) const;

  // Some of each structure, one after the other: each is told, and none loaded.
  void flip_everywhere() const;

  int rank = 0;
  int size = 1;
  std::uint32_t seed = 0;  // rank 0's
  std::string good;
  Record record;
};

// What a byte of the file belongs to.
struct Place {
  std::string table;  // or "commit record"
  std::string fqn;    // of tensor data or a value
  Box element;        // of a tensor
  bool other() const { return table.empty() && fqn.empty(); }
};

// Which block it is a part of.
Place filtered_place(std::uint64_t byte) {
  const PosixFile file(kGood, PosixFile::Mode::read);
  const Index index = read_index(file);
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (!index.filters(i).any()) continue;
    for (const auto& chunk : read_chunks(file, index, i)) {
      for (std::size_t b = 0; b < chunk.stored.size(); ++b) {
        const auto& range = chunk.stored[b];
        if (byte < range.address || byte - range.address >= range.nbytes) continue;
        return {"", std::string(index.fqn(i)), block(chunk.grid, static_cast<std::int64_t>(b))};
      }
    }
  }
  return {};
}

Place place_of(std::uint64_t byte, const Record& record, const CheckpointFile& file) {
  if (byte < kRecordBytes) return {"commit record", "", {}};
  const auto& filtered = record.filtered;
  if (byte >= filtered.address && byte - filtered.address < filtered.nbytes) {
    return filtered_place(byte);
  }
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto entry = file.entry(i);
    if (entry.filters.any()) continue;
    if (byte < entry.address || byte - entry.address >= entry.nbytes) continue;
    Box element{entry.size, entry.size};
    auto rest = static_cast<std::int64_t>((byte - entry.address) / itemsize(entry.dtype));
    for (std::size_t d = entry.size.size(); d-- > 0;) {
      element.offsets[d] = rest % entry.size[d];
      element.sizes[d] = 1;
      rest /= entry.size[d];
    }
    return {"", entry.fqn, element};
  }
  for (std::size_t t = 0; t < kTables; ++t) {
    const auto& range = record.tables.at(t);
    if (byte >= range.address && byte - range.address < range.nbytes) {
      return {name_of(Table{static_cast<std::uint8_t>(t)}), "", {}};
    }
  }
  return {};
}

// Whether `damage` says that the byte cannot be trusted.
bool names(const Damage& damage, std::uint64_t byte, const Place& place) {
  if (!place.table.empty()) return to_string(damage).find(place.table) != std::string::npos;
  if (byte < damage.address || byte - damage.address >= damage.nbytes) return false;
  if (damage.fqn != place.fqn) return false;
  return !damage.box || contains(*damage.box, place.element);
}

// The bytes to flip: some of each structure, and 200 anywhere.
std::vector<std::uint64_t> bytes_to_flip(const std::string& good, const Record& record,
                                         const CheckpointFile& file, std::uint32_t seed) {
  std::vector<std::uint64_t> bytes{0,
                                   7,  // magic
                                   8,
                                   12,  // version, whether it is committed
                                   16,
                                   40,  // fields
                                   1024,
                                   1032,  // digests of segments
                                   4000,  // zeros
                                   4088,
                                   4095,  // the record's own digest
                                   4096,
                                   4104,
                                   4104 + 96,  // HDF5's signature, superblock, root group
                                   good.size() - 1};
  for (const auto& range : record.tables) {
    EXPECT_GT(range.nbytes, 0U);
    bytes.push_back(range.address);
    bytes.push_back(range.address + range.nbytes / 2);
    bytes.push_back(range.address + range.nbytes - 1);
  }
  if (record.filtered.nbytes > 0) {
    bytes.push_back(record.filtered.address);
    bytes.push_back(record.filtered.address + record.filtered.nbytes / 2);
    bytes.push_back(record.filtered.address + record.filtered.nbytes - 1);
    bytes.push_back(record.filtered.address + record.filtered.nbytes);  // HDF5's index of chunks
  }
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto entry = file.entry(i);
    bytes.push_back(entry.address);
    bytes.push_back(entry.address + entry.nbytes - 1);
    bytes.push_back(entry.address + entry.nbytes);  // padding, or what follows
  }
  std::mt19937 random(seed);
  for (int i = 0; i < 200; ++i) bytes.push_back(random() % good.size());
  std::erase_if(bytes, [&](std::uint64_t byte) { return byte >= good.size(); });
  return bytes;
}

void BitFlip::flip_everywhere() const {
  const CheckpointFile file(kGood);
  const auto bytes = bytes_to_flip(good, record, file, seed);
  if (rank == 0) {
    std::cout << bytes.size() << " flips, --gtest_random_seed=" << seed << "\n";
  }
  int others = 0;
  for (const auto byte : bytes) {
    auto content = good;
    content[byte] = static_cast<char>(content[byte] ^ (1 << byte % 8));
    write_damaged(content);
    const auto place = place_of(byte, record, file);
    const auto why = "byte " + std::to_string(byte) + " " + place.table + place.fqn;
    if (rank == 0) {
      const auto damages = verify_checkpoint(kDamaged);
      std::string told;
      for (const auto& damage : damages) told += to_string(damage) + "\n";
      EXPECT_TRUE(std::ranges::any_of(
          damages, [&](const Damage& damage) { return names(damage, byte, place); }))
          << why << " is not told in:\n"
          << told;
      EXPECT_LE(damages.size(), 2U) << why << ": more is told than is wrong:\n" << told;
    }
    if (place.other()) {
      ++others;
      EXPECT_FALSE(try_load(Transfer::direct, why)) << why << ": not read by this engine";
    } else {
      expect_corrupt(Transfer::direct, why);
      expect_corrupt(Transfer::automatic, why);
    }
    expect_corrupt(Transfer::collective, why);
  }
  EXPECT_GT(others, 20) << "bytes of HDF5 and padding";
}

TEST_F(BitFlip, IsToldWithItsPlaceAndNeverAWrongValue) {
  flip_everywhere();
}

TEST_F(BitFlip, IsToldInFilteredTensorsToo) {
  save_good({.filters = {.compression = Compression::deflate, .shuffle = true}});
  EXPECT_GT(record.filtered.nbytes, 0U);
  flip_everywhere();
}

// A good checkpoint that can be changed, and all its digests with it.
class Crafted {
 public:
  Crafted(const std::string& good, const Record& good_record)
      : record(good_record), content_(good) {
    for (std::size_t t = 0; t < kTables; ++t) tables_[t] = record.tables.at(t);
    load(Table::tensors, rows);
    load(Table::names, names);
    load(Table::shapes, shapes);
    load(Table::chunks, chunks);
    load(Table::boxes, boxes);
    load(Table::checksums, checksums);
    load(Table::blobs, blobs);
  }

  Record record;
  std::vector<TensorRow> rows;
  std::string names;
  std::vector<std::int64_t> shapes;
  std::vector<ChunkRow> chunks;
  std::vector<std::int64_t> boxes;
  std::vector<std::uint64_t> checksums;
  std::string blobs;

  TensorRow& row(const std::string& fqn) {
    return *std::ranges::find_if(rows, [&](const TensorRow& row) {
      return names.substr(row.name_offset, row.name_bytes) == fqn;
    });
  }
  ChunkRow& chunk(const std::string& fqn) { return chunks.at(row(fqn).first_chunk); }
  std::int64_t* box(const std::string& fqn) { return &boxes.at(chunk(fqn).first_box); }

  // Of the bytes in the file, `address` of the slot as it is in `blobs`.
  void rehash_slot(const std::string& fqn) {
    const auto& slot = row(fqn);
    checksums.at(chunk(fqn).first_checksum) =
        xxh3(&blobs.at(slot.address - tables_.back().address), slot.nbytes);
  }

  std::string finish() {
    record.index_digest = 0;
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      auto& made = chunks[c];
      const auto dims = made.tensor < rows.size() ? rows[made.tensor].dims : 0;
      const auto filters = made.tensor < rows.size() ? rows[made.tensor].filters : 0;
      const bool filtered = filters != 0 && filters != kBoxChunks;
      made.digest = row_digest(
          c, made, part(boxes, made.first_box, 2 * std::uint64_t{dims}),
          part(checksums, made.first_checksum, made.blocks * numbers_of_block(filtered)));
      record.index_digest += made.digest;
    }
    store(Table::tensors, rows);
    store(Table::names, names);
    store(Table::shapes, shapes);
    store(Table::chunks, chunks);
    store(Table::boxes, boxes);
    store(Table::checksums, checksums);
    store(Table::blobs, blobs);
    for (std::size_t t = 0; t < kOpeningTables; ++t) {
      const auto& range = record.tables.at(t);
      const bool inside = range.address < content_.size() && range.nbytes < content_.size() &&
                          range.address + range.nbytes <= content_.size();
      if (inside) record.table_digests.at(t) = xxh3(&content_[range.address], range.nbytes);
    }
    const auto start = encode_record(record);
    std::memcpy(content_.data(), start.data(), start.size());
    return content_;
  }

 private:
  template <class Items>
  void load(Table table, Items& items) {
    const auto& range = record.table(table);
    items.resize(range.nbytes / sizeof(items[0]));
    std::memcpy(items.data(), &content_[range.address], range.nbytes);
  }
  template <class Items>
  void store(Table table, const Items& items) {
    const auto& range = tables_.at(static_cast<std::size_t>(table));
    std::memcpy(&content_[range.address], items.data(), range.nbytes);
  }
  // Nothing if there are not so many.
  template <class Item>
  static std::vector<Item> part(const std::vector<Item>& items, std::uint64_t first,
                                std::uint64_t count) {
    if (first > items.size() || count > items.size() - first) return {};
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(first);
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
  }

  std::string content_;
  std::array<Range, kTables> tables_;  // where they are, whatever `record` says
};

struct CraftedCase {
  const char* why;
  std::function<void(Crafted&)> spoil;
};

void BitFlip::expect_all_corrupt(std::span<const CraftedCase> cases) const {
  for (const auto& c : cases) {
    Crafted crafted(good, record);
    c.spoil(crafted);
    write_damaged(crafted.finish());
    if (rank == 0) {
      EXPECT_FALSE(verify_checkpoint(kDamaged).empty()) << c.why;
    }
    expect_corrupt(Transfer::direct, c.why);
    expect_corrupt(Transfer::automatic, c.why);
    expect_corrupt(Transfer::collective, c.why);
  }
}

TEST_F(BitFlip, ChunksOfShardsThatSomebodyMadeUp) {
  if (size == 1) GTEST_SKIP() << "one box is no chunk";
  save_good({.layout = Layout::chunk_per_shard});
  ASSERT_TRUE(record.chunked);
  const auto chunk = [](Crafted& c) -> std::int64_t& {
    return c.shapes.at(c.row("columns").first_size + 2);
  };
  const CraftedCase cases[] = {
      {"chunks of nothing", [=](Crafted& c) { chunk(c) = 0; }},
      {"chunks of less than nothing", [=](Crafted& c) { chunk(c) = -1; }},
      {"chunks larger than the tensor", [=](Crafted& c) { chunk(c) = 41; }},
      {"more chunks than the file has room for", [=](Crafted& c) { chunk(c) = 1; }},
      {"boxes that are no chunks", [=](Crafted& c) { chunk(c) = 39; }},
      {"chunks outside of the file",
       [](Crafted& c) { c.row("columns").address = c.record.file_bytes - 4096; }},
      {"chunks nowhere", [](Crafted& c) { c.row("columns").address = ~std::uint64_t{0}; }},
      {"no dimensions", [](Crafted& c) { c.row("scalar").filters = kBoxChunks; }},
      {"of a value", [](Crafted& c) { c.row("raw").filters = kBoxChunks; }},
      {"and filters, too", [](Crafted& c) { c.row("columns").filters = kBoxChunks + 16; }},
      {"of which the record has none", [](Crafted& c) { c.record.chunked = false; }},
      {"in data files", [](Crafted& c) {
         c.record.data_files = 1;
         c.record.data_folder = "folder";
       }}};
  expect_all_corrupt(cases);

  // Its chunk would lie behind all others. Only its row tells, which opening does not read.
  Crafted crafted(good, record);
  std::ranges::copy(std::array<std::int64_t, 4>{40, 200, 0, 0}, crafted.box("columns"));
  auto* const row = &crafted.chunk("columns");
  row[0].nbytes = row[0].blocks = 0;
  row[1].first_checksum = row[0].first_checksum;
  write_damaged(crafted.finish());
  if (rank == 0) {
    EXPECT_FALSE(verify_checkpoint(kDamaged).empty());
  }
  expect_corrupt(Transfer::direct, "an empty box at the end");
  expect_corrupt(Transfer::automatic, "an empty box at the end");
}

TEST_F(BitFlip, IndexesThatSomebodyMadeUp) {
  constexpr auto kHuge = std::uint64_t{1} << 60;
  constexpr auto kMost = ~std::uint64_t{0};
  constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();
  const auto kind = [](EntryKind k) { return static_cast<std::uint8_t>(k); };
  const CraftedCase cases[] = {
      {"more dimensions than any", [](Crafted& c) { c.row("rows").dims = 33; }},
      {"all dimensions there are", [](Crafted& c) { c.row("rows").dims = ~0U; }},
      {"another number of dimensions", [](Crafted& c) { c.row("rows").dims = 1; }},
      {"sizes nobody can count",
       [=](Crafted& c) {
         c.shapes.at(c.row("rows").first_size) = kLargest;
         c.row("rows").nbytes = kMost;
       }},
      {"a negative size", [](Crafted& c) { c.shapes.at(c.row("rows").first_size) = -37; }},
      {"sizes outside of their table", [=](Crafted& c) { c.row("rows").first_size = kMost; }},
      {"no such dtype", [](Crafted& c) { c.row("rows").dtype = 255; }},
      {"no such kind", [](Crafted& c) { c.row("rows").kind = 9; }},
      {"a list of two dimensions", [=](Crafted& c) { c.row("rows").kind = kind(EntryKind::list); }},
      {"a scalar with dimensions",
       [=](Crafted& c) { c.row("list").kind = kind(EntryKind::scalar); }},
      {"a number that is no value's",
       [=](Crafted& c) {
         c.row("scalar").dtype = static_cast<std::uint8_t>(DType::complex64);
         c.row("scalar").kind = kind(EntryKind::scalar);
       }},
      {"JSON of two dimensions", [=](Crafted& c) { c.row("rows").kind = kind(EntryKind::json); }},
      {"bytes that are JSON", [=](Crafted& c) { c.row("raw").kind = kind(EntryKind::json); }},
      {"JSON that is too deep",
       [](Crafted& c) {
         const auto address = c.row("name").address - c.record.table(Table::blobs).address;
         for (std::size_t i = 0; i < 3000; ++i) c.blobs.at(address + i) = '[';
         c.rehash_slot("name");
       }},
      {"data outside of the file", [=](Crafted& c) { c.row("rows").address = kHuge; }},
      {"data at the end of all addresses", [=](Crafted& c) { c.row("rows").address = kMost - 8; }},
      {"two tensors in one place",
       [](Crafted& c) { c.row("rows").address = c.row("columns").address; }},
      {"more data than the file", [=](Crafted& c) { c.row("rows").nbytes = kHuge; }},
      {"chunks outside of their table", [=](Crafted& c) { c.row("rows").first_chunk = kMost; }},
      {"more chunks than any", [=](Crafted& c) { c.row("rows").chunks = kHuge; }},
      {"no chunks", [](Crafted& c) { c.row("rows").chunks = 0; }},
      {"a name outside of its table", [=](Crafted& c) { c.row("rows").name_offset = kMost; }},
      {"a name that is too long", [](Crafted& c) { c.row("rows").name_bytes = ~0U; }},
      {"a path that does not fit", [](Crafted& c) { c.row("rows").path_bytes = 3; }},
      {"a path that never ends",
       [](Crafted& c) {
         c.row("columns").path_bytes = 9;
         std::fill_n(&c.names[c.row("columns").name_offset + 7], 9, '\xFF');
       }},
      {"names out of order", [](Crafted& c) { c.names[c.row("deep.cube").name_offset] = 'z'; }},
      {"the same name twice",
       [](Crafted& c) {
         c.rows.at(1).name_offset = c.rows.at(0).name_offset;
         c.rows.at(1).name_bytes = c.rows.at(0).name_bytes;
       }},
      {"a name that is no text",
       [](Crafted& c) { c.names[c.row("step").name_offset + 1] = '\xFF'; }},
      {"a table outside of the file",
       [=](Crafted& c) { c.record.table(Table::boxes).address = kMost - 8; }},
      {"a huge table of chunks",
       [=](Crafted& c) {
         c.record.table(Table::chunks).nbytes = kHuge;
         c.row("rows").chunks = kHuge / 128;
       }},
      {"a huge table of boxes", [=](Crafted& c) { c.record.table(Table::boxes).nbytes = kHuge; }},
      {"a huge table of checksums",
       [=](Crafted& c) {
         c.record.table(Table::checksums).nbytes = kHuge;
         c.chunk("rows").blocks = kHuge / 16;
       }},
      {"a huge table of names", [=](Crafted& c) { c.record.table(Table::names).nbytes = kHuge; }},
      {"half a row", [](Crafted& c) { c.record.table(Table::tensors).nbytes -= 8; }},
      {"too many segments", [](Crafted& c) { c.record.segments = kMostSegments + 1; }},
      {"another length", [](Crafted& c) { c.record.file_bytes += 1; }},
      {"data files without an end",
       [](Crafted& c) {
         c.record.data_files = ~0U;
         c.record.data_folder = "folder";
       }},
      {"a chunk of another tensor", [](Crafted& c) { c.chunk("rows").tensor += 1; }},
      {"a box outside of its table", [=](Crafted& c) { c.chunk("rows").first_box = kMost; }},
      {"checksums outside of their table",
       [=](Crafted& c) { c.chunk("rows").first_checksum = kMost; }},
      {"more blocks than any", [=](Crafted& c) { c.chunk("rows").blocks = kMost; }},
      {"no blocks", [](Crafted& c) { c.chunk("rows").blocks = 0; }},
      {"blocks without rows", [](Crafted& c) { c.chunk("rows").block_rows = 0; }},
      {"blocks with fewer rows than none",
       [=](Crafted& c) { c.chunk("small").block_rows = kMost; }},
      {"blocks with all rows there are",
       [=](Crafted& c) { c.chunk("small").block_rows = static_cast<std::uint64_t>(kLargest); }},
      {"blocks of another dimension", [](Crafted& c) { c.chunk("rows").block_dim = 2; }},
      {"blocks of any dimension", [](Crafted& c) { c.chunk("rows").block_dim = ~0U; }},
      {"a scalar with a dimension", [](Crafted& c) { c.chunk("scalar").block_dim = 1; }},
      {"bytes that are not those of the box", [](Crafted& c) { c.chunk("rows").nbytes += 1; }},
      {"a value longer than its slot", [=](Crafted& c) { c.chunk("raw").nbytes = kHuge; }},
      {"a negative offset", [](Crafted& c) { c.box("rows")[0] = -1; }},
      {"a box that ends outside", [](Crafted& c) { c.box("rows")[2] = 38; }},
      {"a box that ends nowhere", [=](Crafted& c) { c.box("rows")[2] = kLargest; }},
      {"a box that leaves a hole",
       [](Crafted& c) {
         c.box("small")[1] -= 1;
         c.chunk("small").nbytes -= 1;
       }},
      {"a slot in part", [](Crafted& c) { c.box("raw")[1] -= 1; }},
      {"a box twice, another never",
       [](Crafted& c) {
         auto* first = c.box("columns");
         auto* second = first + 4;
         if (c.row("columns").chunks == 2) {
           std::copy_n(second, 4, first);
           const auto& row = c.chunk("columns");
           std::copy_n(&c.checksums.at(row.first_checksum + row.blocks), row.blocks,
                       &c.checksums.at(row.first_checksum));
         } else {
           first[0] = -1;  // one rank saved: another way to spoil it
         }
       }},
  };
  expect_all_corrupt(cases);
}

TEST_F(BitFlip, IndexesOfFilteredTensorsThatSomebodyMadeUp) {
  save_good({.filters = {.compression = Compression::deflate, .shuffle = true}});
  constexpr auto kHuge = std::uint64_t{1} << 60;
  constexpr auto kMost = ~std::uint64_t{0};
  const auto stored = [](Crafted& c, std::size_t number) -> std::uint64_t& {
    return c.checksums.at(c.chunk("rows").first_checksum + number);
  };
  const auto chunk_size = [](Crafted& c) -> std::int64_t& {
    return c.shapes.at(c.row("rows").first_size + c.row("rows").dims);
  };
  const CraftedCase cases[] = {
      {"filters that nobody has", [](Crafted& c) { c.row("rows").filters = 15; }},
      {"filters that were none", [](Crafted& c) { c.row("rows").filters = 0; }},
      {"other filters", [](Crafted& c) { c.row("rows").filters = 2 | 1 << 8; }},
      {"filters of a value", [](Crafted& c) { c.row("list").filters = 1; }},
      {"filters of a scalar", [](Crafted& c) { c.row("scalar").filters = 1; }},
      {"chunks outside of their table", [=](Crafted& c) { c.row("rows").first_size = kMost - 8; }},
      {"chunks of no size", [=](Crafted& c) { chunk_size(c) = 0; }},
      {"chunks larger than the tensor", [=](Crafted& c) { chunk_size(c) = 38; }},
      {"chunks that are not the blocks",
       [=](Crafted& c) { chunk_size(c) += chunk_size(c) > 1 ? -1 : 1; }},
      {"chunks that need all memory",
       [](Crafted& c) {
         const auto first = c.row("rows").first_size;
         for (const auto n : {0U, 1U, 2U, 3U}) c.shapes.at(first + n) = 1 << 20;
         c.row("rows").nbytes = std::uint64_t{1} << 42;
       }},
      {"a chunk outside of the file", [=](Crafted& c) { stored(c, 1) = kHuge; }},
      {"a chunk among the metadata", [=](Crafted& c) { stored(c, 1) = kRecordBytes; }},
      {"a chunk at the end of all addresses", [=](Crafted& c) { stored(c, 1) = kMost - 8; }},
      {"a chunk longer than the file", [=](Crafted& c) { stored(c, 2) = kHuge; }},
      {"a chunk that is too short", [=](Crafted& c) { stored(c, 2) -= 1; }},
      {"chunks outside of the file", [=](Crafted& c) { c.record.filtered.address = kMost - 8; }},
      {"more chunks than the file", [=](Crafted& c) { c.record.filtered.nbytes = kMost - 8; }},
      {"no chunks at all", [](Crafted& c) { c.record.filtered = {}; }},
  };
  expect_all_corrupt(cases);
}

// HDF5's metadata may contradict the index although the commit record vouches for both. Then no
// rank may move a byte, as another may wait for it in vain.
TEST_F(BitFlip, Hdf5MetadataThatSomebodyMadeUp) {
  const CheckpointFile file(kGood);
  const auto bytes_of = [](std::uint64_t number) {
    return std::string(reinterpret_cast<const char*>(&number), sizeof number);
  };
  const auto rows = file.entry(file.find("rows").value());
  const auto address = rows.address - kRecordBytes;  // HDF5 counts from behind the user block
  const std::string float32("\x11\x20\x1f\x00\x04\x00\x00\x00", 8);  // as in the format of HDF5
  const std::string int32("\x10\x08\x00\x00\x04\x00\x00\x00", 8);
  struct Case {
    const char* why;
    std::string from, to;  // in HDF5's metadata
  };
  const Case cases[] = {
      {"data elsewhere", bytes_of(address), bytes_of(address + 8)},
      {"data past the file", bytes_of(address), bytes_of(std::uint64_t{1} << 40)},
      {"more rows", bytes_of(37), bytes_of(38)},
      {"fewer rows", bytes_of(37), bytes_of(1)},
      {"another type", float32, int32},
      {"no dataset of this name", std::string("\0rows\0", 6), std::string("\0rowz\0", 6)},
  };
  const auto others = other_bytes(read_index(PosixFile(kGood, PosixFile::Mode::read)));
  for (const auto& c : cases) {
    auto content = good;
    int changed = 0;
    for (const auto& range : others) {
      const auto end = range.address + range.nbytes;
      for (auto at = content.find(c.from, range.address); at < end; at = content.find(c.from, at)) {
        content.replace(at, c.to.size(), c.to);
        ++changed;
      }
    }
    EXPECT_GT(changed, 0) << c.why;
    write_damaged(content);
    if (rank == 0) {
      const PosixFile damaged(kDamaged, PosixFile::Mode::read_write);
      auto made = record;
      hash_segments({{0, Bytes(content.begin(), content.end())}}, others, made);
      const auto start = encode_record(made);
      damaged.write(start.data(), start.size(), 0);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    EXPECT_FALSE(try_load(Transfer::direct, c.why)) << c.why << ": not read by this engine";
    const auto failure = try_load(Transfer::collective, c.why);
    EXPECT_TRUE(failure) << c.why;
    if (!failure) continue;
    const std::string what = failure->what();
    EXPECT_NE(what.find("dataset '/state/"), std::string::npos) << c.why << ": " << what;
    EXPECT_NE(what.find(kDamaged), std::string::npos) << what;
    EXPECT_EQ(failure->failed_ranks().size(), static_cast<std::size_t>(size)) << what;
  }
}

}  // namespace
}  // namespace h5dcp
