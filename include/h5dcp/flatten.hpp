// A nested state dict as a flat list of named leaves, and back.
//
// Maps are always descended; a list is if a tensor, a map or such a list is in it, else it is one
// leaf. The name of a leaf (its FQN) is its path joined with dots. Unlike in DCP, empty containers
// are leaves of their own, so that unflattening is exact.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/state_dict.hpp"

namespace h5dcp {

// A step down: the key of a map, or the position in a list.
using PathItem = std::variant<std::string, std::int64_t>;
using Path = std::vector<PathItem>;

struct Leaf {
  std::string fqn;
  Path path;
  Value* value;  // in the state dict that was flattened: it must outlive this and not be changed
};

// Leaves that are looked up by name: most quickly the same one again, the next or the first one.
class Leaves {
 public:
  Leaves() = default;
  explicit Leaves(std::vector<Leaf> leaves) : leaves_(std::move(leaves)) {}
  Leaves(const Leaves&) = delete;
  Leaves& operator=(const Leaves&) = delete;
  Leaves(Leaves&&) = default;
  Leaves& operator=(Leaves&&) = default;
  ~Leaves() = default;

  std::vector<Leaf>::const_iterator begin() const { return leaves_.begin(); }
  std::vector<Leaf>::const_iterator end() const { return leaves_.end(); }
  std::size_t size() const { return leaves_.size(); }

  // Null if none has that name.
  const Leaf* find(std::string_view fqn) const;

 private:
  std::vector<Leaf> leaves_;

  // What find() remembers.
  mutable std::size_t last_ = 0;  // the leaf that was found last
  mutable std::unordered_map<std::string_view, std::size_t> by_fqn_;  // once the next one is not it
};

// Every leaf, in the state dict's order.
//
// Throws Error{invalid_argument} if two paths give the same FQN, or an FQN is not UTF-8 or longer
// than kMaxFqnBytes; Error{unsupported} if lists and maps are nested more than 1000 deep.
std::vector<Leaf> flatten_state_dict(StateDict& state_dict);

// Each key at the top as one leaf, whatever it holds: what DCP has with flatten_state_dict=False.
// Throws as flatten_state_dict.
std::vector<Leaf> top_leaves(StateDict& state_dict);

// The inverse of both: a state dict with copies of the leaves' values (of tensors, the views).
StateDict unflatten_state_dict(const std::vector<Leaf>& leaves);

// Calls `visit` with each leaf that flatten_state_dict finds, in its order. Throws as that does.
void traverse_state_dict(StateDict& state_dict,
                         const std::function<void(const Path& path, Value& value)>& visit);

inline constexpr std::size_t kMaxFqnBytes = 4096;

// The value at `path`; null if there is none.
Value* get_element(StateDict& state_dict, const Path& path);

// Sets the leaf at `path`, making the maps and lists on the way; lists are padded with null.
//
// Throws Error{invalid_argument} if something else than the container needed is on the way.
void set_element(StateDict& state_dict, const Path& path, Value value);

// The path joined with dots.
std::string to_fqn(const Path& path);

// The path as bytes, given its FQN (whose bytes it does not repeat): empty if every dot of the FQN
// separates two keys; else one varint a component: its length in bytes * 2, + 1 if it is a list
// position. Part of the format.
std::string encode_path(const Path& path);

// The inverse. Throws Error{corrupt} if the bytes do not fit, or lead more than 1000 levels down.
Path decode_path(std::string_view fqn, std::string_view encoded);

}  // namespace h5dcp
