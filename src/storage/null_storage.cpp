#include "h5dcp/null_storage.hpp"

#include <array>
#include <cstddef>
#include <variant>

#include "base/whole_box.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {
namespace {

std::uint64_t bytes_of(const std::variant<TensorView, Bytes>& data) {
  if (const auto* bytes = std::get_if<Bytes>(&data)) return bytes->size();
  const auto& view = std::get<TensorView>(data);
  return static_cast<std::uint64_t>(nbytes(view.dtype, view.sizes));
}

void fill_with_zeros(const TensorView& view) {
  alignas(16) std::array<std::byte, 16> zero{};  // as large as any element
  copy_elements({zero.data(), view.dtype, view.sizes, zeros_like(view.sizes), nullptr}, view);
}

}  // namespace

void NullWriter::reset(const std::optional<std::string>& checkpoint_id) {
  if (checkpoint_id) meta_.checkpoint_id = *checkpoint_id;
}

std::vector<std::vector<StorageData>> NullWriter::prepare_global_plan(
    const Comm& /*comm*/, const std::vector<PlannedEntry>& share) {
  std::vector<std::vector<StorageData>> places;
  places.reserve(share.size());
  for (const auto& entry : share) places.emplace_back(entry.chunks.size());
  return places;
}

std::vector<WriteResult> NullWriter::write_data(const Comm& comm, const SavePlan& plan,
                                                SavePlanner& planner) {
  std::vector<WriteResult> results;
  comm.agree("resolve data", [&] {
    for (const auto& item : plan.items) {
      if (!item.slices.empty()) {
        results.push_back({item.index, bytes_of(planner.resolve_data(item))});
      }
    }
  });
  return results;
}

void NullReader::reset(const std::optional<std::string>& checkpoint_id) {
  if (checkpoint_id) metadata_.storage_meta.checkpoint_id = *checkpoint_id;
}

void NullReader::read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) {
  comm.agree("fill with zeros", [&] {
    for (const auto& item : plan.items) {
      if (item.type == LoadItemType::byte_io) {
        planner.load_bytes(item, Value());
        continue;
      }
      const auto view = planner.resolve_tensor(item);
      fill_with_zeros(view);
      planner.commit_tensor(item, view);
    }
  });
}

}  // namespace h5dcp
