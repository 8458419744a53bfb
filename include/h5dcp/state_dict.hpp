// What is saved: names to tensors and plain values, nested as the program has them.

#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/bytes.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {

class Stateful;
class Value;

using List = std::vector<Value>;

// Keys to values, in the order in which the keys were first set, as in Python. Keys are unique.
class Map {
 public:
  using Entry = std::pair<std::string, Value>;

  Map();
  Map(std::initializer_list<Entry> entries);
  Map(const Map&);
  Map(Map&&) noexcept;
  Map& operator=(Map) noexcept;
  ~Map();

  bool empty() const;
  std::size_t size() const;
  bool contains(std::string_view key) const;

  // The value of `key`, made null if there is none.
  Value& operator[](std::string_view key);
  // Throws Error{not_found} if there is none.
  Value& at(std::string_view key);
  const Value& at(std::string_view key) const;

  std::vector<Entry>::iterator begin();
  std::vector<Entry>::iterator end();
  std::vector<Entry>::const_iterator begin() const;
  std::vector<Entry>::const_iterator end() const;

  // The same keys with equal values, in whatever order. Tensors are equal if they are the same
  // memory seen alike.
  friend bool operator==(const Map& a, const Map& b);

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> places_;
};

// A leaf, a container of them, or an object that makes one: stateful.hpp. Tensors are views: a
// Value owns no tensor memory but what a keepalive holds.
class Value
    : public std::variant<std::monostate, bool, std::int64_t, double, std::complex<double>,
                          std::string, Bytes, List, Map, TensorView, ShardedTensor, Stateful*> {
 public:
  using variant::variant;
  Value(const char* text) : variant(std::string(text)) {}
  Value(int number) : variant(std::int64_t{number}) {}

  friend bool operator==(const Value& a, const Value& b);
};

using StateDict = Map;

}  // namespace h5dcp
