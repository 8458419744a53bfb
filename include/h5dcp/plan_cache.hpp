// What save() remembers from one save to the next, so that it need not plan again.

#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace h5dcp {

struct CachedPlan;

// One plan a key, with what the storage kept of its layout. Give it to save() as
// SaveArguments::plan_cache, on every rank one. A save whose plan is what it was then negotiates
// nothing; if it is not, on any rank, all plan again, so a cache never makes a save wrong. Only the
// values' bytes and the elements may differ: a name, order, dtype, size, box, the ranks or nodes,
// an option of planner or writer, another writer, a value that has outgrown its place: a new plan.
//
// A rank keeps the places of what it writes; with HDF5, the coordinator also all bytes of the file
// that are not data: some 700 bytes a tensor. A failed save forgets the plan of its key.
//
// Rank-local, and for one save at a time.
class PlanCache {
 public:
  PlanCache();
  PlanCache(PlanCache&&) noexcept;
  PlanCache& operator=(PlanCache&&) noexcept;
  ~PlanCache();

  std::size_t size() const { return plans_.size(); }  // keys that have a plan
  void clear();  // the next save of each key plans again, on all ranks

  // For save().
  CachedPlan* find(const std::string& key);
  void put(const std::string& key, CachedPlan plan);
  void forget(const std::string& key) noexcept;

 private:
  std::map<std::string, std::unique_ptr<CachedPlan>> plans_;
};

}  // namespace h5dcp
