#include "tuning.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace tool::benchmark {
namespace {

constexpr double kWorthIt = 1.05;

bool is_collective(const std::string& way) {
  return way.starts_with("collective");
}

std::vector<std::string> with_each(const std::string& chosen,
                                   const std::vector<std::string>& words) {
  std::vector<std::string> ways;
  ways.reserve(words.size());
  for (const auto& word : words) ways.emplace_back(chosen).append("+").append(word);
  return ways;
}

std::vector<std::string> transfers(const std::string& /*chosen*/, const Surroundings& /*here*/) {
  return {"direct", "aggregated", "collective"};
}

// The default is 8 MiB, of which transfers but the collective one make 512 KiB.
std::vector<std::string> pieces(const std::string& chosen, const Surroundings& /*here*/) {
  if (is_collective(chosen)) return with_each(chosen, {"piece=1048576", "piece=33554432"});
  return with_each(chosen, {"piece=65536", "piece=262144"});
}

// One for each node, or 2, 4, 16, ... as long as each has a rank of its own.
std::vector<std::string> files(const std::string& chosen, const Surroundings& here) {
  if (is_collective(chosen) || here.ranks == 1) return {};
  std::vector<std::string> words{"per-node"};
  for (int count = 2; count <= here.ranks; count *= count == 2 ? 2 : 4) {
    words.push_back("files=" + std::to_string(count));
  }
  return with_each(chosen, words);
}

// Beside those of the folder.
std::vector<std::string> stripes(const std::string& chosen, const Surroundings& here) {
  if (!here.is_lustre) return {};
  return with_each(chosen, {"stripes=1", "stripes=4", "stripes=16", "all-stripes",
                            "all-stripes+stripe-bytes=16777216"});
}

}  // namespace

const std::array<Topic, 4> kTopics{
    {{"transfer", transfers}, {"piece_bytes", pieces}, {"files", files}, {"stripes", stripes}}};

double score_of(const std::vector<Measured>& workloads, const std::string& way) {
  double logarithms = 0;
  std::size_t count = 0;
  for (const auto& measured : workloads) {
    for (const auto& each : measured.summaries) {
      if (each.way != way) continue;
      logarithms += std::log(each.of_raw.median);
      ++count;
    }
  }
  return std::exp(logarithms / static_cast<double>(count));
}

std::string best_of(const std::vector<std::string>& ways, const std::vector<Measured>& workloads) {
  const auto score = [&](const std::string& way) { return score_of(workloads, way); };
  const auto best = std::ranges::max_element(ways, {}, score);
  return score(*best) > kWorthIt * score(ways.front()) ? *best : ways.front();
}

}  // namespace tool::benchmark
