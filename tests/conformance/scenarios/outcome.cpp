#include "scenarios/outcome.hpp"

#include <algorithm>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <variant>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"

namespace h5dcp::conformance {
namespace {

std::string hex(const void* data, std::size_t length) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  std::string digits;
  for (std::size_t i = 0; i < length; ++i) {
    digits += "0123456789abcdef"[bytes[i] >> 4U];
    digits += "0123456789abcdef"[bytes[i] & 15U];
  }
  return digits;
}

Json of_tensor(const TensorView& tensor) {
  const auto packed = allocate(tensor.dtype, tensor.sizes);
  copy_elements(tensor, packed);
  const auto length = static_cast<std::size_t>(nbytes(packed.dtype, packed.sizes));
  return {{"dtype", to_string(tensor.dtype)},
          {"sizes", of_extents(tensor.sizes)},
          {"bytes", hex(packed.data, length)}};
}

struct OfValue {
  Json operator()(std::monostate /*null*/) const { return nullptr; }
  Json operator()(const std::complex<double>& number) const {
    return {{"complex", {number.real(), number.imag()}}};
  }
  Json operator()(const List& list) const {
    Json items = Json::array();
    for (const auto& item : list) items.push_back(of_value(item));
    return items;
  }
  Json operator()(const Map& map) const {
    Json items = Json::object();
    for (const auto& [key, item] : map) items[key] = of_value(item);
    return items;
  }
  Json operator()(const TensorView& tensor) const { return of_tensor(tensor); }
  Json operator()(const Bytes& bytes) const { return {{"bytes", hex(bytes.data(), bytes.size())}}; }
  Json operator()(const ShardedTensor& /*tensor*/) const {
    return "sharded tensor";
  }                                                                     // no scenario
  Json operator()(Stateful* /*stateful*/) const { return "stateful"; }  // has these
  template <class Plain>
  Json operator()(const Plain& value) const {
    return value;
  }
};

const char* text_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::io:
      return "io";
    case ErrorCode::mpi:
      return "mpi";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::internal:
      return "internal";
  }
  return "no code";
}

Json found_in(const std::vector<std::string>& messages, const std::vector<std::string>& names) {
  Json found = Json::array();
  for (const auto& name : names) {
    if (std::ranges::all_of(
            messages, [&](const auto& text) { return text.find(name) != std::string::npos; })) {
      found.push_back(name);
    }
  }
  return found;
}

}  // namespace

Json of_extents(const Extents& extents) {
  return std::vector<std::int64_t>(extents.begin(), extents.end());
}

Json of_path(const Path& path) {
  Json items = Json::array();
  for (const auto& item : path) {
    std::visit([&](const auto& step) { items.push_back(step); }, item);
  }
  return items;
}

Json of_value(const Value& value) {
  return std::visit(OfValue(), static_cast<const Value::variant&>(value));
}

Json of_call(const std::function<void()>& call, const std::vector<std::string>& names) {
  try {
    call();
  } catch (const CheckpointException& error) {
    Json ranks = Json::object();
    std::vector<std::string> messages;
    for (const auto& [rank, failure] : error.failures()) {
      ranks[std::to_string(rank)] = text_of(failure.code);
      messages.push_back(failure.message);
    }
    return {{"failed", error.step()}, {"ranks", ranks}, {"named", found_in(messages, names)}};
  } catch (const Error& error) {
    return {{"raised", text_of(error.code())}, {"named", found_in({error.what()}, names)}};
  }
  return "done";
}

Json of_entries(const Metadata& metadata) {
  Json kinds = Json::object();
  Json paths = Json::object();
  for (const auto& [name, entry] : metadata.state_dict_metadata) {
    kinds[name] = std::holds_alternative<TensorStorageMetadata>(entry) ? "tensor" : "value";
  }
  for (const auto& [name, path] : metadata.planner_data) paths[name] = of_path(path);
  return {{"kinds", kinds}, {"paths", paths}};
}

Json of_chunks(const Metadata& metadata, const std::string& name) {
  Json chunks = Json::array();
  for (const auto& chunk :
       std::get<TensorStorageMetadata>(metadata.state_dict_metadata.at(name)).chunks) {
    chunks.push_back({of_extents(chunk.offsets), of_extents(chunk.sizes)});
  }
  return chunks;
}

Json of_writers(const std::string& checkpoint) {
  const CheckpointFile file(checkpoint);
  Json writers = Json::object();
  for (std::size_t i = 0; i < file.size(); ++i) {
    auto& ranks = writers[file.entry(i).fqn] = Json::array();
    for (const auto& chunk : file.chunks(i)) ranks.push_back(chunk.writer);
  }
  return writers;
}

TensorView arange(const Extents& sizes, float first) {
  const auto tensor = allocate(DType::float32, sizes);
  auto* elements = static_cast<float*>(tensor.data);
  std::iota(elements, elements + numel(sizes), first);
  return tensor;
}

TensorView floats(const Extents& sizes, float element) {
  const auto tensor = allocate(DType::float32, sizes);
  std::fill_n(static_cast<float*>(tensor.data), numel(sizes), element);
  return tensor;
}

Metadata save_to(const std::string& checkpoint, StateDict state, SavePlanner* planner) {
  return save(state, {.checkpoint_id = checkpoint, .planner = planner}).metadata();
}

void load_from(const std::string& checkpoint, StateDict& state, LoadPlanner* planner) {
  load(state, {.checkpoint_id = checkpoint, .planner = planner});
}

Json loaded(const Job& job, StateDict state, LoadPlanner* planner) {
  load_from(job.checkpoint(), state, planner);
  return of_value(state);
}

}  // namespace h5dcp::conformance
