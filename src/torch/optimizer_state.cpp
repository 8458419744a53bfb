#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <string>
#include <unordered_map>

#include "h5dcp/error.hpp"
#include "h5dcp/torch.hpp"
#include "torch/optimizer_fields.hpp"

namespace h5dcp {
namespace {

using torch::nn::Module;
using torch::optim::Optimizer;
using torch::optim::OptimizerParamGroup;

// The FQN of each parameter; the first, if it has several.
class Names {
 public:
  explicit Names(const Module& module) {
    for (const auto& parameter : module.named_parameters()) {
      fqns_.emplace(parameter.value().unsafeGetTensorImpl(), parameter.key());
    }
  }

  const std::string& of(const at::Tensor& parameter) const {
    const auto found = fqns_.find(parameter.unsafeGetTensorImpl());
    if (found == fqns_.end()) {
      throw Error(ErrorCode::invalid_argument,
                  "state of an optimizer: it holds a parameter that is not the module's");
    }
    return found->second;
  }

 private:
  std::unordered_map<const void*, std::string> fqns_;
};

// A frozen parameter has no state, unless it was trained before.
bool has_state(const Optimizer& optimizer, const at::Tensor& parameter) {
  return parameter.requires_grad() || optimizer.state().count(parameter.unsafeGetTensorImpl()) != 0;
}

Value read(const bool& from) {
  return from;
}
Value read(const std::int64_t& from) {
  return from;
}
Value read(const double& from) {
  return from;
}
Value read(const std::tuple<double, double>& from) {
  return List{std::get<0>(from), std::get<1>(from)};
}
Value read(const at::Tensor& from) {
  return tensor_view(from);
}

Value read(const OptimizerField& field) {
  return std::visit([](const auto* place) { return read(*place); }, field.place);
}

template <class T>
const T& expect(const Value& value, const std::string& name) {
  if (const T* found = std::get_if<T>(&value)) return *found;
  throw Error(ErrorCode::invalid_argument,
              "load the state of an optimizer: '" + name + "' has another type than it should");
}

double number(const Value& value, const std::string& name) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return expect<double>(value, name);
}

void write(const Value& from, const std::string& name, bool& to) {
  to = expect<bool>(from, name);
}
void write(const Value& from, const std::string& name, std::int64_t& to) {
  to = expect<std::int64_t>(from, name);
}
void write(const Value& from, const std::string& name, double& to) {
  to = number(from, name);
}
void write(const Value& from, const std::string& name, std::tuple<double, double>& to) {
  const auto& pair = expect<List>(from, name);
  if (pair.size() != 2) {
    throw Error(ErrorCode::invalid_argument,
                "load the state of an optimizer: '" + name + "' is not a pair");
  }
  to = {number(pair[0], name), number(pair[1], name)};
}
void write(const Value& from, const std::string& name, at::Tensor& to) {
  if (std::holds_alternative<ShardedTensor>(from)) return;  // whoever made it of the view filled it
  const auto& view = expect<TensorView>(from, name);
  if (view.data == to.data_ptr()) return;
  const at::Tensor source = to_tensor(view);
  if (source.sizes() != to.sizes()) {
    throw Error(ErrorCode::invalid_argument, "load the state of an optimizer: '" + name +
                                                 "' has the sizes " + to_string(view.sizes) +
                                                 ", not " + to_string(tensor_view(to).sizes));
  }
  to.copy_(source);
}

void write(const Value& from, const std::string& name, const OptimizerField& field) {
  std::visit([&](auto* place) { write(from, name, *place); }, field.place);
}

Map state_of(Optimizer& optimizer, const Names& names) {
  Map state;
  for (auto& group : optimizer.param_groups()) {
    for (const auto& parameter : group.params()) {
      const std::string prefix = names.of(parameter) + ".";
      if (!has_state(optimizer, parameter)) continue;
      for (const auto& field : state_fields(optimizer, group.options(), parameter)) {
        state[prefix + field.name] = read(field);
      }
    }
  }
  return state;
}

Map group_of(OptimizerParamGroup& group, const Names& names) {
  Map options;
  for (const auto& field : option_fields(group.options())) options[field.name] = read(field);
  List fqns;
  for (const auto& parameter : group.params()) fqns.emplace_back(names.of(parameter));
  options["params"] = std::move(fqns);
  return options;
}

// The loaded group that has all parameters of `group`, which may be at another position.
const Map& find_group(const List& groups, const OptimizerParamGroup& group, const Names& names) {
  for (const auto& candidate : groups) {
    const auto& options = expect<Map>(candidate, "param_groups");
    const auto& fqns = expect<List>(options.at("params"), "params");
    const auto has = [&](const at::Tensor& parameter) {
      return std::ranges::find(fqns, Value(names.of(parameter))) != fqns.end();
    };
    if (std::ranges::all_of(group.params(), has)) return options;
  }
  throw Error(ErrorCode::not_found,
              "load the state of an optimizer: no group has all the parameters of the one with '" +
                  names.of(group.params().front()) + "'");
}

}  // namespace

StateDict state_dict(Optimizer& optimizer, const Module& module) {
  const Names names(module);
  List groups;
  for (auto& group : optimizer.param_groups()) groups.emplace_back(group_of(group, names));
  return {{"state", state_of(optimizer, names)}, {"param_groups", std::move(groups)}};
}

void load_state_dict(Optimizer& optimizer, const Module& module, const StateDict& state_dict) {
  const Names names(module);
  const auto& state = expect<Map>(state_dict.at("state"), "state");
  const auto& groups = expect<List>(state_dict.at("param_groups"), "param_groups");
  for (auto& group : optimizer.param_groups()) {
    if (group.params().empty()) continue;
    const Map& options = find_group(groups, group, names);
    for (const auto& field : option_fields(group.options())) {
      write(options.at(field.name), field.name, field);
    }
    for (const auto& parameter : group.params()) {
      if (!has_state(optimizer, parameter)) continue;
      for (const auto& field : state_fields(optimizer, group.options(), parameter)) {
        const std::string name = names.of(parameter) + "." + field.name;
        write(state.at(name), name, field);
      }
    }
  }
}

}  // namespace h5dcp
