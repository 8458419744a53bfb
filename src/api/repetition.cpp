#include "api/repetition.hpp"

#include <cstddef>
#include <cstdint>
#include <typeinfo>

namespace h5dcp {
namespace {

// What of a Ballot and a Tally means what.
constexpr std::size_t kBalance = 0;  // of the sums
constexpr std::size_t kChanged = 0;  // of the maxima
constexpr std::size_t kId = 1;
constexpr std::size_t kInverseId = 2;  // its maximum is the inverse of the least id

constexpr Ballot kCannot{.sums = {}, .maxima = {1, 0, 0}, .values = {}};

RepeatingWriter* repeating(StorageWriterBase& storage) {
  auto* parallel = dynamic_cast<ParallelStorageWriter*>(&storage);
  return parallel == nullptr ? nullptr : parallel->repeating();
}

}  // namespace

Ballot Repetition::propose(const Comm& comm, StorageWriterBase& storage, const SavePlanner& planner,
                           SavePlan& plan) {
  if (cache_ == nullptr || planner.needs_all_plans()) return kCannot;
  const auto plans_by = planner.plans_by();
  if (plans_by) writer_ = repeating(storage);
  if (writer_ == nullptr) return kCannot;
  context_ = {.rank = comm.rank(),
              .size = comm.size(),
              .coordinator = comm.coordinator(),
              .planner = typeid(planner).name(),
              .plans_by = *plans_by,
              .writer = typeid(storage).name() + (" " + writer_->layout_options()),
              .nodes = comm.nodes()};

  auto* cached = cache_->find(key_);
  if (cached == nullptr || cached->digest != plan_digest(plan, cached->rooms, context_)) {
    return kCannot;
  }
  for (std::size_t i = 0; i < plan.items.size(); ++i) plan.items[i].slices = cached->slices[i];
  const auto id = cached->layout->next_id();
  begun_ = true;
  writer_->begin_again(comm, *cached->layout);
  return {.sums = {replica_balance(plan)}, .maxima = {0, id, ~id}, .values = {}};
}

bool Repetition::agreed(const Tally& all, StorageWriterBase& storage, SavePlan& plan) noexcept {
  const bool same_save = all.maxima[kId] == ~all.maxima[kInverseId];
  if (all.maxima[kChanged] == 0 && same_save && all.sums[kBalance] == 0) return true;
  if (!begun_) return false;
  storage.abandon();
  for (auto& item : plan.items) item.slices.clear();
  return false;
}

void Repetition::learn_layout() {
  if (writer_ != nullptr) learnt_.layout = writer_->keep_layout();
}

void Repetition::learn_plan(const SavePlan& plan) {
  if (writer_ == nullptr) return;
  for (const auto& item : plan.items) {
    learnt_.rooms.push_back(item.bytes_io_data ? writer_->room_for(*item.bytes_io_data) : 0);
    learnt_.slices.push_back(item.slices);
  }
  learnt_.digest = plan_digest(plan, learnt_.rooms, context_);
}

void Repetition::keep() noexcept {
  if (writer_ == nullptr) return;
  try {
    cache_->put(key_, std::move(learnt_));
  } catch (...) {
    forget();  // no memory for it: the next save plans again
  }
}

void Repetition::forget() noexcept {
  if (cache_ != nullptr) cache_->forget(key_);
}

}  // namespace h5dcp
