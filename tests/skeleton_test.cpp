// Two makers, one file: what HDF5 and its tools see in a skeleton that we made ourselves is what
// they see in the one that HDF5 made.

#include "skeleton/skeleton.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <rapidcheck.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "any_box.hpp"
#include "files/index.hpp"
#include "h5dcp/error.hpp"
#include "hdf5/id.hpp"
#include "hdf5/types.hpp"
#include "hdf5_format/datatype.hpp"
#include "layout/dataset_name.hpp"
#include "layout/tables.hpp"
#include "skeleton/data_files.hpp"
#include "skeleton/segments.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

struct Ran {
  int status = -1;
  std::string text;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer{};
  while (const auto count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    ran.text.append(buffer.data(), count);
  }
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

// Of an object header, as HDF5 writes it.
Bytes encoded_by_hdf5(const hdf5::Datatype& type) {
  constexpr std::size_t kBefore = 2;  // that it is a datatype, and the version of this
  std::size_t nbytes = 0;
  hdf5::ok(H5Tencode(type.get(), nullptr, &nbytes), "encode a type");
  Bytes bytes(nbytes);
  hdf5::ok(H5Tencode(type.get(), bytes.data(), &nbytes), "encode a type");
  return {bytes.begin() + kBefore, bytes.begin() + static_cast<std::ptrdiff_t>(nbytes)};
}

TEST(Skeleton, HasTheDatatypesThatHdf5Encodes) {
  for (std::uint8_t d = 0; d < kDTypes; ++d) {
    EXPECT_EQ(hdf5_format::datatype_message(DType{d}), encoded_by_hdf5(hdf5::datatype_of(DType{d})))
        << to_string(DType{d});
  }
  for (std::uint8_t t = 0; t < kTables; ++t) {
    EXPECT_EQ(hdf5_format::datatype_message(Table{t}), encoded_by_hdf5(hdf5::datatype_of(Table{t})))
        << name_of(Table{t});
  }
}

// A file that one of the two made, in a folder of its own so that tools call both the same.
struct Made {
  std::string path;
  Skeleton skeleton;
};

Made make(SkeletonMaker maker, std::vector<SkeletonEntry> entries) {
  const std::string folder = maker == SkeletonMaker::direct ? "direct" : "hdf5";
  fs::create_directory(folder);
  const auto path = folder + "/file.h5";
  fs::remove(path);
  Record whole{.generation = 7, .world_size = 3};
  whole.data_files = count_data_files(entries);
  if (whole.data_files > 0) {
    whole.data_folder = "100%.data";
    const auto data = folder + "/" + whole.data_folder;
    fs::remove_all(data);
    fs::create_directory(data);
    FilePool made(PosixFile::Mode::create);
    make_data_files(data, entries, whole, made);
  }
  return {path, make_skeleton(make_file(path, {}), entries, whole, maker)};
}

std::uint64_t bytes_of(const SkeletonEntry& entry) {
  return static_cast<std::uint64_t>(nbytes(entry.dtype, entry.sizes));
}

Bytes data_of(std::size_t i, const SkeletonEntry& entry) {
  Bytes bytes(bytes_of(entry));
  for (std::size_t b = 0; b < bytes.size(); ++b) bytes[b] = static_cast<std::uint8_t>(i + 3 * b);
  return bytes;
}

bool is_elsewhere(const SkeletonEntry& entry) {
  return entry.filters.any() || !entry.parts.empty();
}

std::string path_of(const std::vector<SkeletonEntry>& entries, std::size_t i) {
  const bool is_prefix = std::ranges::any_of(
      entries, [&](const auto& e) { return e.fqn.starts_with(entries[i].fqn + "."); });
  return dataset_path(entries[i].fqn, is_prefix);
}

// All data, the same for both: they are at other addresses. HDF5 writes what is filtered, chunked
// or in data files.
void fill(const Made& made, const std::vector<SkeletonEntry>& entries) {
  const PosixFile file(made.path, PosixFile::Mode::read_write);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_elsewhere(entries[i]) || is_in_box_chunks(entries[i])) continue;
    const auto bytes = data_of(i, entries[i]);
    file.write(bytes.data(), bytes.size(), made.skeleton.places[i].address);
  }
  hdf5::File opened(H5Fopen(made.path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!is_elsewhere(entries[i]) && !is_in_box_chunks(entries[i])) continue;
    const auto path = path_of(entries, i);
    hdf5::Dataset dataset(H5Dopen2(opened.get(), path.c_str(), H5P_DEFAULT), "open " + path);
    const hdf5::Datatype type(H5Dget_type(dataset.get()), "its type");
    const auto bytes = data_of(i, entries[i]);
    hdf5::ok(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
             "write " + path);
    dataset.close("close " + path);
  }
  opened.close("close");
}

// The first lines that differ, or nothing.
std::string first_difference(const std::string& a, const std::string& b) {
  std::istringstream as(a);
  std::istringstream bs(b);
  std::string one;
  std::string two;
  while (true) {
    const bool more_in_a = static_cast<bool>(std::getline(as, one));
    const bool more_in_b = static_cast<bool>(std::getline(bs, two));
    if (!more_in_a && !more_in_b) return "";
    if (more_in_a != more_in_b || one != two) return "'" + one + "' and '" + two + "'";
  }
}

// HDF5 puts links that are UTF-8 into groups of a newer kind, we put all into symbol tables.
bool is_made_directly(const std::string& path) {
  const hdf5::File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
  const hdf5::Group group(H5Gopen2(file.get(), "/h5dcp", H5P_DEFAULT), "open a group");
  H5G_info_t info{};
  hdf5::ok(H5Gget_info(group.get(), &info), "look at a group");
  return info.storage_type == H5G_STORAGE_TYPE_SYMBOL_TABLE;
}

// Whether what HDF5 has written to each chunk is where that should be.
void expect_chunks_in_place(const std::string& path, const std::string& name,
                            const SkeletonEntry& entry, std::uint64_t address) {
  const PosixFile file(path, PosixFile::Mode::read);
  const BoxChunks chunks = box_chunks_of(entry);
  hdf5::File opened(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
  const hdf5::Dataset dataset(H5Dopen2(opened.get(), name.c_str(), H5P_DEFAULT), "open " + name);
  const hdf5::Dataspace space(H5Dget_space(dataset.get()), "its space");
  hsize_t count = 0;
  hdf5::ok(H5Dget_num_chunks(dataset.get(), space.get(), &count), "count chunks");
  EXPECT_EQ(count, chunks.count()) << entry.fqn;
  for (std::uint64_t n = 0; n < chunks.count(); ++n) {
    const auto part = chunks.part(n, address);
    const std::vector<hsize_t> offsets(part.box.offsets.begin(), part.box.offsets.end());
    Bytes by_hdf5(chunks.nbytes());
    Bytes by_us(chunks.nbytes());
    std::uint32_t filters = 0;
    hdf5::ok(H5Dread_chunk(dataset.get(), H5P_DEFAULT, offsets.data(), &filters, by_hdf5.data()),
             "read a chunk of " + name);
    file.read(by_us.data(), by_us.size(), part.address);
    EXPECT_EQ(by_hdf5, by_us) << entry.fqn << ", chunk " << n;
  }
}

// What can be said of each file alone.
void expect_sound(const Made& made, const std::vector<SkeletonEntry>& entries) {
  const auto& record = made.skeleton.record;
  const PosixFile file(made.path, PosixFile::Mode::read);
  EXPECT_EQ(file.size(), record.file_bytes);
  const Index index(record, read_tables(file, record));
  EXPECT_TRUE(damaged_segments(file, other_bytes(index), record).empty());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto address = made.skeleton.places[i].address;
    EXPECT_EQ(index.row(i).address, address);
    EXPECT_EQ(index.fqn(i), entries[i].fqn);
    if (is_in_box_chunks(entries[i])) {
      const bool is_large = box_chunks_of(entries[i]).all_bytes() >= 4096;
      EXPECT_TRUE(address % 4096 == 0 || !is_large) << entries[i].fqn;
      expect_chunks_in_place(made.path, path_of(entries, i), entries[i], address);
    } else if (is_elsewhere(entries[i]) || bytes_of(entries[i]) == 0) {
      EXPECT_TRUE(address == 0 || in_blobs(entries[i].kind)) << entries[i].fqn;
    } else if (bytes_of(entries[i]) >= 4096 && !in_blobs(entries[i].kind)) {
      EXPECT_EQ(address % 4096, 0U) << entries[i].fqn;
    }
  }
  const auto ls = run("h5ls -r -v " + made.path);
  EXPECT_EQ(ls.status, 0) << ls.text;
  const auto stat = run("h5stat " + made.path);
  EXPECT_EQ(stat.status, 0) << stat.text;
  const auto repack = run("h5repack " + made.path + " repacked.h5");
  EXPECT_EQ(repack.status, 0) << repack.text;
}

// h5dump's text without where things are.
std::string without_offsets(const std::string& text) {
  std::istringstream lines(text);
  std::string rest;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" OFFSET ") == std::string::npos) rest += line + "\n";
  }
  return rest;
}

void expect_same(const std::vector<SkeletonEntry>& entries) {
  const auto direct = make(SkeletonMaker::direct, entries);
  const auto hdf5 = make(SkeletonMaker::hdf5, entries);
  EXPECT_TRUE(is_made_directly(direct.path));
  EXPECT_FALSE(is_made_directly(hdf5.path));
  expect_sound(direct, entries);
  expect_sound(hdf5, entries);
  fill(direct, entries);
  fill(hdf5, entries);
  // All that HDF5 tells but what is in the table of tensors, which has addresses.
  for (const std::string options : {"-p -H", "-p -d /h5dcp/names -d /h5dcp/shapes -g /state"}) {
    const auto one = run("cd direct && h5dump " + options + " file.h5");
    const auto two = run("cd hdf5 && h5dump " + options + " file.h5");
    EXPECT_EQ(one.status, 0) << one.text;
    EXPECT_EQ(first_difference(without_offsets(one.text), without_offsets(two.text)), "")
        << options;
  }
  // h5diff calls a dataset without elements "not comparable", with itself too.
  fs::remove_all("copy");
  fs::copy("hdf5", "copy", fs::copy_options::recursive);
  const std::string diff = "h5diff -v --exclude-path /h5dcp/tensors hdf5/file.h5 ";
  const auto same = run(diff + "copy/file.h5");
  const auto both = run(diff + "direct/file.h5");
  EXPECT_NE(same.text.find("/h5dcp/names"), std::string::npos) << same.text;
  EXPECT_EQ(first_difference(both.text, same.text), "");
  EXPECT_EQ(both.status, same.status);
}

SkeletonEntry tensor(std::string fqn, DType dtype, Extents sizes) {
  SkeletonEntry entry{.fqn = std::move(fqn), .path = "", .dtype = dtype, .sizes = std::move(sizes)};
  entry.chunks = entry.checksums = bytes_of(entry) > 0 ? 1 : 0;
  return entry;
}

SkeletonEntry text(std::string fqn, std::int64_t capacity) {
  auto entry = tensor(std::move(fqn), DType::uint8, {capacity});
  entry.kind = EntryKind::json;
  return entry;
}

SkeletonEntry filtered(std::string fqn, DType dtype, Extents sizes, Extents chunk,
                       Filters filters) {
  auto entry = tensor(std::move(fqn), dtype, std::move(sizes));
  entry.filters = filters;
  entry.chunk_shape = std::move(chunk);
  return entry;
}

bool has_zstd() {
  return H5Zfilter_avail(32015) > 0;
}

TEST(Skeleton, OfNothing) {
  expect_same({});
}

TEST(Skeleton, OfEveryDtype) {
  std::vector<SkeletonEntry> entries;
  for (std::uint8_t d = 0; d < kDTypes; ++d) {
    const DType dtype{d};
    const auto name = std::string(to_string(dtype));
    entries.push_back(tensor(name + ".matrix", dtype, {3, 5}));
    entries.push_back(tensor(name + ".empty", dtype, {3, 0}));
    entries.push_back(tensor(name + ".large", dtype, {4097}));
    entries.push_back(tensor(name + ".scalar", dtype, {}));
    const Filters filters{.compression = Compression::deflate, .level = 9, .shuffle = true};
    entries.push_back(filtered(name + ".filtered", dtype, {30, 5}, {7, 5}, filters));
  }
  std::ranges::sort(entries, {}, &SkeletonEntry::fqn);
  expect_same(entries);
}

TEST(Skeleton, OfEveryFilter) {
  std::vector<SkeletonEntry> entries;
  for (const bool shuffle : {false, true}) {
    for (const int level : {1, 9}) {
      for (const auto how : {Compression::none, Compression::deflate, Compression::zstd}) {
        const Filters filters{.compression = how, .level = level, .shuffle = shuffle};
        if (!filters.any() || (how == Compression::zstd && !has_zstd())) continue;
        entries.push_back(
            filtered(to_string(filters) + std::to_string(level), DType::int32, {9}, {2}, filters));
      }
    }
  }
  std::ranges::sort(entries, {}, &SkeletonEntry::fqn);
  expect_same(entries);
}

SkeletonEntry chunked(std::string fqn, DType dtype, Extents sizes, Extents chunk) {
  auto entry = tensor(std::move(fqn), dtype, std::move(sizes));
  entry.chunk_shape = std::move(chunk);
  return entry;
}

TEST(Skeleton, OfChunksOfShards) {
  expect_same({
      chunked("columns", DType::float32, {64, 90}, {64, 23}),
      chunked("cube", DType::bfloat16, {5, 4, 3}, {5, 1, 2}),
      chunked("many", DType::int8, {7, 300}, {2, 1}),  // two levels of nodes
      tensor("other", DType::float64, {1000}),
      chunked("row", DType::int16, {64}, {1}),        // a full node
      chunked("very.many", DType::int8, {5000}, {1})  // three levels
  });
}

TEST(Skeleton, OfTensorsInDataFiles) {
  std::vector<SkeletonEntry> entries;
  for (int i = 0; i < 100; ++i) {  // their mappings take several collections of the heap
    auto& entry = entries.emplace_back(tensor("whole" + std::to_string(i), DType::int16, {3, 5}));
    entry.parts = {{1 + static_cast<std::uint32_t>(i) % 3, 0, {{0, 0}, {3, 5}}}};
  }
  auto& rows = entries.emplace_back(tensor("rows", DType::bfloat16, {8, 6}));
  rows.parts = {{1, 0, {{0, 0}, {5, 6}}}, {2, 0, {{5, 0}, {3, 6}}}};
  auto& prefix = entries.emplace_back(tensor("rows.of%self", DType::float32, {4}));
  prefix.parts = {{2, 0, {{0}, {4}}}};
  auto& several = entries.emplace_back(tensor("several", DType::int32, {4, 4}));
  several.parts = {{2, 0, {{0, 0}, {2, 2}}},
                   {2, 0, {{2, 2}, {2, 2}}},
                   {3, 0, {{0, 2}, {2, 2}}},
                   {3, 0, {{2, 0}, {2, 2}}}};
  auto& many = entries.emplace_back(tensor("many", DType::int8, {200}));  // more than a collection
  for (std::int64_t i = 0; i < 200; ++i) many.parts.push_back({3, 0, {{i}, {1}}});
  entries.push_back(tensor("here", DType::int8, {7}));
  std::ranges::sort(entries, {}, &SkeletonEntry::fqn);
  expect_same(entries);
  const auto box = run("h5dump -H -d '/state/several/0:2,0:2' 'direct/100%.data/2.h5'");
  EXPECT_EQ(box.status, 0) << box.text;
}

TEST(Skeleton, OfBoxesThatHdf5MustMap) {
  constexpr std::int64_t kFar = std::int64_t{1} << 32;
  auto entry = tensor("far", DType::int8, {kFar + 2});
  entry.parts = {{1, 4096, {{0}, {1}}}, {1, 8192, {{1}, {kFar + 1}}}};
  entry.sources = {"/state/far/a", "/state/far/b"};
  fs::create_directory("far");
  fs::remove("far/file.h5");
  make_skeleton(make_file("far/file.h5", {}), {entry}, {.data_files = 1, .data_folder = "none"});
  EXPECT_FALSE(is_made_directly("far/file.h5"));
  const auto dump = run("h5dump -p -H far/file.h5");
  EXPECT_NE(dump.text.find("BLOCK (4294967297)"), std::string::npos) << dump.text;
}

TEST(Skeleton, OfAnyNumberOfDimensions) {
  std::vector<SkeletonEntry> entries;
  for (std::int64_t dims = 10; dims <= 32; ++dims) {
    Extents sizes(std::vector<std::int64_t>(static_cast<std::size_t>(dims), 1));
    sizes.end()[-1] = dims;
    entries.push_back(tensor("contiguous" + std::to_string(dims), DType::int16, sizes));
  }
  Extents most(std::vector<std::int64_t>(32, 1));
  entries.push_back(filtered("filtered", DType::int8, most, most, {.shuffle = true}));
  expect_same(entries);
}

TEST(Skeleton, OfHostileNames) {
  const std::set<std::string> fqns{"",
                                   ".",
                                   "..",
                                   "a",
                                   "a.",
                                   ".a",
                                   "a..b",
                                   "a-b",
                                   "a.b",
                                   "a.b.c",
                                   "a/b",
                                   "a%b",
                                   "%",
                                   "a.%self",
                                   "%2F",
                                   "back\\slash",
                                   "new\nline",
                                   "größe.重み",
                                   "sp ace",
                                   "a\x7F",
                                   std::string("nu\0l", 4),
                                   std::string(4096, 'x')};
  std::vector<SkeletonEntry> entries;
  for (const auto& fqn : fqns) entries.push_back(tensor(fqn, DType::float32, {2}));
  std::string deep = "deep";
  for (int depth = 0; depth < 300; ++depth) deep += "." + std::to_string(depth);
  entries.push_back(tensor(deep, DType::float64, {2, 3}));
  std::ranges::sort(entries, {}, &SkeletonEntry::fqn);
  expect_same(entries);
}

TEST(Skeleton, OfGroupsThatAreDatasetsAndOfValuesThatAreNone) {
  expect_same({tensor("a", DType::int8, {}), tensor("a-b", DType::int8, {}), text("a.b", 64),
               tensor("c", DType::int8, {5000}), tensor("c.d", DType::int8, {}), text("c.d.e", 128),
               text("f", 8192), tensor("f.g.h", DType::int8, {})});
}

TEST(Skeleton, OfAGroupWithVeryManyMembers) {
  std::vector<SkeletonEntry> entries;
  for (int i = 0; i < 9000; ++i) {
    entries.push_back(tensor("flat." + std::to_string(100000 + i), DType::bfloat16, {2}));
  }
  expect_same(entries);
}

// It refuses what neither can do, and says so.
TEST(Skeleton, IsLeftToHdf5WhereWeCannot) {
  struct Case {
    const char* why;
    std::vector<SkeletonEntry> entries;
    const char* words;
  };
  const Case cases[] = {
      {"two datasets of one name",
       {tensor("a", DType::int8, {}), tensor("a", DType::int8, {})},
       "create 'direct/file.h5': dataset '/state/a': "},
      {"an attribute longer than a message may be",
       {tensor(std::string(70000, 'x'), DType::int8, {})},
       "create 'direct/file.h5': "},
  };
  for (const auto& c : cases) {
    try {
      make(SkeletonMaker::direct, c.entries);
      ADD_FAILURE() << c.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::io) << c.why;
      EXPECT_NE(std::string(error.what()).find(c.words), std::string::npos) << error.what();
    }
  }
}

TEST(Skeleton, OfAnything) {
  EXPECT_TRUE(rc::check("two makers", [] {
    const auto component = rc::gen::element<std::string>("", "a", "b", "a-b", "a/b", "%", "0", "10",
                                                         "2", "é", "\n", "weight");
    const auto paths = *rc::gen::container<std::set<std::vector<std::string>>>(rc::gen::scale(
        0.06, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(component))));
    std::set<std::string> fqns;
    for (const auto& path : paths) {
      std::string fqn = path.front();
      for (std::size_t c = 1; c < path.size(); ++c) fqn += "." + path[c];
      fqns.insert(fqn);
    }
    std::vector<SkeletonEntry> entries;
    for (const auto& fqn : fqns) {
      const DType dtype{*rc::gen::inRange<std::uint8_t>(0, kDTypes)};
      const auto sizes = *test::any_sizes(5, 9);
      const auto what = *rc::gen::inRange(0, 10);
      if (what == 0) {
        entries.push_back(text(fqn, *rc::gen::element<std::int64_t>(64, 4096)));
      } else if (what == 1) {
        entries.push_back(tensor(fqn, dtype, {*rc::gen::inRange<std::int64_t>(1000, 9000)}));
      } else if (what < 5 && !sizes.empty() && numel(sizes) > 0) {
        auto chunk = sizes;
        for (auto& size : chunk) size = *rc::gen::inRange<std::int64_t>(1, size + 1);
        const auto how = *rc::gen::element(Compression::none, Compression::deflate);
        const Filters filters{.compression = how,
                              .level = *rc::gen::inRange(1, 10),
                              .shuffle = *rc::gen::arbitrary<bool>()};
        entries.push_back(filtered(fqn, dtype, sizes, chunk, filters));
      } else {
        entries.push_back(tensor(fqn, dtype, sizes));
      }
    }
    expect_same(entries);
    RC_ASSERT(!testing::Test::HasFailure());
  }));
}

// What HDF5 finds in the file again.
std::vector<std::string> names_in(hid_t file, const char* group) {
  std::vector<std::string> names;
  const hdf5::Group opened(H5Gopen2(file, group, H5P_DEFAULT), "open a group");
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  hdf5::ok(H5Literate(opened.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "iterate");
  return names;
}

// HDF5 goes on with a file that we began: with groups around all that a node takes.
TEST(Skeleton, CanBeGoneOnWithByHdf5) {
  for (const std::size_t count : {0U, 1U, 8U, 9U, 256U, 257U}) {
    SCOPED_TRACE(count);
    std::vector<SkeletonEntry> entries;
    for (std::size_t i = 0; i < count; ++i) {
      entries.push_back(tensor("g." + std::to_string(10000 + 10 * i), DType::float32, {3}));
    }
    entries.push_back(tensor("w", DType::int64, {2, 2}));
    const auto made = make(SkeletonMaker::direct, entries);
    fill(made, entries);
    std::set<std::string> members;
    for (std::size_t i = 0; i < count; ++i) members.insert(std::to_string(10000 + 10 * i));

    const hdf5::Dataspace scalar(H5Screate(H5S_SCALAR), "make a dataspace");
    const std::int32_t number = 42;
    {
      hdf5::File file(H5Fopen(made.path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
      const hdf5::PropertyList groups(H5Pcreate(H5P_LINK_CREATE), "make a list");
      H5Pset_create_intermediate_group(groups.get(), 1);
      // Before, between and behind those that are there.
      for (int i = 9995; i < 10000 + 10 * static_cast<int>(count) + 40; i += 5) {
        const auto name = std::to_string(i);
        if (members.contains(name)) continue;
        const hdf5::Dataset added(
            H5Dcreate2(file.get(), ("/state/g/" + name).c_str(), H5T_NATIVE_INT, scalar.get(),
                       groups.get(), H5P_DEFAULT, H5P_DEFAULT),
            "add a dataset");
        hdf5::ok(H5Dwrite(added.get(), H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &number),
                 "write");
        members.insert(name);
      }
      for (std::size_t i = 0; i < count; i += 2) {
        const auto name = std::to_string(10000 + 10 * i);
        hdf5::ok(H5Ldelete(file.get(), ("/state/g/" + name).c_str(), H5P_DEFAULT), "delete");
        members.erase(name);
      }
      const hdf5::Group group(
          H5Gcreate2(file.get(), "/state/more", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "add");
      const hdf5::Dataset w(H5Dopen2(file.get(), "/state/w", H5P_DEFAULT), "open w");
      for (const hid_t object : {w.get(), group.get()}) {
        for (int a = 0; a < 12; ++a) {
          const hdf5::Attribute attribute(
              H5Acreate2(object, ("more" + std::to_string(a)).c_str(), H5T_NATIVE_INT, scalar.get(),
                         H5P_DEFAULT, H5P_DEFAULT),
              "add an attribute");
          hdf5::ok(H5Awrite(attribute.get(), H5T_NATIVE_INT, &number), "write it");
        }
      }
      hdf5::ok(H5Adelete(w.get(), "dtype"), "delete an attribute");
      file.close("close");
    }

    const hdf5::File file(H5Fopen(made.path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open again");
    EXPECT_EQ(names_in(file.get(), "/state"), (std::vector<std::string>{"g", "more", "w"}));
    EXPECT_EQ(names_in(file.get(), "/state/g"),
              std::vector<std::string>(members.begin(), members.end()));
    const hdf5::Dataset w(H5Dopen2(file.get(), "/state/w", H5P_DEFAULT), "open w");
    EXPECT_EQ(H5Aexists(w.get(), "fqn"), 1);
    EXPECT_EQ(H5Aexists(w.get(), "dtype"), 0);
    EXPECT_EQ(H5Aexists(w.get(), "more11"), 1);
    std::array<std::uint8_t, 32> bytes{};
    hdf5::ok(H5Dread(w.get(), H5T_STD_I64LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), "read");
    for (std::size_t b = 0; b < bytes.size(); ++b) {
      EXPECT_EQ(bytes.at(b), static_cast<std::uint8_t>(count + 3 * b));
    }
    EXPECT_EQ(run("h5dump -H " + made.path).status, 0);
  }
}

}  // namespace
}  // namespace h5dcp
