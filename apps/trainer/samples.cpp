#include "samples.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <utility>

#include "h5dcp/error.hpp"

namespace trainer {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    throw h5dcp::Error(h5dcp::ErrorCode::io, "read '" + path + "': " + std::strerror(errno));
  }
  return text;
}

Samples::Samples(std::string text, std::int64_t bytes, std::int64_t seed)
    : text_(std::move(text)), bytes_(bytes), seed_(seed) {
  const auto count = (static_cast<std::int64_t>(text_.size()) - 1) / (bytes_ - 1);
  if (count < 1) {
    throw h5dcp::Error(h5dcp::ErrorCode::invalid_argument,
                       "a text of " + std::to_string(text_.size()) + " bytes has no sample of " +
                           std::to_string(bytes_));
  }
  order_.resize(static_cast<std::size_t>(count));
  shuffle(0);
}

std::string_view Samples::at(std::int64_t i) {
  const auto count = static_cast<std::int64_t>(order_.size());
  if (i / count != epoch_) shuffle(i / count);
  const auto first = order_[static_cast<std::size_t>(i % count)] * (bytes_ - 1);
  return std::string_view(text_).substr(static_cast<std::size_t>(first),
                                        static_cast<std::size_t>(bytes_));
}

void Samples::set_seed(std::int64_t seed) {
  seed_ = seed;
  shuffle(0);
}

void Samples::shuffle(std::int64_t epoch) {
  // By hand: std::shuffle may give another order with another standard library.
  std::seed_seq seeds{seed_, epoch};
  std::mt19937_64 random(seeds);
  std::iota(order_.begin(), order_.end(), 0);
  for (std::size_t left = order_.size(); left > 1; --left) {
    std::swap(order_[left - 1], order_[random() % left]);
  }
  epoch_ = epoch;
}

}  // namespace trainer
