// What the index of a plan's item names in a state dict.

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

class FindObject : public testing::Test {
 protected:
  TensorView view(std::size_t place, const Extents& sizes) {
    return contiguous_view(memory.data() + place, DType::float32, sizes);
  }

  // Rows 0 and 2 to 3 of a matrix, and a piece without rows where the latter begin.
  Value rows() {
    return ShardedTensor{DType::float32,
                         {4, 2},
                         {{{{0, 0}, {1, 2}}, view(0, {1, 2})},
                          {{{2, 0}, {0, 2}}, view(2, {0, 2})},
                          {{{2, 0}, {2, 2}}, view(4, {2, 2})}}};
  }

  std::array<float, 16> memory{};
};

std::pair<ErrorCode, std::string> refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::internal, "no error"};
}

TEST_F(FindObject, APlainTensorIsOnePieceAtTheOrigin) {
  const Value tensor = view(3, {2, 2});
  EXPECT_EQ(find_tensor_shard(tensor, {"w", Extents{0, 0}, {}}).data, &memory[3]);
  EXPECT_EQ(find_tensor_shard(tensor, {"w", std::nullopt, {}}).data, &memory[3]);
  EXPECT_EQ(find_tensor_shard(view(5, {}), {"s", Extents{}, {}}).data, &memory[5]);
}

TEST_F(FindObject, AShardLiesAtItsOffset) {
  EXPECT_EQ(find_tensor_shard(rows(), {"w", Extents{0, 0}, {}}).data, &memory[0]);
  // The hint decides between pieces that begin at one place, and is not believed otherwise.
  EXPECT_EQ(find_tensor_shard(rows(), {"w", Extents{2, 0}, 2}).data, &memory[4]);
  EXPECT_EQ(find_tensor_shard(rows(), {"w", Extents{2, 0}, 1}).sizes, (Extents{0, 2}));
  for (const std::size_t hint : {1U, 99U}) {
    EXPECT_EQ(find_tensor_shard(rows(), {"w", Extents{0, 0}, hint}).data, &memory[0]) << hint;
  }
}

TEST_F(FindObject, PiecesThatAreNotThere) {
  const std::pair<Value, MetadataIndex> cases[] = {
      {view(0, {2, 2}), {"w", Extents{1, 0}, {}}},
      {view(0, {2, 2}), {"w", Extents{0}, {}}},
      {rows(), {"w", Extents{1, 0}, 0}},
      {ShardedTensor{DType::float32, {4, 2}, {}}, {"w", Extents{0, 0}, {}}}};
  for (const auto& [tensor, index] : cases) {
    const auto& value = tensor;
    const auto& wanted = index;
    EXPECT_EQ(
        refusal([&] { find_tensor_shard(value, wanted); }),
        std::pair(ErrorCode::invalid_argument,
                  "look up 'w': the state dict has no piece at " + to_string(*wanted.offset)));
  }
  EXPECT_EQ(refusal([&] {
              find_tensor_shard(rows(), {"w", std::nullopt, {}});
            }).second,
            "look up 'w': the state dict has no piece without an offset");
  EXPECT_EQ(refusal([] {
              find_tensor_shard(Value(3), {"w", Extents{0}, {}});
            }),
            std::pair(ErrorCode::invalid_argument, std::string("look up 'w': it is no tensor")));
}

TEST_F(FindObject, InAStateDictByItsFullName) {
  StateDict state{{"model", Map{{"w", rows()}, {"b", view(8, {3})}}},
                  {"groups", List{Map{{"lr", 0.5}}}}};
  const auto tensor_at = [&](const MetadataIndex& index) {
    return std::get<TensorView>(find_state_dict_object(state, index)).data;
  };
  EXPECT_EQ(tensor_at({"model.w", Extents{0, 0}, {}}), &memory[0]);
  EXPECT_EQ(tensor_at({"model.b", Extents{0}, {}}), &memory[8]);
  EXPECT_EQ(tensor_at({"model.b", std::nullopt, {}}), &memory[8]);
  EXPECT_TRUE(find_state_dict_object(state, {"groups.0.lr", std::nullopt, {}}) == Value(0.5));

  EXPECT_EQ(
      refusal([&] {
        find_state_dict_object(state, {"model.x", Extents{0}, {}});
      }),
      std::pair(ErrorCode::not_found, std::string("look up 'model.x': not in the state dict")));
  EXPECT_EQ(refusal([&] {
              find_state_dict_object(state, {"model", std::nullopt, {}});
            }).first,
            ErrorCode::not_found)
      << "a map is no leaf";
  EXPECT_EQ(refusal([&] {
              find_state_dict_object(state, {"groups.0.lr", Extents{0}, {}});
            }),
            std::pair(ErrorCode::invalid_argument,
                      std::string("look up 'groups.0.lr': it is no tensor")));
}

}  // namespace
}  // namespace h5dcp
