// All that is wrong with the names of a state dict, so that one look at the message is enough.

#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp {

class Misfits {
 public:
  // Keeps the Error that leaves `work`, which is about one name.
  template <class Work>
  void attempt(const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      if (errors_.size() < kNamed) errors_.push_back(error);
      ++count_;
    }
  }

  // Throws what was kept, if anything: the only error as it is, or one with the code of the first
  // that says "<verb>: <count> <what>:" and lists them.
  void rethrow(const std::string& verb, const std::string& what) const {
    if (count_ == 0) return;
    if (count_ == 1) throw Error(errors_.front());
    auto text = fmt::format("{}: {} {}:", verb, count_, what);
    for (const auto& error : errors_) text += fmt::format("\n  {}", error.what());
    if (count_ > kNamed) text += fmt::format("\n  and {} more", count_ - kNamed);
    throw Error(errors_.front().code(), text);
  }

 private:
  static constexpr std::size_t kNamed = 8;

  std::vector<Error> errors_;  // the first kNamed
  std::size_t count_ = 0;
};

}  // namespace h5dcp
