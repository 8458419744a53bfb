// Saves float32 as bfloat16: half the bytes, for a checkpoint that is only to be looked at or run.

#include <h5dcp/h5dcp.hpp>

#include <utility>
#include <variant>

#include "example.hpp"

namespace example {
namespace {

class AsBfloat16 : public h5dcp::DefaultSavePlanner {
 public:
  // The plan says what the checkpoint will hold ...
  h5dcp::SavePlan create_local_plan() override {
    auto plan = DefaultSavePlanner::create_local_plan();
    for (auto& item : plan.items) {
      if (!item.tensor_data) continue;
      auto& dtype = item.tensor_data->properties.dtype;
      if (dtype == h5dcp::DType::float32) dtype = h5dcp::DType::bfloat16;
    }
    return plan;
  }

  // ... and this makes it, one piece after the other, when it is to be written.
  std::variant<h5dcp::TensorView, h5dcp::Bytes> transform_object(const h5dcp::WriteItem& item,
                                                                 h5dcp::Value object) override {
    auto data = DefaultSavePlanner::transform_object(item, std::move(object));
    const auto* view = std::get_if<h5dcp::TensorView>(&data);
    if (view == nullptr || view->dtype == item.tensor_data->properties.dtype) return data;
    const auto cast = h5dcp::allocate(item.tensor_data->properties.dtype, view->sizes);
    h5dcp::copy_elements(*view, cast);
    return cast;
  }
};

}  // namespace

void cast_to_bfloat16(int rank, int ranks) {
  const float third = 1.0F / 3;
  Rows w(third, rank, ranks);
  const auto step = h5dcp::allocate(h5dcp::DType::int64, {1});
  h5dcp::StateDict state{{"w", w.tensor}, {"step", step}, {"lr", 0.1}};
  AsBfloat16 planner;
  h5dcp::save(state, {.checkpoint_id = "bfloat16.h5", .planner = &planner});
  check(w.all(third), "the program's own weights have changed");

  const auto stored = h5dcp::read_metadata({.checkpoint_id = "bfloat16.h5"}).state_dict_metadata;
  const auto dtype_of = [&](const char* fqn) {
    return std::get<h5dcp::TensorStorageMetadata>(stored.at(fqn)).properties.dtype;
  };
  check(dtype_of("w") == h5dcp::DType::bfloat16, "the type of w");
  check(dtype_of("step") == h5dcp::DType::int64, "the type of step");

  h5dcp::load(state, {.checkpoint_id = "bfloat16.h5"});  // converts back
  check(w.all(0.333984375F), "w: 8 bits of 1/3 are left");
}

}  // namespace example
