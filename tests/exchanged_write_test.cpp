#include "transfer/exchanged_write.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "drawn_pieces.hpp"
#include "file_limit.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"
#include "outcome.hpp"
#include "transfer/piece_order.hpp"

namespace h5dcp {
namespace {

class ExchangedWrite : public testing::Test {
 protected:
  // A new file of that many zeros, which all ranks have open.
  PosixFile make(std::uint64_t nbytes) const {
    if (comm_.rank() == 0) {
      std::filesystem::remove(kPath);
      PosixFile(kPath, PosixFile::Mode::create).reserve(nbytes);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    return {kPath, PosixFile::Mode::read_write};
  }

  // What of `datasets` this rank has, in the order of the file, and with what data.
  struct Own {
    std::vector<Piece> pieces;
    std::vector<std::vector<std::uint8_t>> data;
    std::vector<std::size_t> order;
    std::vector<std::size_t> overlapping;
  };
  Own own_of(const std::vector<test::Drawn>& datasets) const {
    Own own;
    for (const auto& drawn : datasets) {
      for (std::size_t b = 0; b < drawn.boxes.size(); ++b) {
        if (drawn.ranks[b] != comm_.rank()) continue;
        own.order.push_back(own.pieces.size());
        own.pieces.push_back({drawn.target, {&drawn.boxes[b], 1}});
        own.data.push_back(test::expected(drawn.target, drawn.boxes[b]));
      }
    }
    std::ranges::stable_sort(own.order, {},
                             [&](std::size_t i) { return first_range(own.pieces[i]).address; });
    own.overlapping = take_overlaps(own.pieces, own.order);
    return own;
  }

  static constexpr const char* kPath = "exchanged";
  const Comm comm_{MPI_COMM_WORLD};
  const Engine::Describe name_ = [](std::size_t i) { return "piece " + std::to_string(i); };
};

TEST_F(ExchangedWrite, WritesWhatPlainCallsWould) {
  for (unsigned seed = 0; seed < 16; ++seed) {
    test::Draw draw(seed, comm_.size());
    const auto datasets = draw.datasets(seed % 4 == 0);
    const auto end = datasets.back().target.address + test::bytes_of(datasets.back().target);
    const auto file = make(end + 10);
    const auto own = own_of(datasets);
    std::vector<std::uint8_t> latest;  // as the data are good until the next call alone
    const std::uint64_t most_slots = seed % 8 == 0 ? 2 : 64;
    write_exchanged(
        comm_, "write", file, own.pieces, own.order, name_,
        [&](std::size_t i) {
          latest = own.data[i];
          return latest.data();
        },
        most_slots);

    // Nothing but that: what overlaps is still zero.
    MPI_Barrier(MPI_COMM_WORLD);
    std::vector<std::uint8_t> bytes(end + 10);
    file.read(bytes.data(), bytes.size(), 0);
    std::vector<std::uint8_t> mine(end + 10, 0);
    for (const auto i : own.order) {
      const auto& piece = own.pieces[i];
      const RunWalk first(piece.target.sizes, piece.boxes[0], piece.target.itemsize);
      for (auto walk = first; !walk.at_end(); walk.next()) {
        const auto at = piece.target.address + walk.offset();
        for (auto a = at; a < at + walk.nbytes(); ++a) mine[a] = test::byte_at(a);
      }
    }
    std::vector<std::uint8_t> should(end + 10);
    MPI_Allreduce(mine.data(), should.data(), static_cast<int>(mine.size()), MPI_UNSIGNED_CHAR,
                  MPI_MAX, MPI_COMM_WORLD);
    const auto difference = std::ranges::mismatch(bytes, should);
    EXPECT_EQ(difference.in1 - bytes.begin(), static_cast<std::ptrdiff_t>(bytes.size()))
        << "seed " << seed;
  }
}

// All ranks have columns of one dataset of several rounds.
std::vector<test::Drawn> columns(int ranks) {
  test::Drawn drawn;
  drawn.target = {0, 4096 + 24, 1, {std::int64_t{3000} * ranks, std::int64_t{1000} * ranks}};
  for (int rank = 0; rank < ranks; ++rank) {
    drawn.boxes.push_back({{0, std::int64_t{1000} * rank}, {std::int64_t{3000} * ranks, 1000}});
    drawn.ranks.push_back(rank);
  }
  return {drawn};
}

// Cuts a rank's box into pieces of so many rows.
std::vector<Box> rows_of(const Box& box, std::int64_t rows) {
  std::vector<Box> pieces;
  for (std::int64_t first = 0; first < box.sizes[0]; first += rows) {
    pieces.push_back({{first, box.offsets[1]}, {std::min(rows, box.sizes[0] - first), 1000}});
  }
  return pieces;
}

// Whichever rank fails, in whichever round: the same error, and nobody waits.
TEST_F(ExchangedWrite, AnErrorOfOneRankIsThatOfAll) {
  const auto datasets = columns(comm_.size());
  const auto& drawn = datasets[0];
  const auto boxes = rows_of(drawn.boxes[static_cast<std::size_t>(comm_.rank())], 500);
  std::vector<Piece> pieces;
  std::vector<std::size_t> order;
  for (const auto& box : boxes) {
    order.push_back(pieces.size());
    pieces.push_back({drawn.target, {&box, 1}});
  }
  const std::vector<std::uint8_t> zeros(500 * 1000);
  for (int faulty = 0; faulty < comm_.size(); ++faulty) {
    for (const std::size_t at : {std::size_t{0}, pieces.size() / 2, pieces.size() - 1}) {
      const auto file = make(drawn.target.address + test::bytes_of(drawn.target));
      const auto failure = test::failure_of([&] {
        write_exchanged(comm_, "write", file, pieces, order, name_,
                        [&](std::size_t i) -> const void* {
                          if (comm_.rank() == faulty && i == at)
                            throw std::runtime_error("lost it");
                          return zeros.data();
                        });
      });
      test::expect_same(MPI_COMM_WORLD, failure, "rank " + std::to_string(faulty));
      EXPECT_TRUE(failure);
      if (!failure) continue;
      EXPECT_EQ(failure->failed_ranks(), std::vector<int>{faulty});
      const std::string says = "write: write piece " + std::to_string(at) + ": lost it";
      EXPECT_TRUE(std::string(failure->what()).starts_with(says)) << failure->what();
    }
  }
}

// The rank that cannot write, though all others have parts of what it writes.
TEST_F(ExchangedWrite, AFullDiskIsAnErrorOfWhoWrites) {
  const auto datasets = columns(comm_.size());
  const auto& target = datasets[0].target;
  const auto own = own_of(datasets);
  for (int faulty = 0; faulty < comm_.size(); ++faulty) {
    const auto file = make(target.address + test::bytes_of(target));
    std::optional<test::FileLimit> limit;
    if (comm_.rank() == faulty) limit.emplace(target.address);
    const auto failure = test::failure_of([&] {
      write_exchanged(comm_, "write", file, own.pieces, own.order, name_,
                      [&](std::size_t i) { return own.data[i].data(); });
    });
    limit.reset();
    test::expect_same(MPI_COMM_WORLD, failure, "rank " + std::to_string(faulty));
    EXPECT_TRUE(failure);
    if (!failure) continue;
    EXPECT_EQ(failure->code(), ErrorCode::io);
    EXPECT_EQ(failure->failed_ranks(), std::vector<int>{faulty});
    EXPECT_NE(std::string(failure->what()).find("File too large"), std::string::npos)
        << failure->what();
  }
}

TEST_F(ExchangedWrite, OfNothingWritesNothing) {
  const auto file = make(100);
  write_exchanged(comm_, "write", file, {}, {}, name_, [](std::size_t) { return nullptr; });
  EXPECT_EQ(file.size(), 100U);
}

}  // namespace
}  // namespace h5dcp
