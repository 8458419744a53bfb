#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "comm/node.hpp"
#include "drawn_pieces.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"
#include "layout/runs.hpp"
#include "outcome.hpp"
#include "transfer/engine.hpp"
#include "transfer/piece_walk.hpp"

// What the ranks read of files, counted below the library.
namespace {
std::uint64_t bytes_read() {
  std::ifstream counters("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (counters >> name >> value) {
    if (name == "rchar:") return value;
  }
  return 0;
}
}  // namespace

namespace h5dcp {
namespace {

using test::byte_at;
using test::Draw;
using test::Drawn;
using test::expected;

// What each rank wants whole: ascending ranges of at most 64 KiB, somewhere in so many bytes.
std::vector<Range> draw_ranges(Draw& draw, std::uint64_t bytes) {
  std::vector<Range> ranges;
  for (std::uint64_t address = draw.below(9000); address < bytes;) {
    const auto most = std::min(bytes - address, std::uint64_t{64} << 10);
    const Range range{address, 1 + draw.below(most)};
    ranges.push_back(range);
    address += range.nbytes + (draw.below(2) == 0 ? 0 : draw.below(300000));
  }
  return ranges;
}

// Compares what arrives, and fails when range number `faulty` does.
class RangeReads : public Receiver {
 public:
  explicit RangeReads(const std::vector<Range>& ranges,
                      std::size_t faulty = static_cast<std::size_t>(-1))
      : ranges_(ranges), faulty_(faulty), took_(ranges.size(), 0) {}

  std::string describe(std::size_t /*i*/) const override { return "no piece"; }
  void* into(std::size_t /*i*/) override { throw std::logic_error("there are no pieces"); }
  void took(std::size_t /*i*/, const void* /*packed*/, bool /*checked*/) override { ++wrong_; }
  bool check(std::size_t /*i*/, const void* /*packed*/) override { return false; }

  void took_range(std::size_t i, const void* bytes) override {
    if (i == faulty_) throw std::runtime_error("lost it");
    ++took_[i];
    const auto* const all = static_cast<const std::uint8_t*>(bytes);
    for (std::uint64_t b = 0; b < ranges_[i].nbytes; ++b) {
      if (all[b] != byte_at(ranges_[i].address + b)) {
        ++wrong_;
        return;
      }
    }
  }

  // Ranges that came with other bytes, or not once.
  std::size_t wrong() const {
    return wrong_ + took_.size() - static_cast<std::size_t>(std::ranges::count(took_, 1));
  }

 private:
  const std::vector<Range>& ranges_;
  std::size_t faulty_;
  std::vector<int> took_;
  std::size_t wrong_ = 0;
};

// Compares what arrives.
class Reads : public Receiver {
 public:
  explicit Reads(const std::vector<Piece>& pieces)
      : pieces_(pieces), data_(pieces.size()), took_(pieces.size(), 0) {}

  std::string describe(std::size_t i) const override { return "piece " + std::to_string(i); }

  void* into(std::size_t i) override {
    data_[i].resize(bytes_of(pieces_[i]));
    return data_[i].data();
  }

  void took(std::size_t i, const void* packed, bool checked) override {
    ++took_[i];
    if (!checked) check(i, packed);
    if (!is_right(i, packed)) ++wrong_;
  }

  bool check(std::size_t i, const void* packed) override {
    ++checks_;
    if (!is_right(i, packed)) ++wrong_;
    return true;
  }

  void took_range(std::size_t /*i*/, const void* /*bytes*/) override { ++wrong_; }

  const std::vector<int>& took() const { return took_; }
  std::size_t wrong() const { return wrong_; }
  std::uint64_t checks() const { return checks_; }

 private:
  bool is_right(std::size_t i, const void* packed) const {
    const auto* next = static_cast<const std::uint8_t*>(packed);
    const auto& target = pieces_[i].target;
    for (RunWalk walk(target.sizes, pieces_[i].boxes[0], target.itemsize); !walk.at_end();
         walk.next()) {
      for (std::uint64_t b = 0; b < walk.nbytes(); ++b) {
        if (*next++ != byte_at(target.address + walk.offset() + b)) return false;
      }
    }
    return true;
  }

  const std::vector<Piece>& pieces_;
  std::vector<std::vector<std::uint8_t>> data_;
  std::vector<int> took_;
  std::size_t wrong_ = 0;
  std::uint64_t checks_ = 0;
};

struct Way {
  Transfer transfer;
  int ranks_a_node;
};

class NodeEngine : public testing::TestWithParam<Way> {
 protected:
  NodeEngine() {
    MPI_Comm_dup(MPI_COMM_WORLD, &parent_);
    comm_ = std::make_unique<Comm>(parent_, CommOptions{.ranks_a_node = GetParam().ranks_a_node});
    connect_node(*comm_);
    path_ = "node_engine_" + std::string(to_string(GetParam().transfer)) +
            std::to_string(GetParam().ranks_a_node);
    if (comm_->rank() == 0) std::filesystem::remove(path_);
  }
  ~NodeEngine() override {
    comm_.reset();
    MPI_Comm_free(&parent_);
  }

  std::unique_ptr<Engine> engine(const CheckpointFiles& file, std::size_t datasets = 0) {
    return agreed(*comm_, node_engine(*comm_, file, GetParam().transfer, datasets));
  }

  // A new file of that many zeros, which all ranks have open.
  CheckpointFiles make(std::uint64_t nbytes) {
    if (comm_->rank() == 0) {
      std::filesystem::remove(path_);
      PosixFile(path_, PosixFile::Mode::create).reserve(nbytes);
    }
    MPI_Barrier(parent_);
    return CheckpointFiles({path_, PosixFile::Mode::read_write});
  }

  // Writes the boxes of this rank, and waits for the others to do so.
  void write(const CheckpointFiles& file, const std::vector<Drawn>& datasets) {
    std::vector<Piece> pieces;
    std::vector<std::vector<std::uint8_t>> data;
    for (const auto& drawn : datasets) {
      for (std::size_t b = 0; b < drawn.boxes.size(); ++b) {
        if (drawn.ranks[b] != comm_->rank()) continue;
        pieces.push_back({drawn.target, {&drawn.boxes[b], 1}});
        data.push_back(expected(drawn.target, drawn.boxes[b]));
      }
    }
    std::vector<std::uint8_t> latest;  // as the data are good until the next call alone
    engine(file)->write("write", pieces, name_, [&](std::size_t i) {
      latest = data[i];
      return latest.data();
    });
  }

  // Reads these boxes of each dataset, and says how many are not as they should be and how often
  // this rank checked one.
  struct Read {
    std::size_t wrong;
    std::uint64_t checks;
  };
  Read read(const CheckpointFiles& file, const std::vector<Piece>& pieces, std::size_t datasets) {
    Reads reads(pieces);
    engine(file, datasets)->read("read", {pieces, {}}, reads);
    std::size_t wrong = reads.wrong();
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const bool empty = numel(pieces[i].boxes[0].sizes) == 0;
      if (reads.took()[i] != 1 && !(empty && reads.took()[i] == 0)) ++wrong;
    }
    return {wrong, reads.checks()};
  }

  const Engine::Describe name_ = [](std::size_t i) { return "piece " + std::to_string(i); };
  MPI_Comm parent_ = MPI_COMM_NULL;
  std::unique_ptr<Comm> comm_;
  std::string path_;
};

TEST_P(NodeEngine, WritesAndReadsWhatPlainCallsWould) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const bool large = seed % 8 == 0;
    Draw draw(seed, comm_->size());
    const auto datasets = draw.datasets(large);
    const auto end = datasets.back().target.address + test::bytes_of(datasets.back().target);
    const auto file = make(end + 10);
    write(file, datasets);

    std::vector<std::uint8_t> bytes(end + 10);
    file.own().read(bytes.data(), bytes.size(), 0);
    std::vector<std::uint8_t> should(end + 10, 0);
    for (const auto& drawn : datasets) {
      const auto first = drawn.target.address;
      for (auto a = first; a < first + test::bytes_of(drawn.target); ++a) should[a] = byte_at(a);
    }
    const auto difference = std::ranges::mismatch(bytes, should);
    EXPECT_EQ(difference.in1 - bytes.begin(), static_cast<std::ptrdiff_t>(bytes.size()))
        << "seed " << seed;

    // Any boxes: those of others, several of one dataset, overlapping.
    std::vector<Box> boxes;
    Draw own(1000 + seed * 16 + static_cast<unsigned>(comm_->rank()), comm_->size());
    std::vector<std::size_t> of;
    for (std::size_t d = 0; d < datasets.size(); ++d) {
      for (auto count = own.below(4); count > 0; --count) {
        Box box{datasets[d].target.sizes, datasets[d].target.sizes};
        for (std::size_t dim = 0; dim < box.dims(); ++dim) {
          const auto size = static_cast<std::uint64_t>(datasets[d].target.sizes[dim]);
          box.offsets[dim] = static_cast<std::int64_t>(own.below(size));
          box.sizes[dim] = static_cast<std::int64_t>(
              own.below(size - static_cast<std::uint64_t>(box.offsets[dim]) + 1));
        }
        boxes.push_back(box);
        of.push_back(d);
      }
    }
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      pieces.push_back({datasets[of[i]].target, {&boxes[i], 1}});
    }
    EXPECT_EQ(read(file, pieces, datasets.size()).wrong, 0U) << "seed " << seed;
  }
}

// Of each rank others, which lie in one window or in two.
TEST_P(NodeEngine, ReadsRangesWhole) {
  if (GetParam().transfer == Transfer::direct) return;  // it is asked for none
  constexpr std::uint64_t kBytes = std::uint64_t{9} << 20;
  Drawn drawn;
  drawn.target = {0, 0, 1, {kBytes}};
  drawn.boxes.push_back({{0}, {kBytes}});
  drawn.ranks.push_back(0);
  const auto file = make(kBytes);
  write(file, {drawn});
  for (unsigned seed = 0; seed < 5; ++seed) {
    Draw own(seed * 16 + static_cast<unsigned>(comm_->rank()), comm_->size());
    auto ranges = draw_ranges(own, kBytes);
    if (seed == 0 && comm_->rank() == 0) ranges.clear();
    RangeReads reads(ranges);
    engine(file, 1)->read("read", {{}, ranges}, reads);
    EXPECT_EQ(reads.wrong(), 0U) << "seed " << seed;
  }

  Draw own(static_cast<unsigned>(comm_->rank()), comm_->size());
  const auto ranges = draw_ranges(own, kBytes);
  const int last = comm_->size() - 1;
  const auto failure = test::failure_of([&] {
    RangeReads reads(ranges, comm_->rank() == last ? ranges.size() / 2 : ranges.size());
    engine(file, 1)->read("read", {{}, ranges}, reads);
  });
  test::expect_same(parent_, failure, "a range that fails");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->failed_ranks(), std::vector<int>{last});
}

// What several ranks of a node want, they read once, and mostly check once.
TEST_P(NodeEngine, ReadsAndChecksReplicasOnceANode) {
  constexpr std::int64_t kBytes = std::int64_t{8} << 20;
  Drawn drawn;
  drawn.target = {0, 4096, 1, {kBytes}};
  drawn.boxes.push_back({{0}, {kBytes}});
  drawn.ranks.push_back(0);
  const auto file = make(4096 + kBytes);
  write(file, {drawn});
  constexpr std::int64_t kPiece = std::int64_t{64} << 10;
  std::vector<Box> boxes;
  for (std::int64_t first = 0; first < kBytes; first += kPiece)
    boxes.push_back({{first}, {kPiece}});
  std::vector<Piece> pieces;
  for (const auto& box : boxes) pieces.push_back({drawn.target, {&box, 1}});

  const auto before = bytes_read();
  const auto [wrong, checks] = read(file, pieces, 1);
  EXPECT_EQ(wrong, 0U);
  std::uint64_t sum = bytes_read() - before;
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UINT64_T, MPI_SUM, parent_);
  const int most = GetParam().ranks_a_node == 0 ? comm_->size() : GetParam().ranks_a_node;
  const int nodes = (comm_->size() + most - 1) / most;
  const int readings = GetParam().transfer == Transfer::direct ? comm_->size() : nodes;
  const auto least = static_cast<std::uint64_t>(kBytes * readings);
  EXPECT_GE(sum, least);
  EXPECT_LE(sum, least * 105 / 100);

  // One of 16 lies in two slots: that all check.
  std::uint64_t all_checks = checks;
  MPI_Allreduce(MPI_IN_PLACE, &all_checks, 1, MPI_UINT64_T, MPI_SUM, parent_);
  const auto alone = static_cast<std::uint64_t>(comm_->size()) * pieces.size();
  const auto once = static_cast<std::uint64_t>(readings) * pieces.size();
  EXPECT_GE(all_checks, once);
  EXPECT_LE(all_checks, once + alone / 15);
}

// A note that a piece was checked is for the read in which it was, also if the rank that left it
// has no pieces in the next one, and clears nothing.
TEST_P(NodeEngine, ChecksAgainWhatAnEarlierReadHasChecked) {
  constexpr std::int64_t kBytes = std::int64_t{8} << 20;
  Drawn drawn;
  drawn.target = {0, 4096, 1, {kBytes}};
  drawn.boxes.push_back({{0}, {kBytes}});
  drawn.ranks.push_back(0);
  const auto file = make(4096 + kBytes);
  write(file, {drawn});
  constexpr std::int64_t kPiece = std::int64_t{64} << 10;
  std::vector<Box> boxes;
  for (std::int64_t first = 0; first < kBytes; first += kPiece)
    boxes.push_back({{first}, {kPiece}});
  std::vector<Piece> pieces;
  for (const auto& box : boxes) pieces.push_back({drawn.target, {&box, 1}});
  const int most = GetParam().ranks_a_node == 0 ? comm_->size() : GetParam().ranks_a_node;
  for (int idle = 0; idle < most; ++idle) {
    EXPECT_EQ(read(file, pieces, 1).wrong, 0U);
    const bool reads = comm_->rank() % most != idle;
    const auto [wrong, checks] = read(file, reads ? pieces : std::vector<Piece>(), 1);
    EXPECT_EQ(wrong, 0U);
    MPI_Comm node = MPI_COMM_NULL;
    MPI_Comm_split(parent_, comm_->rank() / most, 0, &node);
    std::uint64_t sums[] = {checks, reads ? pieces.size() : 0U};
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, node);
    MPI_Comm_free(&node);
    if (sums[1] > 0) {
      EXPECT_GE(sums[0], pieces.size()) << "without rank " << idle;
    }
  }
}

// Whichever rank fails, in whichever piece: the same error, and nobody waits.
TEST_P(NodeEngine, AnErrorOfOneRankIsThatOfAll) {
  for (int faulty = 0; faulty < comm_->size(); ++faulty) {
    Draw draw(7, comm_->size());
    const auto datasets = draw.datasets(true);
    const auto& last = datasets.back().target;
    const auto file = make(last.address + test::bytes_of(last));
    std::vector<Piece> pieces;
    for (const auto& drawn : datasets) {
      for (std::size_t b = 0; b < drawn.boxes.size(); ++b) {
        if (drawn.ranks[b] == comm_->rank()) pieces.push_back({drawn.target, {&drawn.boxes[b], 1}});
      }
    }
    const std::vector<std::uint8_t> zeros(std::size_t{16} << 20);
    const auto failure = test::failure_of([&] {
      engine(file)->write("write", pieces, name_, [&](std::size_t i) -> const void* {
        if (comm_->rank() == faulty && i == pieces.size() / 2) throw std::runtime_error("lost it");
        return zeros.data();
      });
      // A rank that has nothing to write cannot fail so.
      EXPECT_TRUE(comm_->rank() != faulty || pieces.empty());
    });
    test::expect_same(parent_, failure, "rank " + std::to_string(faulty));
    if (failure) {
      EXPECT_EQ(failure->failed_ranks(), std::vector<int>{faulty});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, NodeEngine,
                         testing::Values(Way{Transfer::direct, 0}, Way{Transfer::aggregated, 0},
                                         Way{Transfer::aggregated, 2}, Way{Transfer::automatic, 0}),
                         [](const auto& test) {
                           return std::string(to_string(test.param.transfer)) +
                                  std::to_string(test.param.ranks_a_node);
                         });

}  // namespace
}  // namespace h5dcp
