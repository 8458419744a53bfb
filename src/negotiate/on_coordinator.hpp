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

// Calls `decide` on the coordinator with the plans of all ranks, by rank, and returns on each rank
// what it answers for that rank. Collective. Throws Error{internal} on all ranks if the answer is
// not one plan a rank.
template <class Plan>
Plan on_coordinator(const Comm& comm, const Plan& plan,
                    const std::function<std::vector<Plan>(std::vector<Plan>)>& decide) {
  std::vector<Message> sent;
  comm.agree("plan", [&] { sent.push_back({comm.coordinator(), encode_plan(plan)}); });
  const auto received = comm.exchange("send plans to the coordinator", std::move(sent));
  std::vector<Message> answers;
  comm.agree("plan", [&] {
    if (!comm.is_coordinator()) return;
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
  answers = comm.exchange("send plans back", std::move(answers));
  return decode_plan<Plan>(answers.at(0).bytes);
}

}  // namespace h5dcp
