// Negotiates a save between virtual ranks, in one process: the library's own code, all but the
// sending. What the worst rank does, sends and keeps is what a job of that size would wait for.
//
//   bench_negotiation --ranks 512 --tensors 1024 --holders 512
//
// Prints JSON: seconds of all ranks together and of the worst one, messages, bytes, memory. With
// --owners N only as many ranks act as owners (the first ones: which names a rank owns is as good
// as random), and no rank gets all of its answers.

#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "negotiate/save_negotiation.hpp"

namespace {

using h5dcp::Bytes;
using h5dcp::Message;
using Json = nlohmann::ordered_json;

constexpr int kWeighedOwners = 16;  // to count what is allocated takes a walk through all of it

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

// Seconds of one phase: of all ranks, and of the one that took longest.
struct Seconds {
  double all = 0;
  double worst = 0;

  template <class Work>
  void add(const Work& work) {
    const double start = now();
    work();
    const double took = now() - start;
    all += took;
    worst = std::max(worst, took);
  }

  Json json() const { return {{"all", all}, {"worst", worst}}; }
};

std::uint64_t bytes_of(const std::vector<Message>& messages) {
  std::uint64_t bytes = 0;
  for (const auto& message : messages) bytes += message.bytes.size();
  return bytes;
}

std::uint64_t allocated() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// What a rank sends or gets, at most, and all ranks together.
struct Traffic {
  std::uint64_t most_messages = 0;
  std::uint64_t most_bytes = 0;
  std::uint64_t bytes = 0;

  void add(const std::vector<Message>& messages) {
    const auto some = bytes_of(messages);
    most_messages = std::max<std::uint64_t>(most_messages, messages.size());
    most_bytes = std::max(most_bytes, some);
    bytes += some;
  }

  Json json() const { return {{"most_messages", most_messages}, {"most_bytes", most_bytes}}; }
};

// One negotiation from end to end.
class Run {
 public:
  Run(const Shape& shape, int owners) : shape_(shape), owners_(owners) {}

  Json run() {
    propose();
    merge();
    if (owners_ == shape_.ranks) apply();
    const auto boxes = std::uint64_t(shape_.tensors) * std::uint64_t(shape_.holders);
    Json result{{"ranks", shape_.ranks},
                {"tensors", shape_.tensors},
                {"holders", shape_.holders},
                {"owners", owners_},
                {"seconds",
                 {{"propose", propose_.json()},
                  {"merge", merge_.json()},
                  {"answer", answer_.json()},
                  {"apply", apply_.json()},
                  {"all", propose_.all + merge_.all + answer_.all + apply_.all},
                  {"worst", propose_.worst + merge_.worst + answer_.worst + apply_.worst}}},
                {"proposals", proposals_.json()},
                {"answers", answers_.json()},
                {"most_owner_memory", most_memory_}};
    result["proposal_bytes_a_box"] =
        static_cast<double>(proposals_.bytes) / static_cast<double>(boxes);
    return result;
  }

 private:
  void propose() {
    inboxes_.resize(static_cast<std::size_t>(shape_.ranks));
    for (int rank = 0; rank < shape_.ranks; ++rank) {
      auto plan = plan_of(rank, shape_);
      auto negotiation = std::make_unique<h5dcp::OwnerNegotiation>(std::move(plan), shape_.ranks);
      std::vector<Message> sent;
      propose_.add([&] { sent = negotiation->proposals(); });
      proposals_.add(sent);
      for (auto& message : sent) {
        const int owner = std::exchange(message.rank, rank);
        if (owner < owners_)
          inboxes_[static_cast<std::size_t>(owner)].push_back(std::move(message));
      }
      if (rank < owners_) ranks_.push_back(std::move(negotiation));
    }
  }

  void merge() {
    h5dcp::DefaultSavePlanner planner;
    outboxes_.resize(inboxes_.size());
    for (int owner = 0; owner < owners_; ++owner) {
      auto& negotiation = *ranks_[static_cast<std::size_t>(owner)];
      const bool weighed = owner < kWeighedOwners;
      const auto before = weighed ? allocated() : 0;
      auto& inbox = inboxes_[static_cast<std::size_t>(owner)];
      merge_.add([&] { negotiation.merge(inbox, planner); });
      const auto places = places_of(negotiation.share());
      std::vector<Message> sent;
      answer_.add([&] { sent = negotiation.answers(places); });
      answers_.add(sent);
      if (weighed) most_memory_ = std::max(most_memory_, allocated() - before + bytes_of(inbox));
      inbox = {};
      for (auto& message : sent) {
        auto& outbox = outboxes_[static_cast<std::size_t>(std::exchange(message.rank, owner))];
        outbox.push_back(std::move(message));
      }
    }
  }

  void apply() {
    std::uint64_t slices = 0;
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
      h5dcp::SavePlan plan;
      apply_.add([&] { plan = ranks_[rank]->apply(outboxes_[rank]); });
      for (const auto& item : plan.items) slices += item.slices.size();
    }
    const auto boxes = std::uint64_t(shape_.tensors) * std::uint64_t(shape_.holders);
    if (slices != boxes) throw std::runtime_error("not every box has a writer");
  }

  // As long as those of Hdf5Writer.
  static std::vector<std::vector<h5dcp::StorageData>> places_of(
      const std::vector<h5dcp::PlannedEntry>& share) {
    std::vector<std::vector<h5dcp::StorageData>> places;
    places.reserve(share.size());
    for (const auto& entry : share) places.emplace_back(entry.chunks.size(), Bytes(15));
    return places;
  }

  Shape shape_;
  int owners_;
  std::vector<std::vector<Message>> inboxes_;
  std::vector<std::vector<Message>> outboxes_;
  std::vector<std::unique_ptr<h5dcp::OwnerNegotiation>> ranks_;
  Seconds propose_, merge_, answer_, apply_;
  Traffic proposals_, answers_;
  std::uint64_t most_memory_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Shape shape;
  int owners = 0;
  int repetitions = 1;
  CLI::App app("Negotiates a save between virtual ranks, and tells what it costs");
  app.add_option("--ranks", shape.ranks, "virtual ranks")->check(CLI::PositiveNumber);
  app.add_option("--tensors", shape.tensors, "tensors")->check(CLI::PositiveNumber);
  app.add_option("--holders", shape.holders, "ranks that hold each tensor, by rows")
      ->check(CLI::PositiveNumber);
  app.add_option("--owners", owners, "ranks that act as owners; 0: all");
  app.add_option("--repetitions", repetitions, "print the run that took least")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (shape.ranks % shape.holders != 0) {
    std::cerr << "bench_negotiation: --holders must divide --ranks\n";
    return 2;
  }
  Json best;
  for (int i = 0; i < repetitions; ++i) {
    auto result = Run(shape, owners == 0 ? shape.ranks : std::min(owners, shape.ranks)).run();
    if (best.is_null() || result["seconds"]["all"] < best["seconds"]["all"]) {
      best = std::move(result);
    }
  }
  std::cout << best.dump(1) << '\n';
}
