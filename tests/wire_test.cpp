#include "base/wire.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <span>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

TEST(Wire, RoundTripsWhatItCarries) {
  EXPECT_TRUE(rc::check("wire", [](std::uint64_t number, const std::string& text,
                                   const std::vector<std::uint8_t>& bytes, std::uint32_t offset) {
    const Box box{{offset, 0}, {1, 300}};
    WireWriter out;
    out.varint(number);
    out.fixed64(number);
    out.text(text);
    out.bytes(bytes);
    out.box(box);
    const Bytes message = out.take();
    WireReader in(message);
    RC_ASSERT(in.varint() == number);
    RC_ASSERT(in.fixed64() == number);
    RC_ASSERT(in.text() == text);
    RC_ASSERT(in.bytes() == bytes);
    RC_ASSERT(in.box(2) == box);
    RC_ASSERT(in.at_end());
  }));
}

TEST(Wire, SmallNumbersAreShort) {
  for (const auto& [number, length] : {std::pair(0U, 1U), {127U, 1U}, {128U, 2U}, {16384U, 3U}}) {
    WireWriter out;
    out.varint(number);
    EXPECT_EQ(out.take().size(), length) << number;
  }
}

TEST(Wire, TakesOneMessageAfterTheOther) {
  WireWriter out;
  for (const char* text : {"a long one", "short", ""}) {
    out.text(text);
    const Bytes message = out.take_copy();
    EXPECT_TRUE(out.empty());
    WireReader in(message);
    EXPECT_EQ(in.text(), text);
    EXPECT_TRUE(in.at_end());
  }
}

TEST(Wire, RefusesWhatEndsTooEarly) {
  WireWriter out;
  out.text("four");
  const Bytes message = out.take();
  for (std::size_t length = 0; length < message.size(); ++length) {
    WireReader in(std::span<const std::uint8_t>(message).first(length));
    EXPECT_THROW(in.text(), Error) << length;
  }
  const Bytes endless(11, 0xFF);
  WireReader in(endless);
  EXPECT_THROW(in.varint(), Error);
}

}  // namespace
}  // namespace h5dcp
