#include "workload.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "h5dcp/error.hpp"
#include "models.hpp"
#include "verbs.hpp"

namespace tool::benchmark {
namespace {

using h5dcp::DType;
using h5dcp::Extents;
using h5dcp::Replicate;
using h5dcp::Shard;

// Equal tensors, of which each rank holds the same part whatever the number of ranks.
struct Shape {
  const char* name;
  double tensors;
  Extents part;  // what a rank holds of each
  std::vector<h5dcp::Placement> placements;
};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{
      {"rows", 300, {416, 1024}, {Shard{0}}},
      {"columns", 300, {832, 512}, {Shard{1}}},
      {"small", 20'000, {1, 1024}, {Shard{0}}},
      {"replicated", 300, {416, 1024}, {Replicate{}}},
      {"mesh2d", 300, {416, 1024}, {Shard{0}, Shard{1}}},
  };
  return all;
}

struct Model {
  const char* name;
  std::vector<ModelTensor> (*tensors)();
};

constexpr std::array kModels{Model{"llama3-8b", llama3_8b}, Model{"mixtral-8x7b", mixtral_8x7b},
                             Model{"deepseek-v3", deepseek_v3}};

// So many ranks in so many dimensions, the sizes as equal as can be, the first the largest.
h5dcp::DeviceMesh mesh_of(int ranks, std::size_t dims) {
  if (dims == 1) return h5dcp::DeviceMesh({ranks});
  int columns = 1;
  for (int i = 1; i * i <= ranks; ++i) {
    if (ranks % i == 0) columns = i;
  }
  return h5dcp::DeviceMesh({ranks / columns, columns});
}

constexpr double kMostTensors = 1e7;
constexpr double kMostElements = 1e12;  // of one dimension

std::int64_t scaled(double number, double scale, double most) {
  const auto result = std::ceil(number * scale);
  if (result > most) throw UsageError("the scale is too large");
  return static_cast<std::int64_t>(std::max(1.0, result));
}

Workload of_shape(const Shape& shape, double scale, int ranks) {
  Workload workload{mesh_of(ranks, shape.placements.size()), {}};
  Extents sizes = shape.part;
  for (std::size_t i = 0; i < shape.placements.size(); ++i) {
    const auto* const shard = std::get_if<Shard>(&shape.placements[i]);
    if (shard != nullptr) sizes[shard->dim] *= workload.mesh.sizes()[i];
  }
  const auto count = scaled(shape.tensors, scale, kMostTensors);
  for (std::int64_t i = 0; i < count; ++i) {
    workload.tensors.push_back(
        {"layers." + std::to_string(i) + ".weight", DType::float32, sizes, shape.placements});
  }
  return workload;
}

// As fully sharded data parallelism holds it: the rows of each tensor over all ranks.
Workload of_model(const Model& model, double scale, int ranks) {
  Workload workload{mesh_of(ranks, 1), {}};
  for (auto& tensor : model.tensors()) {
    for (auto& size : tensor.sizes) size = scaled(static_cast<double>(size), scale, kMostElements);
    workload.tensors.push_back(
        {std::move(tensor.fqn), tensor.dtype, std::move(tensor.sizes), {Shard{0}}});
  }
  return workload;
}

// What Adam keeps of each tensor, cut as the tensor is.
void add_moments(Workload& workload) {
  const auto count = workload.tensors.size();
  workload.tensors.reserve(3 * count);
  for (const auto* const moment : {".exp_avg", ".exp_avg_sq"}) {
    for (std::size_t i = 0; i < count; ++i) {
      auto tensor = workload.tensors[i];
      tensor.fqn = "optimizer.state." + tensor.fqn + moment;
      tensor.dtype = DType::float32;
      workload.tensors.push_back(std::move(tensor));
    }
  }
}

Workload without_moments(const std::string& name, double scale, int ranks) {
  for (const auto& shape : shapes()) {
    if (name == shape.name) return of_shape(shape, scale, ranks);
  }
  for (const auto& model : kModels) {
    if (name == model.name) return of_model(model, scale, ranks);
  }
  throw UsageError("no workload '" + name + "'");
}

}  // namespace

const std::vector<std::string>& workload_names() {
  static const auto all = [] {
    std::vector<std::string> names;
    for (const auto& shape : shapes()) names.emplace_back(shape.name);
    for (const auto& model : kModels) names.emplace_back(model.name);
    return names;
  }();
  return all;
}

Workload make_workload(const std::string& name, const Run& run, int ranks) {
  auto workload = without_moments(name, run.scale, ranks);
  if (run.optimizer) add_moments(workload);
  return workload;
}

WorkloadSize size_of(const Workload& workload) {
  WorkloadSize size;
  for (const auto& tensor : workload.tensors) {
    ++size.tensors;
    size.elements += static_cast<std::uint64_t>(h5dcp::numel(tensor.sizes));
    size.nbytes += static_cast<std::uint64_t>(h5dcp::nbytes(tensor.dtype, tensor.sizes));
  }
  return size;
}

}  // namespace tool::benchmark
