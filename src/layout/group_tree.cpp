#include "layout/group_tree.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "layout/dataset_name.hpp"

namespace h5dcp {
namespace {

// Whether other FQNs continue one with a dot.
enum class Continued : std::uint8_t { no, by_values, by_datasets };

std::vector<Continued> find_continued(std::span<const StoredName> stored) {
  std::vector<Continued> continued(stored.size(), Continued::no);
  std::vector<std::size_t> chain;  // the datasets with whose FQN number i begins
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto fqn = stored[i].fqn;
    while (!chain.empty() && !fqn.starts_with(stored[chain.back()].fqn)) chain.pop_back();
    for (const auto beginning : chain) {
      if (fqn[stored[beginning].fqn.size()] != '.') continue;
      const auto by = stored[i].is_dataset ? Continued::by_datasets : Continued::by_values;
      continued[beginning] = std::max(continued[beginning], by);
    }
    if (stored[i].is_dataset) chain.push_back(i);
  }
  return continued;
}

std::size_t common_bytes(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

GroupTree::GroupTree(std::span<const StoredName> stored) {
  members_.reserve(stored.size() + stored.size() / 4);
  find_members(stored);
  sort_members();
}

void GroupTree::add(std::uint32_t group, std::string_view component, std::size_t child,
                    bool is_group) {
  const auto name = names_.size();
  append_component(names_, component);
  members_.push_back({name, static_cast<std::uint32_t>(names_.size() - name), group,
                      static_cast<std::uint32_t>(child), is_group});
}

void GroupTree::add_self(std::uint32_t group, std::size_t number) {
  const auto name = names_.size();
  names_ += kSelf;
  members_.push_back({name, static_cast<std::uint32_t>(kSelf.size()), group,
                      static_cast<std::uint32_t>(number), false});
}

std::uint32_t GroupTree::add_group(std::uint32_t parent, std::string_view component) {
  add(parent, component, groups_, true);
  return groups_++;
}

// What begins with the same components follows each other in the order of FQNs, so a group that is
// left is left for good. Only its own "%self" comes before, and waits for it.
void GroupTree::find_members(std::span<const StoredName> stored) {
  struct Entered {
    std::size_t end = 0;  // of what its FQNs begin with, the last dot included
    std::uint32_t group = 0;
  };
  std::vector<Entered> entered{{}};
  std::unordered_map<std::string_view, std::size_t> waiting;
  const auto continued = find_continued(stored);
  std::string_view before;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (!stored[i].is_dataset) continue;
    const auto fqn = stored[i].fqn;
    const auto common = common_bytes(fqn, before);
    while (entered.back().end > common) entered.pop_back();
    before = fqn;
    while (true) {
      const auto [first, parent] = entered.back();
      const auto dot = fqn.find('.', first);
      if (dot == std::string_view::npos) break;
      const auto group = add_group(parent, fqn.substr(first, dot - first));
      entered.push_back({dot + 1, group});
      if (waiting.empty()) continue;
      const auto self = waiting.find(fqn.substr(0, dot));
      if (self == waiting.end()) continue;
      add_self(group, self->second);
      waiting.erase(self);
    }
    const auto [first, parent] = entered.back();
    const auto component = fqn.substr(first);
    switch (continued[i]) {
      case Continued::no:
        add(parent, component, i, false);
        break;
      case Continued::by_values:
        add_self(add_group(parent, component), i);
        break;
      case Continued::by_datasets:
        waiting.emplace(fqn, i);
        break;
    }
  }
}

void GroupTree::sort_members() {
  first_.assign(groups_ + 1U, 0);
  for (const auto& member : members_) first_[member.group + 1U] += 1;
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  auto next = first_;
  std::vector<Member> sorted(members_.size());
  for (const auto& member : members_) sorted[next[member.group]++] = member;
  members_ = std::move(sorted);

  const auto name = [this](const Member& member) { return name_of(member); };
  for (std::size_t g = 0; g < size(); ++g) {
    const auto group = std::span(members_).subspan(first_[g], first_[g + 1] - first_[g]);
    if (!std::ranges::is_sorted(group, {}, name)) std::ranges::sort(group, {}, name);
  }
}

}  // namespace h5dcp
