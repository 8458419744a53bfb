#include "transfer/any_on_node.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace h5dcp {

std::vector<bool> any_on_node(NodeSession& session, const std::vector<bool>& mine) {
  auto any = mine;
  const auto& memory = session.memory();
  auto* const room = reinterpret_cast<std::uint8_t*>(memory.room());
  if (memory.rank() == 0) std::fill_n(room, mine.size(), std::uint8_t{0});
  if (!session.sync(0)) return any;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    if (mine[i]) std::atomic_ref(room[i]).store(1, std::memory_order_relaxed);
  }
  if (!session.sync(0)) return any;
  for (std::size_t i = 0; i < mine.size(); ++i) any[i] = room[i] != 0;
  session.sync(0);  // nobody uses the room for something else before
  return any;
}

}  // namespace h5dcp
