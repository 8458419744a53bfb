// Negotiates a save between virtual ranks, in one process: the library's own code, all but the
// sending. What the worst rank does, sends and keeps is what a job of that size would wait for.
//
//   bench_negotiation --ranks 512 --tensors 1024 --holders 512
//
// Prints JSON. "all": seconds of the processor that all ranks take together, one after the other.
// "worst": of each figure that of the rank which has most of it. Each rank does everything twice in
// a row, and the second time finds what it needs in the cache, as it would on a core of its own:
// its seconds are the least of both times in all repetitions, as the worst of many thousands that
// were measured once is whoever was interrupted. Those of all ranks are of the first times.

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
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "heap_use.hpp"
#include "negotiate/save_negotiation.hpp"

namespace {

using h5dcp::Message;
using h5dcp::OwnerNegotiation;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kHeaderBytes = 8;  // of each message: Comm::exchange

struct Shape {
  int ranks = 64;
  int tensors = 1024;
  int holders = 4;  // of each tensor: by rows; divides the ranks
};

std::string name_of(int tensor) {
  return "model.layers." + std::to_string(tensor / 10) + ".block.linear" +
         std::to_string(tensor % 10) + ".weight";
}

// What a rank has: ranks are in groups of `holders`, and tensors in those groups in turn.
h5dcp::SavePlan plan_of(int rank, const Shape& shape) {
  h5dcp::SavePlan plan;
  const int groups = shape.ranks / shape.holders;
  const h5dcp::Extents size{std::int64_t{shape.holders} * 16, 4096};
  const h5dcp::Box box{{std::int64_t{rank % shape.holders} * 16, 0}, {16, 4096}};
  for (int t = rank / shape.holders; t < shape.tensors; t += groups) {
    h5dcp::WriteItem item;
    item.index = {name_of(t), box.offsets, std::nullopt};
    item.type = h5dcp::WriteItemType::shard;
    item.tensor_data = h5dcp::TensorWriteData{box, {h5dcp::DType::bfloat16}, size};
    item.path = {
        "model", "layers", std::to_string(t / 10), "block", "linear" + std::to_string(t % 10),
        "weight"};
    plan.items.push_back(std::move(item));
  }
  return plan;
}

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
  for (const auto& message : sent) counted.bytes += message.bytes.size() + kHeaderBytes;
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

class Job {
 public:
  explicit Job(const Shape& shape) : shape_(shape), ranks_(static_cast<std::size_t>(shape.ranks)) {}

  // From end to end. To be called several times.
  void negotiate() {
    all_now_ = {};
    const auto answers = merge_all(propose_all());
    apply_all(answers);
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
  using Boxes = std::vector<std::vector<Message>>;  // what each rank is sent

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
  void time(Phase phase, Rank& rank, bool first, const Work& work) {
    const double start = now();
    work();
    const double took = now() - start;
    rank.seconds[phase] = std::min(rank.seconds[phase], took);
    if (first) all_now_[phase] += took;
  }

  Boxes propose_all() {
    Boxes inboxes(ranks_.size());
    for (int r = 0; r < shape_.ranks; ++r) {
      auto& rank = ranks_[static_cast<std::size_t>(r)];
      OwnerNegotiation negotiation(plan_of(r, shape_), shape_.ranks);
      std::vector<Message> sent;
      for (const bool first : {true, false}) {
        const Scale scale;
        time(propose, rank, first, [&] { sent = negotiation.proposals(); });
        rank.memory = scale.peak();
      }
      rank.proposals = count(sent);
      deliver(std::move(sent), r, inboxes);
    }
    return inboxes;
  }

  Boxes merge_all(Boxes inboxes) {
    Boxes outboxes(ranks_.size());
    h5dcp::DefaultSavePlanner planner;
    for (int r = 0; r < shape_.ranks; ++r) {
      auto& rank = ranks_[static_cast<std::size_t>(r)];
      auto& inbox = inboxes[static_cast<std::size_t>(r)];
      std::vector<Message> sent;
      for (const bool first : {true, false}) {
        const Scale scale;
        OwnerNegotiation negotiation({}, shape_.ranks);
        time(merge, rank, first, [&] { negotiation.merge(inbox, planner); });
        rank.names = negotiation.share().size();
        const auto places = places_of(negotiation.share());
        time(answer, rank, first, [&] { sent = negotiation.answers(places); });
        rank.memory = std::max(rank.memory, memory_of(inbox) + scale.peak());
      }
      inbox = {};
      rank.answers = count(sent);
      deliver(std::move(sent), r, outboxes);
    }
    return outboxes;
  }

  // The plans are made anew: of all ranks at once they would take much memory.
  void apply_all(const Boxes& outboxes) {
    std::uint64_t slices = 0;
    for (int r = 0; r < shape_.ranks; ++r) {
      auto& rank = ranks_[static_cast<std::size_t>(r)];
      const auto& outbox = outboxes[static_cast<std::size_t>(r)];
      h5dcp::SavePlan plan;
      for (const bool first : {true, false}) {
        OwnerNegotiation negotiation(plan_of(r, shape_), shape_.ranks);
        negotiation.proposals();
        const Scale scale;
        time(apply, rank, first, [&] { plan = negotiation.apply(outbox); });
        rank.memory = std::max(rank.memory, memory_of(outbox) + scale.peak());
      }
      for (const auto& item : plan.items) slices += item.slices.size();
    }
    const auto boxes = std::uint64_t(shape_.tensors) * std::uint64_t(shape_.holders);
    if (slices != boxes) throw std::runtime_error("not every box has a writer");
  }

  static void deliver(std::vector<Message> sent, int from, Boxes& to) {
    for (auto& message : sent) {
      const auto receiver = static_cast<std::size_t>(std::exchange(message.rank, from));
      to[receiver].push_back(std::move(message));
    }
  }

  Shape shape_;
  std::vector<Rank> ranks_;
  Seconds all_ = infinite();
  Seconds all_now_{};
};

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
  std::cout << job.json().dump(1) << '\n';
}
