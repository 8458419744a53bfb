// Whether all that was sent has arrived.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/comm.hpp"

namespace h5dcp {

// What one rank has sent and received in exchanges since the ranks agreed last. A receiver does not
// know who sends to it, so no rank alone can tell that a message is missing: all together can.
class Deliveries {
 public:
  void sent(std::string_view step, const std::vector<Message>& messages) {
    step_ = step;
    for (const auto& message : messages) sent_[message.rank] += weight(message);
  }
  void received(const std::vector<Message>& messages) {
    for (const auto& message : messages) received_ += weight(message);
  }

  // Adds up to 0 (modulo 2^64) over all ranks if all has arrived.
  std::uint64_t missing() const {
    std::uint64_t missing = 0 - received_;
    for (const auto& [to, weight] : sent_) missing += weight;
    return missing;
  }

  // The same for each of `size` ranks that should have received; this one is `rank`.
  std::vector<std::uint64_t> missing_by_rank(int rank, int size) const {
    std::vector<std::uint64_t> missing(static_cast<std::size_t>(size));
    for (const auto& [to, weight] : sent_) missing.at(static_cast<std::size_t>(to)) = weight;
    missing.at(static_cast<std::size_t>(rank)) -= received_;
    return missing;
  }

  const std::string& step() const { return step_; }  // of the last exchange

 private:
  // An empty message counts as well.
  static std::uint64_t weight(const Message& message) { return message.bytes.size() + 1; }

  std::string step_;
  std::map<int, std::uint64_t> sent_;  // to each rank
  std::uint64_t received_ = 0;
};

}  // namespace h5dcp
