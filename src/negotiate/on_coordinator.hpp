// What one rank decides for all from all their plans: DCP's way.

#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"
#include "negotiate/plan_wire.hpp"

namespace h5dcp {

// Throws Error{internal} unless the coordinator has one message of each rank: what it decides, it
// decides before all agree that no message is missing.
inline void check_all_are_here(const Comm& comm, const std::vector<Message>& received) {
  if (received.size() == static_cast<std::size_t>(comm.size())) return;
  throw Error(ErrorCode::internal, "messages of " + std::to_string(received.size()) + " ranks of " +
                                       std::to_string(comm.size()) + " have arrived");
}

// Calls `decide` on the coordinator with the plans of all ranks, by rank, and returns on each rank
// what it answers for that rank, encoded, as a list of one. Decode it by decoded_answer() in the
// next agreement. Collective. Throws CheckpointException{internal} on all ranks if the answer is
// not one plan a rank.
template <class Plan>
std::vector<Message> on_coordinator(
    const Comm& comm, const Plan& plan,
    const std::function<std::vector<Plan>(std::vector<Plan>)>& decide) {
  std::vector<Message> sent;
  comm.agree("plan", [&] { sent.push_back({comm.coordinator(), encode_plan(plan)}); });
  const auto received = comm.exchange("send plans to the coordinator", std::move(sent));
  std::vector<Message> answers;
  comm.agree("plan", [&] {
    if (!comm.is_coordinator()) return;
    check_all_are_here(comm, received);
    std::vector<Plan> plans;
    plans.reserve(received.size());
    for (const auto& message : received) plans.push_back(decode_plan<Plan>(message.bytes));
    plans = decide(std::move(plans));
    if (plans.size() != received.size()) {
      throw Error(ErrorCode::internal, "create_global_plan or prepare_global_plan made " +
                                           std::to_string(plans.size()) + " plans for " +
                                           std::to_string(received.size()) + " ranks");
    }
    answers.reserve(plans.size());
    for (std::size_t i = 0; i < plans.size(); ++i) {
      answers.push_back({received[i].rank, encode_plan(plans[i])});
    }
  });
  return comm.exchange("send plans back", std::move(answers));
}

// What on_coordinator() has returned. Throws std::out_of_range if that got lost.
template <class Plan>
Plan decoded_answer(const std::vector<Message>& answers) {
  return decode_plan<Plan>(answers.at(0).bytes);
}

}  // namespace h5dcp
