// Values that are transformed on their way to a checkpoint, and what undoes it.

#include "h5dcp/extension.hpp"

#include <gtest/gtest.h>
#include <mpi.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <string>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"

namespace h5dcp {
namespace {

// Adds a byte at the end, which it wants to find there.
class Mark : public StreamTransformExtension {
 public:
  explicit Mark(std::uint8_t mark) : mark_(mark) {}

  std::string get_descriptor() const override { return "stream.mark/" + std::to_string(mark_); }
  Bytes transform_to(const Bytes& bytes) const override {
    Bytes marked = bytes;
    marked.push_back(mark_);
    return marked;
  }
  Bytes transform_from(const Bytes& bytes) const override {
    if (bytes.empty() || bytes.back() != mark_) {
      throw Error(ErrorCode::corrupt, "no mark " + std::to_string(mark_));
    }
    return {bytes.begin(), bytes.end() - 1};
  }

 private:
  std::uint8_t mark_;
};

ExtensionRegistry with_marks() {
  ExtensionRegistry registry;
  registry.add("stream.mark", [](std::string_view version) {
    return std::make_shared<Mark>(static_cast<std::uint8_t>(std::stoi(std::string(version))));
  });
  return registry;
}

template <class Work>
std::pair<ErrorCode, std::string> error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::internal, "no error"};
}

RC_GTEST_PROP(ZStandard, RestoresAnything, (const Bytes& bytes)) {
  const ZStandard zstd(*rc::gen::inRange(1, 20));
  RC_ASSERT(zstd.transform_from(zstd.transform_to(bytes)) == bytes);
}

TEST(ZStandard, MakesSmaller) {
  const Bytes zeros(3'000'000);
  const auto compressed = ZStandard().transform_to(zeros);
  EXPECT_LT(compressed.size(), 1000U);
  EXPECT_EQ(ZStandard().transform_from(compressed), zeros);
  EXPECT_EQ(ZStandard().get_descriptor(), "stream.zstd/1");
}

TEST(ZStandard, RefusesWhatItHasNotMade) {
  const Bytes text{'t', 'e', 'x', 't'};
  auto bytes = ZStandard().transform_to(Bytes(1000, 7));
  const auto restore = [](const Bytes& from) {
    return error_of([&] { ZStandard().transform_from(from); });
  };
  EXPECT_EQ(restore(text).first, ErrorCode::corrupt);
  EXPECT_EQ(restore({}).first, ErrorCode::corrupt);
  EXPECT_EQ(restore({bytes.begin(), bytes.end() - 1}),
            std::pair(ErrorCode::corrupt,
                      std::string("decompress: the bytes end before the frame does")));
  bytes.push_back(0);
  EXPECT_EQ(restore(bytes).second, "decompress: there are bytes behind the frame");
  EXPECT_EQ(error_of([] { ZStandard(20); }).first, ErrorCode::invalid_argument);
  EXPECT_EQ(error_of([] { ZStandard(0); }).first, ErrorCode::invalid_argument);
}

// The header of a frame that says how many bytes there are, and asks for a window of that size.
TEST(ZStandard, RefusesSizesThatNoValueHas) {
  for (const std::uint64_t size : {std::uint64_t{1} << 31, std::uint64_t{1} << 60}) {
    Bytes frame{0x28, 0xB5, 0x2F, 0xFD, 0xE0};
    for (int i = 0; i < 8; ++i) frame.push_back(static_cast<std::uint8_t>(size >> 8 * i));
    const auto [code, what] = error_of([&] { ZStandard().transform_from(frame); });
    EXPECT_EQ(code, ErrorCode::corrupt);
    EXPECT_EQ(what, "decompress: the value has more than 1073741824 bytes");
  }
  const Bytes wide{0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x88, 0, 0, 0};  // a window of 128 MiB
  EXPECT_EQ(error_of([&] { ZStandard().transform_from(wide); }).first, ErrorCode::corrupt);
}

TEST(ZStandard, ReadsWindowsOfItsHighestLevel) {
  Bytes bytes((8 << 20) + 1000);  // more than the window
  bytes.front() = bytes.back() = 1;
  EXPECT_TRUE(ZStandard().transform_from(ZStandard(19).transform_to(bytes)) == bytes);
}

TEST(ExtensionRegistry, FindsByName) {
  EXPECT_EQ(ExtensionRegistry().from_descriptor("stream.zstd/1.2")->get_descriptor(),
            "stream.zstd/1");
  EXPECT_EQ(with_marks().from_descriptor("stream.mark/7")->transform_to({}), Bytes{7});
  EXPECT_EQ(error_of([] { ExtensionRegistry().from_descriptor("stream.rot13/1"); }),
            std::pair(ErrorCode::unsupported,
                      std::string("look up the extension 'stream.rot13/1': the reader's "
                                  "ExtensionRegistry has none of that name")));
  EXPECT_EQ(error_of([] { ExtensionRegistry().from_descriptor("stream.zstd/2"); }),
            std::pair(ErrorCode::unsupported,
                      std::string("look up the extension 'stream.zstd/2': version '2' of it is not "
                                  "known: there is 1")));
}

class Transforms : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
  }

  static StateDict make_state() {
    return {{"text", std::string(5000, 'x')},
            {"raw", Bytes(4000, 3)},
            {"mixed", List{1, "two", Map{}}},
            {"nothing", Map{}},
            {"number", 3},
            {"numbers", List{1, 2, 3}},
            {"tensor", allocate(DType::float32, {4})}};
  }

  // What CheckpointFile says of the entry.
  static EntryKind kind_of(const CheckpointFile& file, const std::string& fqn) {
    return file.entry(file.find(fqn).value()).kind;
  }

  int rank = 0;
  int size = 1;
};

TEST_F(Transforms, ValuesThatAreNoDatasetsGoThroughThem) {
  StateDict state = make_state();
  DefaultSavePlanner planner({.stream_transforms = {std::make_shared<ZStandard>()}});
  save(state, {.checkpoint_id = "zstd.h5", .planner = &planner});

  const CheckpointFile file("zstd.h5");
  for (const auto* fqn : {"text", "raw", "nothing"}) {
    EXPECT_EQ(kind_of(file, fqn), EntryKind::transformed) << fqn;
    EXPECT_LE(file.entry(file.find(fqn).value()).nbytes, 64U) << fqn;
    EXPECT_TRUE(file.value(file.find(fqn).value()) == state.at(fqn)) << fqn;
  }
  EXPECT_EQ(kind_of(file, "number"), EntryKind::scalar);
  EXPECT_EQ(kind_of(file, "numbers"), EntryKind::list);
  EXPECT_EQ(kind_of(file, "tensor"), EntryKind::tensor);
  EXPECT_TRUE(verify_checkpoint("zstd.h5").empty());

  StateDict loaded = load_state_dict_from_keys(std::nullopt, {.checkpoint_id = "zstd.h5"});
  loaded["tensor"] = state.at("tensor");
  EXPECT_TRUE(loaded == state);
}

TEST_F(Transforms, AreUndoneInTheOppositeOrder) {
  StateDict state = make_state();
  DefaultSavePlanner planner({.stream_transforms = {std::make_shared<Mark>(std::uint8_t{1}),
                                                    std::make_shared<Mark>(std::uint8_t{2}),
                                                    std::make_shared<ZStandard>()}});
  save(state, {.checkpoint_id = "three.h5", .planner = &planner});

  StateDict loaded = make_state();
  loaded["text"] = "";
  loaded["raw"] = Bytes();
  DefaultLoadPlanner reading({.extensions = with_marks()});
  load(loaded, {.checkpoint_id = "three.h5", .planner = &reading});
  EXPECT_TRUE(loaded.at("text") == state.at("text"));
  EXPECT_TRUE(loaded.at("raw") == state.at("raw"));

  const CheckpointFile file("three.h5");
  const auto entry = file.find("text").value();
  EXPECT_TRUE(file.value(entry, with_marks()) == state.at("text"));
  EXPECT_EQ(error_of([&] { file.value(entry); }).first, ErrorCode::unsupported);
}

TEST_F(Transforms, WithoutTheExtensionALoadFailsOnAllRanks) {
  StateDict state = make_state();
  DefaultSavePlanner planner({.stream_transforms = {std::make_shared<Mark>(std::uint8_t{9})}});
  save(state, {.checkpoint_id = "marked.h5", .planner = &planner});
  DefaultLoadPlanner knowing({.extensions = with_marks()});
  DefaultLoadPlanner ignorant;
  StateDict loaded = make_state();
  const auto failure = test::failure_of([&] {
    load(loaded,
         {.checkpoint_id = "marked.h5", .planner = rank == size - 1 ? &ignorant : &knowing});
  });
  test::expect_same(MPI_COMM_WORLD, failure, "without the extension");
  EXPECT_TRUE(failure);
  if (!failure) return;
  EXPECT_EQ(failure->code(), ErrorCode::unsupported);
  EXPECT_EQ(failure->step(), "read");
  EXPECT_EQ(failure->failed_ranks(), std::vector{size - 1});
  EXPECT_NE(std::string(failure->what()).find("look up the extension 'stream.mark/9'"),
            std::string::npos)
      << failure->what();
}

}  // namespace
}  // namespace h5dcp
