#include "contents.hpp"

#include <h5dcp/default_planner.hpp>
#include <h5dcp/value_codec.hpp>

#include <cstdint>
#include <utility>
#include <variant>

namespace example {
namespace {

// Numbers and texts as plain values, which h5dcp can encode: a codec of our own is not needed.
h5dcp::List list_of(const h5dcp::Extents& extents) {
  return {extents.begin(), extents.end()};
}

h5dcp::Extents extents_of(const h5dcp::Value& value) {
  std::vector<std::int64_t> numbers;
  for (const auto& number : std::get<h5dcp::List>(value)) {
    numbers.push_back(std::get<std::int64_t>(number));
  }
  return h5dcp::Extents(numbers);
}

h5dcp::List list_of(const h5dcp::Path& path) {
  h5dcp::List list;
  for (const auto& step : path) {
    std::visit([&](const auto& key_or_position) { list.emplace_back(key_or_position); }, step);
  }
  return list;
}

h5dcp::Path path_of(const h5dcp::Value& value) {
  h5dcp::Path path;
  for (const auto& step : std::get<h5dcp::List>(value)) {
    const auto* key = std::get_if<std::string>(&step);
    path.push_back(key != nullptr ? h5dcp::PathItem(*key) : std::get<std::int64_t>(step));
  }
  return path;
}

template <class Enum>
h5dcp::Value number_of(Enum value) {
  return static_cast<std::int64_t>(value);
}

template <class Enum>
Enum enum_of(const h5dcp::Value& value) {
  return static_cast<Enum>(std::get<std::int64_t>(value));
}

h5dcp::List list_of(const h5dcp::TensorStorageMetadata& tensor) {
  h5dcp::List chunks;
  for (const auto& chunk : tensor.chunks) {
    chunks.push_back(h5dcp::List{list_of(chunk.offsets), list_of(chunk.sizes)});
  }
  return {"tensor", number_of(tensor.properties.dtype), list_of(tensor.size), std::move(chunks)};
}

h5dcp::TensorStorageMetadata tensor_of(const h5dcp::List& fields) {
  h5dcp::TensorStorageMetadata tensor;
  tensor.properties.dtype = enum_of<h5dcp::DType>(fields.at(1));
  tensor.size = extents_of(fields.at(2));
  for (const auto& chunk : std::get<h5dcp::List>(fields.at(3))) {
    const auto& box = std::get<h5dcp::List>(chunk);
    tensor.chunks.push_back({extents_of(box.at(0)), extents_of(box.at(1))});
  }
  return tensor;
}

h5dcp::List list_of(const h5dcp::BytesWriteData& value) {
  return {"value", number_of(value.kind), number_of(value.dtype), list_of(value.size),
          static_cast<std::int64_t>(value.nbytes)};
}

h5dcp::BytesWriteData value_of(const h5dcp::List& fields) {
  return {.kind = enum_of<h5dcp::EntryKind>(fields.at(1)),
          .dtype = enum_of<h5dcp::DType>(fields.at(2)),
          .size = extents_of(fields.at(3)),
          .nbytes = static_cast<std::uint64_t>(std::get<std::int64_t>(fields.at(4)))};
}

}  // namespace

Contents contents_of(const std::vector<h5dcp::SavePlan>& plans) {
  Contents contents{h5dcp::create_default_global_save_plan(plans).metadata, {}};
  for (const auto& plan : plans) {
    for (const auto& item : plan.items) {
      if (item.bytes_io_data) contents.values[item.index.fqn] = *item.bytes_io_data;
    }
  }
  return contents;
}

h5dcp::Bytes encode(const Contents& contents) {
  h5dcp::List entries{"contents"};  // no list of numbers alone: so it becomes JSON
  for (const auto& [fqn, entry] : contents.metadata.state_dict_metadata) {
    const auto* tensor = std::get_if<h5dcp::TensorStorageMetadata>(&entry);
    entries.push_back(
        h5dcp::List{fqn, list_of(contents.metadata.planner_data.at(fqn)),
                    tensor != nullptr ? list_of(*tensor) : list_of(contents.values.at(fqn))});
  }
  return h5dcp::encode_value(entries).bytes;
}

Contents decode_contents(const h5dcp::Bytes& bytes) {
  Contents contents;
  const auto decoded = h5dcp::decode_value(h5dcp::EntryKind::json, h5dcp::DType::uint8, {}, bytes);
  const auto& entries = std::get<h5dcp::List>(decoded);
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const auto& entry = std::get<h5dcp::List>(entries[i]);
    const auto& fqn = std::get<std::string>(entry.at(0));
    const auto& fields = std::get<h5dcp::List>(entry.at(2));
    contents.metadata.planner_data[fqn] = path_of(entry.at(1));
    if (std::get<std::string>(fields.at(0)) == "tensor") {
      contents.metadata.state_dict_metadata[fqn] = tensor_of(fields);
    } else {
      contents.values[fqn] = value_of(fields);
      contents.metadata.state_dict_metadata[fqn] =
          h5dcp::BytesStorageMetadata{contents.values[fqn].kind};
    }
  }
  return contents;
}

}  // namespace example
