#include "memory_storage.hpp"

#include <h5dcp/error.hpp>
#include <h5dcp/value_codec.hpp>

#include <algorithm>
#include <cstddef>
#include <variant>

namespace example {
namespace {

// All elements of `view` side by side.
h5dcp::Bytes packed(const h5dcp::TensorView& view) {
  h5dcp::Bytes bytes(static_cast<std::size_t>(h5dcp::nbytes(view.dtype, view.sizes)));
  h5dcp::copy_elements(view, h5dcp::contiguous_view(bytes.data(), view.dtype, view.sizes));
  return bytes;
}

// What the planner gives for an item, if it is what it has planned.
h5dcp::Bytes bytes_of(const h5dcp::WriteItem& item, h5dcp::SavePlanner& planner) {
  auto data = planner.resolve_data(item);
  const auto* view = std::get_if<h5dcp::TensorView>(&data);
  const bool as_planned =
      item.tensor_data
          ? view != nullptr && view->dtype == item.tensor_data->properties.dtype &&
                view->sizes == item.tensor_data->chunk.sizes
          : view == nullptr && std::get<h5dcp::Bytes>(data).size() == item.bytes_io_data->nbytes;
  if (!as_planned) {
    throw h5dcp::Error(h5dcp::ErrorCode::invalid_argument,
                       "save '" + item.index.fqn + "': the planner's data are not as planned");
  }
  return view != nullptr ? packed(*view) : std::get<h5dcp::Bytes>(std::move(data));
}

}  // namespace

void MemoryWriter::reset(const std::optional<std::string>& checkpoint_id) {
  if (checkpoint_id) id_ = *checkpoint_id;
  placed_ = false;
  before_ = {};
}

std::vector<h5dcp::SavePlan> MemoryWriter::prepare_global_plan(std::vector<h5dcp::SavePlan> plans) {
  const auto contents = encode(contents_of(plans));
  for (auto& plan : plans) plan.storage_data = contents;
  return plans;
}

std::vector<h5dcp::WriteResult> MemoryWriter::write_data(const h5dcp::SavePlan& plan,
                                                         h5dcp::SavePlanner& planner) {
  std::vector<h5dcp::WriteResult> results;
  for (const auto& item : plan.items) {
    auto bytes = bytes_of(item, planner);
    const auto size = bytes.size();
    results.push_back({item.index, size, std::move(bytes)});
  }
  // Only the coordinator hears that all ranks have succeeded. But all hear of a failure.
  MemoryCheckpoint checkpoint{decode_contents(plan.storage_data), {}};
  before_ = store_.extract(id_);
  placed_ = true;
  store_.emplace(id_, std::move(checkpoint));
  return results;
}

void MemoryWriter::finish(const h5dcp::Metadata& metadata,
                          const std::vector<std::vector<h5dcp::WriteResult>>& /*results*/) {
  store_.at(id_).pieces = metadata.storage_data;  // h5dcp has put there what the results have
}

void MemoryWriter::abandon() noexcept {
  if (!placed_) return;
  store_.erase(id_);
  store_.insert(std::move(before_));
  placed_ = false;
}

void MemoryReader::reset(const std::optional<std::string>& checkpoint_id) {
  if (checkpoint_id) id_ = *checkpoint_id;
}

MemoryCheckpoint& MemoryReader::checkpoint() {
  const auto found = store_.find(id_);
  if (found == store_.end()) {
    throw h5dcp::Error(h5dcp::ErrorCode::not_found, "load from '" + id_ + "': there is none");
  }
  return found->second;
}

h5dcp::Metadata MemoryReader::read_metadata() {
  return checkpoint().contents.metadata;
}

h5dcp::Bytes MemoryReader::bytes_for(const h5dcp::ReadItem& item) {
  auto& [contents, pieces] = checkpoint();
  const auto& index = item.storage_index;
  const auto piece = pieces.find(index);
  if (piece == pieces.end()) {
    throw h5dcp::Error(
        h5dcp::ErrorCode::not_found,
        "load '" + index.fqn + "': only the rank that coordinated the save has it in memory");
  }
  if (item.type == h5dcp::LoadItemType::byte_io) return piece->second;
  const auto& tensor =
      std::get<h5dcp::TensorStorageMetadata>(contents.metadata.state_dict_metadata.at(index.fqn));
  const auto chunk = std::ranges::find(tensor.chunks, *index.offset, &h5dcp::Box::offsets);
  const auto stored =
      h5dcp::contiguous_view(piece->second.data(), tensor.properties.dtype, chunk->sizes);
  return packed(h5dcp::narrow(stored, {item.storage_offsets, item.lengths}));
}

std::vector<h5dcp::LoadPlan> MemoryReader::prepare_global_plan(std::vector<h5dcp::LoadPlan> plans) {
  for (auto& plan : plans) {
    for (const auto& item : plan.items) {
      const auto bytes = bytes_for(item);
      plan.storage_data.insert(plan.storage_data.end(), bytes.begin(), bytes.end());
    }
  }
  return plans;
}

void MemoryReader::read_data(const h5dcp::LoadPlan& plan, h5dcp::LoadPlanner& planner) {
  const auto& contents = checkpoint().contents;
  auto next = plan.storage_data.begin();
  const auto take = [&](std::uint64_t size) {
    const auto first = next;
    next += static_cast<std::ptrdiff_t>(size);
    return h5dcp::Bytes(first, next);
  };
  for (const auto& item : plan.items) {
    const auto& fqn = item.storage_index.fqn;
    if (item.type == h5dcp::LoadItemType::byte_io) {
      const auto& value = contents.values.at(fqn);
      const auto bytes = take(value.nbytes);
      planner.load_bytes(item, h5dcp::decode_value(value.kind, value.dtype, value.size, bytes));
      continue;
    }
    const auto dtype =
        std::get<h5dcp::TensorStorageMetadata>(contents.metadata.state_dict_metadata.at(fqn))
            .properties.dtype;
    auto bytes = take(static_cast<std::uint64_t>(h5dcp::nbytes(dtype, item.lengths)));
    const auto target = planner.resolve_tensor(item);
    h5dcp::copy_elements(h5dcp::contiguous_view(bytes.data(), dtype, item.lengths), target);
    planner.commit_tensor(item, target);
  }
}

h5dcp::StorageBackend memory_backend(MemoryStore& store) {
  const auto takes = [](const std::string& id) { return id.starts_with("memory:"); };
  return {
      .name = "memory",
      .validate_writer_id = takes,
      .validate_reader_id = takes,
      .make_writer = [&store](const auto& id) { return std::make_unique<MemoryWriter>(store, id); },
      .make_reader =
          [&store](const auto& id) { return std::make_unique<MemoryReader>(store, id); }};
}

}  // namespace example
