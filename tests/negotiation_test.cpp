// The negotiation of hundreds of ranks in one process: the code that runs over MPI, with the
// messages carried by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "any_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/device_mesh.hpp"
#include "h5dcp/error.hpp"
#include "negotiate/save_negotiation.hpp"

namespace h5dcp {
namespace {

// What rank `rank` of `size` holds of a small model: rows, columns, blocks, replicas, replicas of
// blocks, and values.
struct Held {
  std::string fqn;
  Extents sizes;
  std::vector<Placement> placements;
};

std::vector<Held> model(int size) {
  const std::vector<std::vector<Placement>> ways{{Shard{0}, Shard{0}},
                                                 {Shard{1}, Shard{1}},
                                                 {Shard{0}, Shard{1}},
                                                 {Replicate{}, Replicate{}},
                                                 {Replicate{}, Shard{0}}};
  std::vector<Held> tensors;
  for (int layer = 0; layer < 12; ++layer) {
    for (std::size_t way = 0; way < ways.size(); ++way) {
      // Some have fewer rows than there are ranks: their last pieces are empty.
      tensors.push_back({"layers." + std::to_string(layer) + ".w" + std::to_string(way),
                         {size / 2 + 3 + layer, 700},
                         ways[way]});
    }
  }
  return tensors;
}

DeviceMesh mesh_of(int size) {
  int rows = 1;
  for (int r = 1; r * r <= size; ++r) rows = size % r == 0 ? r : rows;
  return DeviceMesh({rows, size / rows});
}

struct Rank {
  StateDict state;
  DefaultSavePlanner planner;
  std::unique_ptr<SaveNegotiation> negotiation;
  SavePlan plan;
};

// Carries messages to where they go, as Comm::exchange would.
std::vector<std::vector<Message>> deliver(const std::vector<std::vector<Message>>& sent) {
  std::vector<std::vector<Message>> received(sent.size());
  for (std::size_t from = 0; from < sent.size(); ++from) {
    for (const auto& message : sent[from]) {
      received.at(static_cast<std::size_t>(message.rank))
          .push_back({static_cast<int>(from), message.bytes});
    }
  }
  return received;
}

// All steps of all ranks. The storage data of each chunk are its entry's name and its number there.
std::vector<std::unique_ptr<Rank>> negotiate(int size) {
  std::vector<std::unique_ptr<Rank>> ranks;
  std::vector<std::vector<Message>> proposals;
  for (int r = 0; r < size; ++r) {
    auto& rank = *ranks.emplace_back(std::make_unique<Rank>());
    for (const auto& held : model(size)) {
      const auto box = local_box(held.sizes, mesh_of(size), held.placements, r);
      static std::vector<char> memory(1 << 20);  // of all pieces: replicas must be alike
      EXPECT_LE(nbytes(DType::bfloat16, box.sizes), std::ssize(memory));
      TensorView view = contiguous_view(memory.data(), DType::bfloat16, box.sizes);
      rank.state[held.fqn] = ShardedTensor{DType::bfloat16, held.sizes, {{box, view}}};
    }
    rank.state["step"] = 100;
    rank.planner.set_up_planner(rank.state, {}, r == 0);
    rank.negotiation = std::make_unique<OwnerNegotiation>(rank.planner.create_local_plan(), size);
    proposals.push_back(rank.negotiation->proposals());
  }
  const auto to_owners = deliver(proposals);
  std::vector<std::vector<Message>> answers;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    auto& rank = *ranks[r];
    rank.negotiation->merge(to_owners[r], rank.planner);
    std::vector<std::vector<StorageData>> places;
    for (const auto& entry : rank.negotiation->share()) {
      auto& chunks = places.emplace_back();
      for (std::size_t c = 0; c < entry.chunks.size(); ++c) {
        const auto name = entry.fqn + "#" + std::to_string(c);
        chunks.emplace_back(name.begin(), name.end());
      }
    }
    answers.push_back(rank.negotiation->answers(places));
  }
  const auto to_holders = deliver(answers);
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    ranks[r]->plan = ranks[r]->negotiation->apply(to_holders[r]);
  }
  return ranks;
}

class NegotiationAt : public testing::TestWithParam<int> {};

TEST_P(NegotiationAt, WritesEveryElementOnceByARankThatHoldsIt) {
  const int size = GetParam();
  const auto ranks = negotiate(size);
  std::map<std::string, std::vector<int>> written;  // how often, by element
  for (const auto& held : model(size)) {
    written[held.fqn].resize(static_cast<std::size_t>(numel(held.sizes)));
  }
  int steps = 0;
  for (const auto& rank : ranks) {
    for (const auto& item : rank->plan.items) {
      if (item.type == WriteItemType::byte_io) {
        steps += static_cast<int>(item.slices.size());
        continue;
      }
      for (const auto& slice : item.slices) {
        ASSERT_TRUE(contains(item.tensor_data->chunk, slice.box)) << item.index.fqn;
        for (const auto i : test::elements_of(slice.box, item.tensor_data->size)) {
          ++written[item.index.fqn][static_cast<std::size_t>(i)];
        }
      }
    }
  }
  for (const auto& [fqn, counts] : written) {
    EXPECT_EQ(std::ranges::count(counts, 1), static_cast<std::ptrdiff_t>(counts.size())) << fqn;
  }
  EXPECT_EQ(steps, 1) << "a value is written by one rank";
}

TEST_P(NegotiationAt, EveryNameHasOneOwnerAndEveryChunkItsPlace) {
  const int size = GetParam();
  const auto ranks = negotiate(size);
  std::map<std::string, int> owners;
  std::map<std::string, std::pair<int, Box>> planned;  // by the name of its place
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    for (const auto& entry : ranks[r]->negotiation->share()) {
      EXPECT_TRUE(owners.emplace(entry.fqn, r).second) << entry.fqn << " has two owners";
      EXPECT_EQ(owner_of(entry.fqn, size), static_cast<int>(r));
      EXPECT_TRUE(std::ranges::is_sorted(entry.chunks, [](const Box& a, const Box& b) {
        return std::ranges::lexicographical_compare(a.offsets, b.offsets);
      })) << entry.fqn;
      for (std::size_t c = 0; c < entry.chunks.size(); ++c) {
        planned[entry.fqn + "#" + std::to_string(c)] = {entry.writers[c], entry.chunks[c]};
      }
    }
  }
  EXPECT_EQ(owners.size(), model(size).size() + 1);
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    for (const auto& item : ranks[r]->plan.items) {
      for (const auto& slice : item.slices) {
        const std::string place(slice.storage_data.begin(), slice.storage_data.end());
        ASSERT_TRUE(planned.contains(place)) << place;
        EXPECT_EQ(planned[place].first, static_cast<int>(r)) << place;
        if (item.tensor_data) {
          EXPECT_EQ(planned[place].second, slice.box) << place;
        }
        planned.erase(place);
      }
    }
  }
  EXPECT_TRUE(planned.empty()) << planned.begin()->first << " is written by nobody";
}

// Answers what it was given.
class Nonsense : public DefaultSavePlanner {
 public:
  explicit Nonsense(std::vector<PlannedWrite> answer) : answer_(std::move(answer)) {}
  std::vector<PlannedWrite> plan_writes(const Proposals& /*proposals*/) const override {
    return answer_;
  }

 private:
  std::vector<PlannedWrite> answer_;
};

TEST(Negotiation, RefusesAPlannersNonsense) {
  const Box whole{{0}, {4}};
  struct Case {
    const char* why;
    std::vector<PlannedWrite> answer;
  };
  const Case cases[] = {{"a holder that there is not", {{1, whole}}},
                        {"a box that the holder has not", {{0, {{2}, {4}}}}},
                        {"a part", {{0, {{0}, {3}}}}},
                        {"everything twice", {{0, whole}, {0, whole}}},
                        {"one half twice", {{0, {{0}, {2}}}, {0, {{0}, {2}}}}}};
  for (const auto& c : cases) {
    std::vector<float> data(4);
    StateDict state{{"w", contiguous_view(data.data(), DType::float32, {4})}};
    Nonsense planner(c.answer);
    planner.set_up_planner(state, {}, true);
    OwnerNegotiation negotiation(planner.create_local_plan(), 1);
    auto sent = negotiation.proposals();
    for (auto& message : sent) message.rank = 0;
    try {
      negotiation.merge(sent, planner);
      ADD_FAILURE() << c.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << c.why;
      EXPECT_TRUE(std::string(error.what()).starts_with("save 'w': the planner's plan_writes"))
          << error.what();
    }
  }
}

// What merging the plans of `states`, one a rank, throws.
template <class Planner = DefaultSavePlanner>
std::string refusal(std::vector<StateDict> states, Planner&& planner = {}) {
  const int size = static_cast<int>(states.size());
  std::vector<Message> sent;
  std::unique_ptr<SaveNegotiation> owner;
  for (int r = 0; r < size; ++r) {
    planner.set_up_planner(states[static_cast<std::size_t>(r)], {}, r == 0);
    owner = make_negotiation(planner, planner.create_local_plan(), size, 0);
    for (auto& message : owner->proposals()) sent.push_back({r, std::move(message.bytes)});
  }
  try {
    owner->merge(sent, planner);
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
}

TEST(Negotiation, RefusesOneNameAtTwoPaths) {
  const std::vector<StateDict> states{{{"a", Map{{"b", Map{{"c", 1}}}}}},
                                      {{"a", Map{{"b", Map{{"c", 1}}}}}},
                                      {{"a.b", Map{{"c", 1}}}}};
  const std::string expected =
      "save 'a.b.c': rank 0 has it at \"a\" / \"b\" / \"c\" of its state dict, rank 2 at "
      "\"a.b\" / \"c\". Nest it alike on all ranks, or rename one of them";
  EXPECT_EQ(refusal(states), expected);
  EXPECT_EQ(refusal(states, GlobalSavePlanner()), expected);
}

TEST(Negotiation, NamesAllKeysThatDoNotFit) {
  const std::vector<StateDict> states{{{"a", 1}, {"b", 2}, {"c", 3}, {"same", 4}},
                                      {{"a", 2}, {"b", 3}, {"c", "x"}, {"same", 4}}};
  const std::string expected =
      "save: 3 keys do not fit together:\n"
      "  save 'a': rank 0 and rank 1 hold different values\n"
      "  save 'b': rank 0 and rank 1 hold different values\n"
      "  save 'c': rank 0 and rank 1 hold different values";
  EXPECT_EQ(refusal(states), expected);
  EXPECT_EQ(refusal(states, GlobalSavePlanner()), expected);
}

TEST(Negotiation, RefusesAGlobalPlanThatDoesNotTile) {
  struct Spoiling : GlobalSavePlanner {
    std::function<void(WriteItem&)> spoil;
    GlobalSavePlan create_global_plan(std::vector<SavePlan> plans) override {
      spoil(plans.at(0).items.at(0));
      return {std::move(plans), {}};
    }
  };
  std::vector<float> data(4);
  const auto half = [&](std::int64_t from) {
    return LocalShard{{{from}, {2}}, contiguous_view(data.data(), DType::float32, {2})};
  };
  const StateDict state{{"w", ShardedTensor{DType::float32, {4}, {half(0), half(2)}}}};
  const auto refused = [&](const Box& box) {
    Spoiling planner;
    planner.spoil = [&](WriteItem& item) { item.tensor_data->chunk = box; };
    return refusal({state}, planner);
  };
  EXPECT_EQ(refused({{2}, {2}}), "save 'w': no rank has [0:2] of [4]") << "one half twice";
  EXPECT_EQ(refused({{0}, {3}}), "save 'w': [0:3] of rank 0 and [2:4] of rank 0 overlap");
}

INSTANTIATE_TEST_SUITE_P(Ranks, NegotiationAt, testing::Values(1, 2, 7, 64, 512));

}  // namespace
}  // namespace h5dcp
