// What a checkpoint of a Trainer holds: model, optim, schedule, data and rng, and of the shape what
// no tensor shows.

#include <variant>

#include "h5dcp/error.hpp"
#include "h5dcp/torch.hpp"
#include "trainer.hpp"

namespace trainer {
namespace {

using h5dcp::Map;
using h5dcp::StateDict;
using h5dcp::TensorView;
using h5dcp::Value;

const Map& map_of(const StateDict& state, const char* key) {
  return std::get<Map>(state.at(key));
}

template <class T>
void read(const Map& map, const char* key, T& to) {
  to = std::get<T>(map.at(key));
}

Map to_map(const Shape& shape) {
  return {{"layers", shape.layers},
          {"hidden", shape.hidden},
          {"heads", shape.heads},
          {"context", shape.context}};
}

Map to_map(const Schedule& schedule) {
  return {{"step", schedule.step},
          {"warmup_steps", schedule.warmup_steps},
          {"decay_steps", schedule.decay_steps},
          {"peak_rate", schedule.peak_rate},
          {"final_rate", schedule.final_rate}};
}

Schedule to_schedule(const Map& map) {
  Schedule schedule;
  read(map, "step", schedule.step);
  read(map, "warmup_steps", schedule.warmup_steps);
  read(map, "decay_steps", schedule.decay_steps);
  read(map, "peak_rate", schedule.peak_rate);
  read(map, "final_rate", schedule.final_rate);
  return schedule;
}

}  // namespace

StateDict Trainer::state_dict() {
  Map model = h5dcp::state_dict(module_);
  Map optim = h5dcp::state_dict(*optimizer_, module_);
  Map& moments = std::get<Map>(optim.at("state"));
  // What the adapter sees are tensors of this rank's own; only the trainer knows that they are rows
  // of larger ones.
  for (const auto& parameter : parameters_) {
    const auto& fqn = parameter.fqn();
    for (Value* value :
         {&model.at(fqn), &moments.at(fqn + ".exp_avg"), &moments.at(fqn + ".exp_avg_sq")}) {
      *value = parameter.distribute(std::get<TensorView>(*value));
    }
  }
  return {{"shape", to_map(shape_)},
          {"model", std::move(model)},
          {"optim", std::move(optim)},
          {"schedule", to_map(schedule_)},
          {"data", Map{{"seed", samples_.seed()}, {"position", position_}}},
          {"rng", h5dcp::tensor_view(generator_.get_state())}};
}

void Trainer::load_state_dict(const StateDict& state) {
  if (map_of(state, "shape") != to_map(shape_)) {
    throw h5dcp::Error(h5dcp::ErrorCode::invalid_argument,
                       "resume: the checkpoint is of a model with other layers, hidden, heads or "
                       "context than this one");
  }
  schedule_ = to_schedule(map_of(state, "schedule"));
  if (state.contains("optim")) {
    h5dcp::load_state_dict(*optimizer_, module_, map_of(state, "optim"));
  }
  if (state.contains("data")) {
    const Map& data = map_of(state, "data");
    samples_.set_seed(std::get<std::int64_t>(data.at("seed")));
    read(data, "position", position_);
  }
  if (state.contains("rng")) {
    generator_.set_state(h5dcp::to_tensor(std::get<TensorView>(state.at("rng"))));
  }
}

}  // namespace trainer
