// Entries of a checkpoint that are looked up mostly in the order of their names.

#pragma once

#include <iterator>
#include <string>

#include "h5dcp/metadata.hpp"

namespace h5dcp {

class EntryWalk {
 public:
  // `metadata` must outlive it.
  explicit EntryWalk(const Metadata& metadata)
      : entries_(metadata.state_dict_metadata), next_(entries_.begin()) {}

  // Null if there is none of that name. Soonest for the one behind the last that was found.
  const StorageMetadata* find(const std::string& fqn) {
    const auto found = next_ != entries_.end() && next_->first == fqn ? next_ : entries_.find(fqn);
    if (found == entries_.end()) return nullptr;
    next_ = std::next(found);
    return &found->second;
  }

 private:
  using Entries = decltype(Metadata::state_dict_metadata);
  const Entries& entries_;
  Entries::const_iterator next_;
};

}  // namespace h5dcp
