#include "plan/proposals.hpp"

#include <cstddef>
#include <cstdint>
#include <variant>

#include "h5dcp/error.hpp"
#include "plan/no_piece.hpp"

namespace h5dcp {
namespace {

// "model" / "layers" / 0
std::string text_of(const Path& path) {
  std::string text;
  for (const auto& step : path) {
    if (!text.empty()) text += " / ";
    const auto* key = std::get_if<std::string>(&step);
    text += key != nullptr ? '"' + *key + '"' : std::to_string(std::get<std::int64_t>(step));
  }
  return text;
}

}  // namespace

void refuse_paths(const std::string& fqn, int rank, const Path& path, int other_rank,
                  const Path& other_path) {
  throw Error(ErrorCode::invalid_argument,
              "save '" + fqn + "': rank " + std::to_string(rank) + " has it at " + text_of(path) +
                  " of its state dict, rank " + std::to_string(other_rank) + " at " +
                  text_of(other_path) + ". Nest it alike on all ranks, or rename one of them");
}

void check_made(const WriteItem& item) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument, "save '" + item.index.fqn + "': planned " + why);
  };
  if (item.type == WriteItemType::byte_io) {
    if (!item.bytes_io_data) refuse("as a value without bytes_io_data");
    return;
  }
  if (!item.tensor_data) refuse("as a tensor without tensor_data");
  const auto& chunk = item.tensor_data->chunk;
  const auto& size = item.tensor_data->size;
  if (chunk == no_piece(size)) return;
  if (chunk.offsets.size() != size.size() || chunk.sizes.size() != size.size()) {
    refuse("as a box of offsets " + to_string(chunk.offsets) + " and sizes " +
           to_string(chunk.sizes) + " in " + to_string(size));
  }
}

std::map<std::string, Proposals> proposals_of(const std::vector<SavePlan>& plans) {
  std::map<std::string, Proposals> by_fqn;
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    for (std::size_t i = 0; i < plans[rank].items.size(); ++i) {
      const auto& item = plans[rank].items[i];
      check_made(item);
      auto [place, is_new] = by_fqn.try_emplace(item.index.fqn);
      auto& proposals = place->second;
      if (is_new) {
        proposals.fqn = item.index.fqn;
        proposals.path = item.path;
      } else if (item.path != proposals.path) {
        refuse_paths(proposals.fqn, proposals.holders.front().rank, proposals.path,
                     static_cast<int>(rank), item.path);
      }
      proposals.holders.push_back({static_cast<int>(rank), i, item.type,
                                   item.tensor_data.value_or(TensorWriteData{}),
                                   item.bytes_io_data.value_or(BytesWriteData{})});
    }
  }
  return by_fqn;
}

}  // namespace h5dcp
