#include "layout/filters.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

Filters any_filters() {
  const auto compression = Compression{*rc::gen::inRange<std::uint8_t>(0, 3)};
  return {.compression = compression,
          .level = *rc::gen::inRange(1, 9),
          .shuffle = *rc::gen::arbitrary<bool>()};
}

RC_GTEST_PROP(Filters, AreUndone, ()) {
  const auto filters = any_filters();
  const auto itemsize = *rc::gen::element<std::size_t>(1, 2, 4, 8, 16);
  const auto items = *rc::gen::container<Bytes>(rc::gen::inRange<std::uint8_t>(0, 4));
  Bytes chunk;
  for (std::size_t i = 0; i < itemsize; ++i) chunk.insert(chunk.end(), items.begin(), items.end());
  Bytes stored{1, 2, 3};
  apply_filters(filters, chunk.data(), chunk.size(), itemsize, stored);
  RC_ASSERT((stored[0] == 1 && stored[1] == 2 && stored[2] == 3));
  Bytes back(chunk.size());
  undo_filters(filters, std::span(stored).subspan(3), itemsize, back.data(), back.size());
  RC_ASSERT(back == chunk);
}

RC_GTEST_PROP(Filters, AreANumberInTheIndex, ()) {
  auto filters = any_filters();
  if (filters.compression == Compression::none) filters.level = Filters{}.level;
  RC_ASSERT(decode_filters(encode_filters(filters)) == filters);
  RC_ASSERT((encode_filters(filters) == 0) == !filters.any());
}

TEST(Filters, ShuffleAsHdf5Does) {
  const Bytes chunk{1, 2, 3, 4, 11, 12, 13, 14};
  Bytes stored;
  apply_filters({.shuffle = true}, chunk.data(), chunk.size(), 4, stored);
  EXPECT_EQ(stored, (Bytes{1, 11, 2, 12, 3, 13, 4, 14}));
}

TEST(Filters, RefuseWhatIsNotStoredSo) {
  const Bytes chunk(1000, 7);
  for (const auto compression : {Compression::none, Compression::deflate, Compression::zstd}) {
    const Filters filters{.compression = compression, .shuffle = true};
    Bytes stored;
    apply_filters(filters, chunk.data(), chunk.size(), 4, stored);
    Bytes back(2000);
    const auto refuses = [&](std::span<const std::uint8_t> bytes, std::size_t nbytes) {
      try {
        undo_filters(filters, bytes, 4, back.data(), nbytes);
      } catch (const Error& error) {
        return error.code() == ErrorCode::corrupt;
      }
      return false;
    };
    EXPECT_TRUE(refuses(std::span(stored).first(stored.size() - 1), 1000)) << to_string(filters);
    EXPECT_TRUE(refuses({}, 1000)) << to_string(filters);
    EXPECT_TRUE(refuses(stored, 1004)) << to_string(filters);
    EXPECT_TRUE(refuses(stored, 996)) << to_string(filters);
  }
  for (const std::uint16_t number :
       std::initializer_list<std::uint16_t>{3, 15, 32, 0x8000, 0x0110}) {
    EXPECT_THROW(decode_filters(number), Error) << number;
  }
}

TEST(Filters, HaveLevels) {
  const auto refused = [](Compression compression, int level) {
    try {
      check_filters({.compression = compression, .level = level});
    } catch (const Error& error) {
      return error.code() == ErrorCode::invalid_argument;
    }
    return false;
  };
  EXPECT_FALSE(refused(Compression::none, 100)) << "it has none";
  EXPECT_FALSE(refused(Compression::deflate, 0) || refused(Compression::deflate, 9));
  EXPECT_TRUE(refused(Compression::deflate, -1) && refused(Compression::deflate, 10));
  EXPECT_FALSE(refused(Compression::zstd, 1) || refused(Compression::zstd, 22));
  EXPECT_TRUE(refused(Compression::zstd, 0) && refused(Compression::zstd, 23));
}

TEST(Filters, AreSaidInTheirOrder) {
  EXPECT_EQ(to_string(Filters{}), "none");
  EXPECT_EQ(to_string(Filters{.shuffle = true}), "shuffle");
  EXPECT_EQ(to_string(Filters{.compression = Compression::deflate, .level = 6, .shuffle = true}),
            "shuffle, deflate 6");
  EXPECT_EQ(to_string(Filters{.compression = Compression::zstd}), "zstd 1");
}

}  // namespace
}  // namespace h5dcp
