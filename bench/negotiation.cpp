// Negotiates a save between virtual ranks, in one process: the library's own code, all but the
// sending. What the worst rank does, sends and keeps is what a job of that size would wait for.
//
//   bench_negotiation --ranks 512 --tensors 1024 --holders 512
//
// Prints JSON. "all": seconds of the processor that all ranks take together, one after the other.
// "worst": of each figure that of the rank which has most of it. Each rank does everything three
// times in a row, in each repetition, and its seconds are the least of all: the worst of thousands
// that were measured once is whoever was interrupted. The seconds of all are of first times alone.
// What a rank is sent is copied to it just before, as MPI does.
//
// "load": of one tensor in as many boxes as it has holders, the bytes of the index that a rank
// reads for its rows, and of these rows, on average; and the bytes of all rows. Where the tensor
// was saved by rows and is loaded so, on as many ranks or two thirds of them; and where it was
// saved in the cells of a grid and is loaded by columns.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "heap_use.hpp"
#include "negotiate/save_negotiation.hpp"
#include "row_plan.hpp"
#include "row_reads.hpp"

namespace {

using bench::plan_of;
using bench::Shape;
using h5dcp::Message;
using h5dcp::OwnerNegotiation;
using Json = nlohmann::ordered_json;

constexpr int kCalls = 3;  // in a row

// Of this core, whatever else it does.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

enum Phase : std::size_t { propose, merge, answer, apply };
constexpr std::array kPhases{"propose", "merge", "answer", "apply"};
using Seconds = std::array<double, kPhases.size()>;

Seconds infinite() {
  Seconds seconds{};
  seconds.fill(std::numeric_limits<double>::infinity());
  return seconds;
}

double sum(const Seconds& seconds) {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

struct Sent {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
};

struct Rank {
  Seconds seconds = infinite();
  Sent proposals;
  Sent answers;
  std::size_t names = 0;   // that it owns
  std::size_t memory = 0;  // the most that planning takes at once, beside the plan
};

Sent count(const std::vector<Message>& sent) {
  Sent counted{sent.size(), 0};
  for (const auto& message : sent) counted.bytes += message.bytes.size();
  return counted;
}

std::size_t memory_of(const std::vector<Message>& received) {
  std::size_t bytes = received.capacity() * sizeof(Message);
  for (const auto& message : received) bytes += message.bytes.capacity();
  return bytes;
}

// As long as those of Hdf5Writer.
std::vector<std::vector<h5dcp::StorageData>> places_of(
    const std::vector<h5dcp::PlannedEntry>& share) {
  std::vector<std::vector<h5dcp::StorageData>> places;
  places.reserve(share.size());
  for (const auto& entry : share) places.emplace_back(entry.chunks.size(), h5dcp::Bytes(15));
  return places;
}

// The memory that planning takes from here on.
class Scale {
 public:
  Scale() { bench::take_peak(); }
  std::size_t peak() const { return bench::take_peak() - before_; }

 private:
  std::size_t before_ = bench::allocated_bytes();
};

// What ranks send to each other. In few blocks of memory, so that a rank finds the heap as it would
// alone.
class Mail {
 public:
  void post(int from, const std::vector<Message>& sent) {
    for (const auto& message : sent) {
      letters_.push_back({message.rank, from, bytes_.size(), message.bytes.size()});
      bytes_.insert(bytes_.end(), message.bytes.begin(), message.bytes.end());
    }
  }

  // To be called once all are posted.
  void sort() { std::ranges::stable_sort(letters_, {}, &Letter::to); }

  std::vector<Message> received_by(int rank) const {
    const auto letters = std::ranges::equal_range(letters_, rank, {}, &Letter::to);
    std::vector<Message> received;
    received.reserve(letters.size());
    for (const auto& letter : letters) {
      const auto bytes = std::span(bytes_).subspan(letter.offset, letter.length);
      received.push_back({letter.from, {bytes.begin(), bytes.end()}});
    }
    return received;
  }

 private:
  struct Letter {
    int to;
    int from;
    std::size_t offset;
    std::size_t length;
  };
  std::vector<Letter> letters_;
  h5dcp::Bytes bytes_;
};

class Job {
 public:
  explicit Job(const Shape& shape) : shape_(shape), ranks_(static_cast<std::size_t>(shape.ranks)) {}

  // From end to end. To be called several times.
  void negotiate() {
    all_now_ = {};
    apply_all(merge_all(propose_all()));
    if (sum(all_now_) < sum(all_)) all_ = all_now_;
  }

  Json json() const {
    std::uint64_t proposed = 0;
    for (const auto& rank : ranks_) proposed += rank.proposals.bytes;
    const auto boxes = double(shape_.tensors) * double(shape_.holders);
    return {{"ranks", shape_.ranks},
            {"tensors", shape_.tensors},
            {"holders", shape_.holders},
            {"proposal_bytes_a_box", double(proposed) / boxes},
            {"all", {{"seconds", seconds_json([&](std::size_t i) { return all_[i]; }, sum(all_))}}},
            {"worst", worst_json()}};
  }

 private:
  template <class Figure>
  auto most(const Figure& figure) const {
    return figure(*std::ranges::max_element(ranks_, {}, figure));
  }

  template <class OfPhase>
  static Json seconds_json(const OfPhase& of_phase, double together) {
    Json json;
    for (std::size_t i = 0; i < kPhases.size(); ++i) json[kPhases[i]] = of_phase(i);
    json["together"] = together;
    return json;
  }

  template <class Figure>
  Json sent_json(const Figure& figure) const {
    const auto proposed = [&](const Rank& rank) { return rank.proposals.*figure; };
    const auto answered = [&](const Rank& rank) { return rank.answers.*figure; };
    const auto both = [&](const Rank& rank) { return proposed(rank) + answered(rank); };
    return {{"propose", most(proposed)}, {"answer", most(answered)}, {"together", most(both)}};
  }

  Json worst_json() const {
    const auto of_phase = [&](std::size_t i) {
      return most([i](const Rank& rank) { return rank.seconds[i]; });
    };
    const auto together = most([](const Rank& rank) { return sum(rank.seconds); });
    return {{"seconds", seconds_json(of_phase, together)},
            {"messages", sent_json(&Sent::messages)},
            {"bytes", sent_json(&Sent::bytes)},
            {"memory", most([](const Rank& rank) { return rank.memory; })},
            {"names", most([](const Rank& rank) { return rank.names; })}};
  }

  template <class Work>
  void time(Phase phase, Rank& rank, int call, const Work& work) {
    const double start = now();
    work();
    const double took = now() - start;
    rank.seconds[phase] = std::min(rank.seconds[phase], took);
    if (call == 0) all_now_[phase] += took;
  }

  Mail propose_all() {
    Mail mail;
    for (int r = 0; r < shape_.ranks; ++r) {
      auto& rank = ranks_[static_cast<std::size_t>(r)];
      OwnerNegotiation negotiation(plan_of(r, shape_), shape_.ranks);
      std::vector<Message> sent;
      for (int call = 0; call < kCalls; ++call) {
        const Scale scale;
        time(propose, rank, call, [&] { sent = negotiation.proposals(); });
        rank.memory = scale.peak();
      }
      rank.proposals = count(sent);
      mail.post(r, sent);
    }
    mail.sort();
    return mail;
  }

  Mail merge_all(const Mail& proposals) {
    Mail mail;
    h5dcp::DefaultSavePlanner planner;
    for (int r = 0; r < shape_.ranks; ++r) {
      auto& rank = ranks_[static_cast<std::size_t>(r)];
      const auto inbox = proposals.received_by(r);
      std::vector<Message> sent;
      for (int call = 0; call < kCalls; ++call) {
        const Scale scale;
        OwnerNegotiation negotiation({}, shape_.ranks);
        time(merge, rank, call, [&] { negotiation.merge(inbox, planner); });
        rank.names = negotiation.share().size();
        const auto places = places_of(negotiation.share());
        time(answer, rank, call, [&] { sent = negotiation.answers(places); });
        rank.memory = std::max(rank.memory, memory_of(inbox) + scale.peak());
      }
      rank.answers = count(sent);
      mail.post(r, sent);
    }
    mail.sort();
    return mail;
  }

  // The plans are made anew: of all ranks at once they would take much memory.
  void apply_all(const Mail& answers) {
    std::uint64_t slices = 0;
    for (int r = 0; r < shape_.ranks; ++r) {
      auto& rank = ranks_[static_cast<std::size_t>(r)];
      const auto inbox = answers.received_by(r);
      h5dcp::SavePlan plan;
      for (int call = 0; call < kCalls; ++call) {
        OwnerNegotiation negotiation(plan_of(r, shape_), shape_.ranks);
        negotiation.proposals();
        const Scale scale;
        time(apply, rank, call, [&] { plan = negotiation.apply(inbox); });
        rank.memory = std::max(rank.memory, memory_of(inbox) + scale.peak());
      }
      for (const auto& item : plan.items) slices += item.slices.size();
    }
    const auto boxes = std::uint64_t(shape_.tensors) * std::uint64_t(shape_.holders);
    if (slices != boxes) throw std::runtime_error("not every box has a writer");
  }

  Shape shape_;
  std::vector<Rank> ranks_;
  Seconds all_ = infinite();
  Seconds all_now_{};
};

// Counts what `ranks` ranks read that want `region(rank)` each.
template <class Region>
Json reads_json(const bench::StoredRows& rows, int ranks, const Region& region) {
  std::uint64_t needed = 0;
  const auto before = bench::bytes_read();
  for (int rank = 0; rank < ranks; ++rank) needed += rows.find(region(rank));
  const auto read = bench::bytes_read() - before;
  return {{"ranks", ranks},
          {"bytes_read", read / static_cast<std::uint64_t>(ranks)},
          {"bytes_needed", needed / static_cast<std::uint64_t>(ranks)},
          {"bytes_of_all_rows", rows.nbytes()}};
}

// Boxes have 64 KiB.
Json load_json(int holders) {
  constexpr std::int64_t kRows = 16;
  constexpr std::int64_t kColumns = 4096;
  const h5dcp::Extents sizes{holders * kRows, kColumns};
  std::vector<h5dcp::Box> slabs;
  for (int i = 0; i < holders; ++i) slabs.push_back({{i * kRows, 0}, {kRows, kColumns}});
  const bench::StoredRows by_rows(sizes, slabs);
  const auto rows_of = [&](int ranks) {
    return [&sizes, ranks](int rank) {
      const auto begin = sizes[0] * rank / ranks;
      return h5dcp::Box{{begin, 0}, {sizes[0] * (rank + 1) / ranks - begin, kColumns}};
    };
  };
  Json json;
  json["rows"] = reads_json(by_rows, holders, rows_of(holders));
  json["rows_on_others"] =
      reads_json(by_rows, std::max(1, holders * 2 / 3), rows_of(std::max(1, holders * 2 / 3)));
  int across = 1;  // cells of the grid
  while (across * 2 * across * 2 <= holders) across *= 2;
  const int down = holders / across;
  const h5dcp::Extents square{down * kRows, across * kColumns};
  std::vector<h5dcp::Box> cells;
  for (int row = 0; row < down; ++row) {
    for (int column = 0; column < across; ++column) {
      cells.push_back({{row * kRows, column * kColumns}, {kRows, kColumns}});
    }
  }
  json["columns_of_grid"] = reads_json(bench::StoredRows(square, cells), across, [&](int rank) {
    return h5dcp::Box{{0, rank * kColumns}, {square[0], kColumns}};
  });
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  Shape shape;
  int repetitions = 1;
  CLI::App app("Negotiates a save between virtual ranks, and tells what it costs");
  app.add_option("--ranks", shape.ranks, "virtual ranks")->check(CLI::PositiveNumber);
  app.add_option("--tensors", shape.tensors, "tensors")->check(CLI::PositiveNumber);
  app.add_option("--holders", shape.holders, "ranks that hold each tensor, by rows")
      ->check(CLI::PositiveNumber);
  app.add_option("--repetitions", repetitions, "of all of it")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (shape.ranks % shape.holders != 0) {
    std::cerr << "bench_negotiation: --holders must divide --ranks\n";
    return 2;
  }
  Job job(shape);
  for (int i = 0; i < repetitions; ++i) job.negotiate();
  auto json = job.json();
  json["load"] = load_json(shape.holders);
  std::cout << json.dump(1) << '\n';
}
