// How many elements the lists have that the paths of leaves lead through.

#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "h5dcp/flatten.hpp"

namespace h5dcp {

// A list that is made from the paths of its leaves has an element for each position up to the
// largest one, whether or not something is there.
class ListElements {
 public:
  void add(const Path& path);

  // The sum over all lists; the largest number there is if it is more than that.
  std::uint64_t count() const;

 private:
  // The beginnings of paths, numbered; 0 is the empty one. A beginning is another one and an item.
  std::map<std::pair<std::size_t, PathItem>, std::size_t> beginnings_;
  std::vector<std::uint64_t> elements_{0};  // of the list to which beginning i leads
};

}  // namespace h5dcp
