// The attribute in which Lustre has the stripes of a file, byte by byte.

#include "files/lustre.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <vector>

#include "lov.hpp"

namespace h5dcp {
namespace {

using test::Attribute;

constexpr std::uint32_t kMiB = 1U << 20U;

std::optional<Striping> of(const Attribute& attribute) {
  return lustre::decode_striping(attribute);
}

TEST(LustreAttribute, OfAFile) {
  EXPECT_EQ(of(test::plain_lov(4, kMiB)), (Striping{4, kMiB}));
  EXPECT_EQ(of(test::plain_lov(1, 0xFFFF0000)), (Striping{1, 0xFFFF0000}));
  EXPECT_EQ(of(test::plain_lov(0xFFFF, kMiB)), (Striping{-1, kMiB}));
  auto with_objects = test::plain_lov(2, 4 * kMiB);
  with_objects.resize(with_objects.size() + 2 * 24, 0xFF);
  EXPECT_EQ(of(with_objects), (Striping{2, 4 * kMiB}));
  auto in_pool = test::plain_lov(2, 2 * kMiB);
  test::put<std::uint32_t>(in_pool, 0, 0x0BD30BD0);
  in_pool.resize(in_pool.size() + 16, 'p');
  EXPECT_EQ(of(in_pool), (Striping{2, 2 * kMiB}));
}

TEST(LustreAttribute, OfRangesWithStripesOfTheirOwn) {
  EXPECT_EQ(of(test::composite_lov({kMiB})), (Striping{1, kMiB}));
  EXPECT_EQ(of(test::composite_lov({kMiB, 8 * kMiB, 4 * kMiB})), (Striping{1, 8 * kMiB}));
}

TEST(LustreAttribute, ThatAsksForStripes) {
  for (const auto& striping : {Striping{4, kMiB}, Striping{1, 0}, Striping{0, 2 * kMiB}}) {
    auto expected = test::plain_lov(static_cast<std::uint16_t>(striping.count),
                                    static_cast<std::uint32_t>(striping.bytes));
    test::put<std::uint64_t>(expected, 8, 0);  // there is no object yet
    test::put<std::uint64_t>(expected, 16, 0);
    test::put<std::uint16_t>(expected, 30, 0xFFFF);  // Lustre chooses the first target
    EXPECT_EQ(lustre::encode_striping(striping), expected);
  }
  EXPECT_EQ(of(lustre::encode_striping({-1, kMiB})), (Striping{-1, kMiB}));
}

TEST(LustreAttribute, ThatIsNoneIsLeftAlone) {
  EXPECT_EQ(of({}), std::nullopt);
  EXPECT_EQ(of(test::plain_lov(4, 0)), std::nullopt);
  EXPECT_EQ(of(test::composite_lov({})), std::nullopt);
  auto other = test::plain_lov(4, kMiB);
  test::put<std::uint32_t>(other, 0, 0x0BD70BD0);  // of a file that is not in Lustre itself
  EXPECT_EQ(of(other), std::nullopt);
  for (const auto& whole : {test::plain_lov(4, kMiB), test::composite_lov({kMiB, 2 * kMiB})}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Attribute torn(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const auto found = of(torn);  // reads nothing behind its end, which a sanitizer would see
      EXPECT_TRUE(!found || found->bytes == kMiB) << size;
    }
  }
  auto far = test::composite_lov({kMiB});
  test::put<std::uint32_t>(far, 32 + 24, 0xFFFFFFFF);
  EXPECT_EQ(of(far), std::nullopt);
}

TEST(LustreAttribute, IsNotOnOtherFileSystems) {
  const int fd = ::open("file", O_RDWR | O_CREAT, 0600);
  EXPECT_EQ(lustre::striping_of(fd), std::nullopt);
  EXPECT_EQ(lustre::striping_of(-1), std::nullopt);
  EXPECT_EQ(lustre::set_striping("file", {4, kMiB}), EOPNOTSUPP);
  EXPECT_EQ(lustre::set_striping("missing", {4, kMiB}), ENOENT);
  ::close(fd);
}

}  // namespace
}  // namespace h5dcp
