// Each structure against the bytes that the HDF5 File Format Specification, version 3, asks for;
// skeleton_test lets HDF5 read whole files of them.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/bytes.hpp"
#include "h5dcp/error.hpp"
#include "hdf5_format/attribute.hpp"
#include "hdf5_format/chunk_btree.hpp"
#include "hdf5_format/data_layout.hpp"
#include "hdf5_format/dataset_header.hpp"
#include "hdf5_format/dataspace.hpp"
#include "hdf5_format/datatype.hpp"
#include "hdf5_format/fill_value.hpp"
#include "hdf5_format/filter_pipeline.hpp"
#include "hdf5_format/group.hpp"
#include "hdf5_format/group_btree.hpp"
#include "hdf5_format/local_heap.hpp"
#include "hdf5_format/lookup3.hpp"
#include "hdf5_format/metadata_pieces.hpp"
#include "hdf5_format/object_header.hpp"
#include "hdf5_format/superblock.hpp"
#include "hdf5_format/symbol_table.hpp"
#include "hdf5_format/virtual_mapping.hpp"

namespace h5dcp::hdf5_format {
namespace {

using Put = std::function<void(ByteWriter&)>;

// What `put` writes, as hexadecimal digits in groups of 8 bytes. It must write all of `nbytes`.
std::string hex(std::size_t nbytes, const Put& put) {
  Bytes bytes(nbytes, 0xEE);
  ByteWriter out(bytes);
  put(out);
  EXPECT_EQ(out.left(), 0U);
  std::string text;
  for (std::size_t i = 0; i < nbytes; ++i) {
    constexpr const char* kDigits = "0123456789abcdef";
    if (i > 0 && i % 8 == 0) text += ' ';
    text += kDigits[bytes[i] / 16];
    text += kDigits[bytes[i] % 16];
  }
  return text;
}

TEST(ByteWriter, RefusesToWritePastTheEnd) {
  Bytes bytes(7);
  ByteWriter out(bytes);
  out.u32(1);
  EXPECT_THROW(out.u32(2), Error);
  out.zeros(3);
  EXPECT_THROW(out.u8(0), Error);
  out.bytes(nullptr, 0);
}

TEST(ByteWriter, PadsToEight) {
  EXPECT_EQ(hex(8, [](ByteWriter& out) { out.padded_bytes("abc", 3); }), "6162630000000000");
  EXPECT_EQ(hex(8, [](ByteWriter& out) { out.padded_bytes("abcdefgh", 8); }), "6162636465666768");
  EXPECT_EQ(padded(0), 0U);
  EXPECT_EQ(padded(1), 8U);
  EXPECT_EQ(padded(8), 8U);
}

TEST(MetadataPieces, FollowEachOtherAndHoldWhatIsLongerThanOne) {
  Bytes all;
  std::uint64_t end = 4096;
  int pieces = 0;
  MetadataPieces made(end, [&](std::uint64_t address, std::span<const std::uint8_t> bytes) {
    EXPECT_EQ(address, end);
    all.insert(all.end(), bytes.begin(), bytes.end());
    end += bytes.size();
    ++pieces;
  });
  const std::size_t lengths[] = {3, 200'000, 100'000, 1'000'000, 5};
  std::uint8_t value = 0;
  for (const auto length : lengths) {
    const Bytes some(length, ++value);
    made.add(length, [&](ByteWriter& out) { out.bytes(some.data(), some.size()); });
  }
  made.flush();
  made.flush();  // of nothing
  EXPECT_EQ(pieces, 4);
  Bytes expected;
  value = 0;
  for (const auto length : lengths) expected.insert(expected.end(), length, ++value);
  EXPECT_EQ(all, expected);
}

TEST(MetadataPieces, RefuseWhatIsNotAsLongAsLaidOut) {
  MetadataPieces made(0, [](std::uint64_t, std::span<const std::uint8_t>) {});
  EXPECT_THROW(made.add(5, [](ByteWriter& out) { out.u32(1); }), Error);
  EXPECT_THROW(made.add(3, [](ByteWriter& out) { out.u32(1); }), Error);
}

TEST(Superblock, IsOfVersion0) {
  EXPECT_EQ(hex(kSuperblockBytes,
                [](ByteWriter& out) {
                  put_superblock(out, {.user_block = 4096,
                                       .file_bytes = 0x281e8,
                                       .root_header = 0x60,
                                       .root_btree = 0x88,
                                       .root_heap = 0x2a8});
                }),
            "894844460d0a1a0a 0000000000080800 0400100000000000 0010000000000000 ffffffffffffffff "
            "e881020000000000 ffffffffffffffff 0000000000000000 6000000000000000 0100000000000000 "
            "8800000000000000 a802000000000000");
}

TEST(ObjectHeader, CountsItsMessagesAndTheirBytes) {
  EXPECT_EQ(hex(16, [](ByteWriter& out) { put_header_prefix(out, 7, 256); }),
            "0100070001000000 0001000000000000");
  EXPECT_EQ(hex(8,
                [](ByteWriter& out) {
                  put_message_prefix(out, Message::data_layout, 18, MessageFlags::constant);
                }),
            "0800180001000000")
      << "padded";
}

TEST(Dataspace, HasSizesTwice) {
  EXPECT_EQ(hex(8, [](ByteWriter& out) { put_dataspace(out, {}); }), "0100000000000000")
      << "a scalar";
  const std::array<std::int64_t, 2> sizes{9, 0};
  EXPECT_EQ(hex(dataspace_bytes(2), [&](ByteWriter& out) { put_dataspace(out, sizes); }),
            "0102010000000000 0900000000000000 0000000000000000 0900000000000000 0000000000000000");
}

TEST(Datatype, OfATextIsUtf8PaddedWithNul) {
  EXPECT_EQ(hex(kTextTypeBytes, [](ByteWriter& out) { put_text_type(out, 300); }),
            "131100002c010000");
}

TEST(FillValue, IsTheDefaultAndNeverWritten) {
  EXPECT_EQ(hex(8, [](ByteWriter& out) { put_fill_value(out, Allocation::early); }),
            "0201010100000000");
  EXPECT_EQ(hex(8, [](ByteWriter& out) { put_fill_value(out, Allocation::incremental); }),
            "0203010100000000");
}

TEST(DataLayout, IsContiguousOrChunked) {
  EXPECT_EQ(
      hex(padded(kContiguousBytes), [](ByteWriter& out) { put_contiguous(out, 0x6a70, 0x6c); }),
      "0301706a00000000 00006c0000000000 0000000000000000");
  const std::array<std::int64_t, 2> chunk{350, 40};
  EXPECT_EQ(hex(padded(chunked_bytes(2)),
                [&](ByteWriter& out) { put_chunked(out, kUndefined, chunk, 4); }),
            "030203ffffffffff ffffff5e01000028 0000000400000000");
}

TEST(ChunkBtree, HasAKeyBeforeEachChunkAndOneBehindTheLast) {
  const std::array<std::int64_t, 1> shape{0x200};
  const std::array<std::array<std::int64_t, 1>, 2> offsets{{{0}, {0x200}}};
  const ChunkTree tree{.chunks = 2, .shape = shape, .itemsize = 4};
  ASSERT_EQ(chunk_btree_bytes(tree), 24U + 65 * 24 + 64 * 8);
  const auto text = hex(chunk_btree_bytes(tree), [&](ByteWriter& out) {
    put_chunk_btree(out, 0x1000, tree, [&](std::size_t i) {
      return ChunkPlaced{offsets.at(i), 0x3000 + 0x1000 * i};
    });
  });
  const std::string begin =
      "5452454501000200 ffffffffffffffff ffffffffffffffff "
      "0008000000000000 0000000000000000 0000000000000000 0030000000000000 "
      "0008000000000000 0002000000000000 0000000000000000 0040000000000000 "
      "0000000000000000 0004000000000000 0400000000000000 0000000000000000";
  EXPECT_EQ(text.substr(0, begin.size()), begin);
  EXPECT_EQ(text.find_first_not_of("0 ", begin.size()), text.npos);
}

TEST(FilterPipeline, HasNamesAndValues) {
  const std::array<Filter, 2> filters{Filter{2, "shuffle", 1, {4}},
                                      Filter{1, "deflate", 1, {6, 7}}};
  ASSERT_EQ(filter_pipeline_bytes(filters), 56U);
  EXPECT_EQ(hex(56, [&](ByteWriter& out) { put_filter_pipeline(out, filters); }),
            "0102000000000000 0200080001000100 73687566666c6500 0400000000000000 "
            "0100080001000200 6465666c61746500 0600000007000000");
}

TEST(Attribute, HasATextOfItsLength) {
  const auto put = [](const char* name, const char* text) {
    const TextAttribute attribute{name, text};
    return hex(padded(attribute_bytes(attribute)),
               [&](ByteWriter& out) { put_attribute(out, attribute); });
  };
  EXPECT_EQ(put("fqn", "empty"),
            "0100040008000800 66716e0000000000 1311000005000000 0100000000000000 656d707479000000");
  EXPECT_EQ(put("seven_b", "12345678"),
            "0100080008000800 736576656e5f6200 1311000008000000 0100000000000000 3132333435363738");
  EXPECT_EQ(put("fqn", ""),
            "0100040008000800 66716e0000000000 1311000001000000 0100000000000000 0000000000000000")
      << "no text is one NUL";
}

TEST(SymbolTable, HasLinks) {
  EXPECT_EQ(hex(kSymbolTableBytes, [](ByteWriter& out) { put_symbol_table(out, 1, 2); }),
            "0100000000000000 0200000000000000");
  EXPECT_EQ(hex(8, [](ByteWriter& out) { put_link_node_prefix(out, 8); }), "534e4f4401000800");
  EXPECT_EQ(hex(kLinkBytes, [](ByteWriter& out) { put_link(out, 8, 800); }),
            "0800000000000000 2003000000000000 0000000000000000 0000000000000000 0000000000000000");
}

TEST(LocalHeap, HasNoFreeSpace) {
  EXPECT_EQ(hex(kHeapPrefixBytes, [](ByteWriter& out) { put_heap_prefix(out, 712, 88); }),
            "4845415000000000 5800000000000000 0100000000000000 c802000000000000");
  EXPECT_EQ(hex(heap_name_bytes("seven_b"), [](ByteWriter& out) { put_heap_name(out, "seven_b"); }),
            "736576656e5f6200");
  EXPECT_EQ(heap_name_bytes("8_bytes!"), 16U) << "the NUL counts";
}

TEST(DatasetHeader, FitsOrNot) {
  const std::array<std::uint8_t, 8> type{};
  const std::array<std::int64_t, 1> sizes{4};
  const DatasetHeader good{.datatype = type, .itemsize = 4, .sizes = sizes, .attributes = {}};
  EXPECT_TRUE(fits(good));

  const std::string longest(65528 - 8 - 8 - 8 - 8, 'x');
  const std::array<TextAttribute, 1> fills{TextAttribute{"fqn", longest}};
  auto header = good;
  header.attributes = fills;
  EXPECT_TRUE(fits(header));
  const auto longer = longest + "x";
  const std::array<TextAttribute, 1> overflows{TextAttribute{"fqn", longer}};
  header.attributes = overflows;
  EXPECT_FALSE(fits(header)) << "the attribute is too long for a message";

  const std::array<std::int64_t, 1> chunk{(std::int64_t{1} << 32) - 1};
  header = good;
  header.chunk = chunk;
  EXPECT_TRUE(fits(header));
  const std::array<std::int64_t, 1> large{std::int64_t{1} << 32};
  header.chunk = large;
  EXPECT_FALSE(fits(header)) << "the size of a chunk has 32 bits";
  const std::array<std::int64_t, 1> none{0};
  header.chunk = none;
  EXPECT_FALSE(fits(header)) << "an empty chunk";
  const std::vector<std::int64_t> dims(33, 1);
  header = good;
  header.sizes = dims;
  EXPECT_FALSE(fits(header)) << "more dimensions than HDF5 has";
}

TEST(DatasetHeader, HasTheBytesThatItSays) {
  const std::array<std::uint8_t, 12> type{0x10};
  const std::array<std::int64_t, 1> sizes{4};
  const std::array<TextAttribute, 1> attributes{TextAttribute{"a", "b"}};
  const DatasetHeader header{.datatype = type,
                             .itemsize = 4,
                             .sizes = sizes,
                             .address = 64,
                             .nbytes = 16,
                             .attributes = attributes};
  EXPECT_EQ(
      hex(dataset_header_bytes(header), [&](ByteWriter& out) { put_dataset_header(out, header); }),
      "0100050001000000 9800000000000000 "
      "0100180000000000 0101010000000000 0400000000000000 0400000000000000 "
      "0300100001000000 1000000000000000 0000000000000000 "
      "0500080001000000 0201010100000000 "
      "0800180001000000 0301400000000000 0000100000000000 0000000000000000 "
      "0c00280000000000 0100020008000800 6100000000000000 1311000001000000 0100000000000000 "
      "6200000000000000");
}

// A group's bytes, read by the rules of the specification.
class GroupReader {
 public:
  GroupReader(const Bytes& bytes, const GroupPlace& place) : bytes_(bytes), place_(place) {}

  // Name and header of each member, in the order of the tree.
  std::vector<std::pair<std::string, std::uint64_t>> read() {
    EXPECT_EQ(u64(place_.header + 24), place_.btree);
    EXPECT_EQ(u64(place_.header + 32), place_.heap);
    heap_data_ = u64(place_.heap + 24);
    EXPECT_EQ(heap_data_ + u64(place_.heap + 8), place_.btree) << "the end of the heap";
    EXPECT_EQ(u64(heap_data_), 0U) << "the empty name";
    const auto level = at(place_.btree)[5];
    node(place_.btree, level, "", nullptr);
    return members_;
  }

 private:
  const std::uint8_t* at(std::uint64_t address) const {
    return bytes_.data() + (address - place_.header);
  }
  std::uint64_t u64(std::uint64_t address) const {
    std::uint64_t value = 0;
    std::memcpy(&value, at(address), sizeof value);
    return value;
  }
  std::size_t u16(std::uint64_t address) const { return at(address)[0] + 256U * at(address)[1]; }
  std::string signature(std::uint64_t address) const {
    return {reinterpret_cast<const char*>(at(address)), 4};
  }
  std::string name(std::uint64_t offset) const {
    return reinterpret_cast<const char*>(at(heap_data_ + offset));
  }

  // `left`: no name under the node is as low; `right`: the last one, where the parent tells.
  void node(std::uint64_t address, std::size_t level, const std::string& left,
            const std::string* right) {
    ASSERT_EQ(signature(address), "TREE");
    EXPECT_EQ(at(address)[4], 0) << "the type of a group's nodes";
    ASSERT_EQ(at(address)[5], level);
    if (last_of_level_.size() <= level) last_of_level_.resize(level + 1, kUndefined);
    EXPECT_EQ(u64(address + 8), last_of_level_[level]) << "the node on the left";
    if (last_of_level_[level] != kUndefined) {
      EXPECT_EQ(u64(last_of_level_[level] + 16), address) << "the node on the right";
    }
    last_of_level_[level] = address;
    const auto children = u16(address + 6);
    ASSERT_LE(children, kMostChildren);
    if (right == nullptr) {
      EXPECT_EQ(u64(address + 16), kUndefined) << "the root has no neighbours";
    }
    EXPECT_EQ(name(u64(address + 24)), left);
    auto before = left;
    for (std::size_t c = 0; c < children; ++c) {
      const auto child = u64(address + 32 + 16 * c);
      const auto key = name(u64(address + 40 + 16 * c));
      if (level > 0) {
        node(child, level - 1, before, &key);
      } else {
        links(child, before, key);
      }
      before = key;
    }
    EXPECT_EQ(before, right == nullptr ? before : *right);
  }

  void links(std::uint64_t address, const std::string& left, const std::string& right) {
    ASSERT_EQ(signature(address), "SNOD");
    const auto count = u16(address + 6);
    ASSERT_GE(count, 1U);
    ASSERT_LE(count, kMostLinks);
    auto before = left;
    for (std::size_t l = 0; l < count; ++l) {
      const auto link = address + 8 + l * kLinkBytes;
      const auto offset = u64(link);
      EXPECT_EQ(offset % 8, 0U);
      EXPECT_LT(before, name(offset));
      before = name(offset);
      members_.emplace_back(before, u64(link + 8));
    }
    EXPECT_EQ(before, right);
  }

  const Bytes& bytes_;
  GroupPlace place_;
  std::uint64_t heap_data_ = 0;
  std::vector<std::uint64_t> last_of_level_;
  std::vector<std::pair<std::string, std::uint64_t>> members_;
};

TEST(Group, FindsEachMemberWhateverTheirNumber) {
  // Around a full node of links (8), a full node above (32 of them), and full trees of 2 and 3
  // levels.
  for (const std::size_t count :
       {0U, 1U, 7U, 8U, 9U, 255U, 256U, 257U, 300U, 8191U, 8192U, 8193U, 262145U}) {
    SCOPED_TRACE(count);
    std::vector<std::pair<std::string, std::uint64_t>> expected;
    std::size_t name_bytes = 0;
    for (std::size_t m = 0; m < count; ++m) {
      auto digits = std::to_string(m);
      expected.emplace_back(std::string(6 - digits.size(), '0') + digits + std::string(m % 9, 'x'),
                            1000 * m);
      name_bytes += heap_name_bytes(expected.back().first);
    }
    std::vector<GroupMember> members;
    for (const auto& [name, header] : expected) members.push_back({name, header});
    const auto place = place_group(96, count, name_bytes);
    Bytes bytes(place.end - place.header);
    ByteWriter out(bytes);
    put_group(out, place, members);
    EXPECT_EQ(out.left(), 0U);
    EXPECT_EQ(GroupReader(bytes, place).read(), expected);
  }
}

// Those that its author published for these strings.
TEST(Lookup3, OfKnownStrings) {
  const auto hash = [](std::string_view text) {
    return lookup3({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(hash(""), 0xDEADBEEFU);
  EXPECT_EQ(hash("Four score and seven years ago"), 0x17770551U);
}

// By hand, but for the checksum.
TEST(VirtualMapping, OfABoxAndOfAll) {
  const std::array<std::int64_t, 2> offsets{4, 0};
  const std::array<std::int64_t, 2> sizes{2, 3};
  const VirtualSource sources[] = {{"f", "/a", offsets, sizes}, {"g", "/b"}};
  ASSERT_TRUE(fits(sources));
  const auto object = virtual_mapping(sources);
  const Bytes expected{0,   2, 0,   0,   0, 0, 0, 0, 0,                        // version, sources
                       'f', 0, '/', 'a', 0,                                    //
                       3,   0, 0,   0,   1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0,  // all of it ...
                       2,   0, 0,   0,   1, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0,  // ... is a box
                       2,   0, 0,   0,   1, 0, 0, 0,                           // dimensions, blocks
                       4,   0, 0,   0,   0, 0, 0, 0, 5, 0, 0, 0, 2,  0, 0, 0,  // first, last
                       'g', 0, '/', 'b', 0,                                    //
                       3,   0, 0,   0,   1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0,  //
                       3,   0, 0,   0,   1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0};
  ASSERT_EQ(object.size(), expected.size() + 4);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), object.begin()));
  const std::int64_t far[] = {std::int64_t{1} << 32};
  const std::int64_t one[] = {1};
  const VirtualSource beyond[] = {{"f", "/a", far, one}};
  EXPECT_FALSE(fits(beyond));
}

}  // namespace
}  // namespace h5dcp::hdf5_format
