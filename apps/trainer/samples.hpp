// The text cut into samples, and the order in which they are learnt.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trainer {

// The whole file. Throws h5dcp::Error{io}.
std::string read_text(const std::string& path);

// An endless sequence: epoch after epoch of all samples, each in an order of its own that follows
// from the seed and the number of the epoch.
class Samples {
 public:
  // A sample is `bytes` long and overlaps the next by one: the last byte is only predicted.
  //
  // Throws h5dcp::Error{invalid_argument} if the text is shorter than that.
  Samples(std::string text, std::int64_t bytes, std::int64_t seed);

  // The i-th of the sequence.
  std::string_view at(std::int64_t i);

  std::int64_t seed() const { return seed_; }
  void set_seed(std::int64_t seed);

 private:
  void shuffle(std::int64_t epoch);

  std::string text_;
  std::int64_t bytes_;
  std::int64_t seed_;
  std::int64_t epoch_ = 0;           // that `order_` is of
  std::vector<std::int64_t> order_;  // of the samples
};

}  // namespace trainer
