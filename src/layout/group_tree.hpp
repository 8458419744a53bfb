// The groups of the HDF5 file below /state, and what is in each: docs/format.md, "Names".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace h5dcp {

struct StoredName {
  std::string_view fqn;
  bool is_dataset = true;  // or a slot in `blobs`, which is in no group
};

class GroupTree {
 public:
  struct Member {
    std::uint64_t name = 0;  // see name_of()
    std::uint32_t name_bytes = 0;
    std::uint32_t group = 0;  // in which it is
    std::uint32_t child = 0;  // number of a group, or of what is stored
    bool is_group = false;
  };

  // As dataset_path() has it for each of them. They are ordered by FQN, and no two are equal.
  explicit GroupTree(std::span<const StoredName> stored);

  // The first is /state; every other one comes behind the group in which it is.
  std::size_t size() const { return first_.size() - 1; }

  // The datasets and groups in a group, ordered by name, byte by byte.
  std::span<const Member> members(std::size_t group) const {
    return std::span(members_).subspan(first_[group], first_[group + 1] - first_[group]);
  }
  std::string_view name_of(const Member& member) const {
    return std::string_view(names_).substr(member.name, member.name_bytes);
  }

 private:
  void find_members(std::span<const StoredName> stored);
  void add(std::uint32_t group, std::string_view component, std::size_t child, bool is_group);
  void add_self(std::uint32_t group, std::size_t number);
  std::uint32_t add_group(std::uint32_t parent, std::string_view component);
  void sort_members();

  std::string names_;
  std::vector<Member> members_;
  std::vector<std::size_t> first_;  // member of each group, and their number
  std::uint32_t groups_ = 1;
};

}  // namespace h5dcp
