#include "h5dcp/plan_cache.hpp"

#include <utility>

#include "api/cached_plan.hpp"

namespace h5dcp {

PlanCache::PlanCache() = default;
PlanCache::PlanCache(PlanCache&&) noexcept = default;
PlanCache& PlanCache::operator=(PlanCache&&) noexcept = default;
PlanCache::~PlanCache() = default;

void PlanCache::clear() {
  plans_.clear();
}

CachedPlan* PlanCache::find(const std::string& key) {
  const auto found = plans_.find(key);
  return found == plans_.end() ? nullptr : found->second.get();
}

void PlanCache::put(const std::string& key, CachedPlan plan) {
  plans_[key] = std::make_unique<CachedPlan>(std::move(plan));
}

void PlanCache::forget(const std::string& key) noexcept {
  plans_.erase(key);
}

}  // namespace h5dcp
