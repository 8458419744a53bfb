#include "way.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string_view>

#include "h5dcp/error.hpp"
#include "h5dcp/profile.hpp"
#include "verbs.hpp"

namespace tool::benchmark {
namespace {

struct Word {
  std::string_view name;
  bool has_number;
  void (*set)(Way& way, std::uint64_t number);
};

void compress(Way& way, h5dcp::Compression compression, std::uint64_t level) {
  way.options.filters.compression = compression;
  way.options.filters.level = static_cast<int>(std::min<std::uint64_t>(level, 1000));
}

void take_profile(Way& way) {
  if (way.profile.empty()) throw UsageError("way '" + way.name + "': no --profile names a file");
  way.options = h5dcp::options_from_profile(way.profile);
}

// A line for each option of the library.
constexpr std::array kWords{
    Word{"direct", false, [](Way& way, auto) { way.options.transfer = h5dcp::Transfer::direct; }},
    Word{"collective", false,
         [](Way& way, auto) { way.options.transfer = h5dcp::Transfer::collective; }},
    Word{"aggregated", false,
         [](Way& way, auto) { way.options.transfer = h5dcp::Transfer::aggregated; }},
    Word{"automatic", false,
         [](Way& way, auto) { way.options.transfer = h5dcp::Transfer::automatic; }},
    Word{"warm", false, [](Way& way, auto) { way.warm = true; }},
    Word{"piece", true, [](Way& way, auto bytes) { way.options.piece_bytes = bytes; }},
    Word{"files", true,
         [](Way& way, auto count) {
           const auto files = std::min<std::uint64_t>(count, 1'000'000);  // too many are refused
           way.options.files = h5dcp::Files::number(static_cast<int>(files));
         }},
    Word{"per-node", false, [](Way& way, auto) { way.options.files = h5dcp::Files::per_node(); }},
    Word{"chunks", false,
         [](Way& way, auto) { way.options.layout = h5dcp::Layout::chunk_per_shard; }},
    Word{"alignment", true, [](Way& way, auto bytes) { way.options.alignment = bytes; }},
    Word{"stripes", true,
         [](Way& way, auto count) {
           const auto targets = std::min<std::uint64_t>(count, 1'000'000);  // too many are refused
           way.options.striping.count = static_cast<int>(targets);
         }},
    Word{"all-stripes", false, [](Way& way, auto) { way.options.striping.count = -1; }},
    Word{"stripe-bytes", true, [](Way& way, auto bytes) { way.options.striping.bytes = bytes; }},
    Word{"shuffle", false, [](Way& way, auto) { way.options.filters.shuffle = true; }},
    Word{"deflate", true,
         [](Way& way, auto level) { compress(way, h5dcp::Compression::deflate, level); }},
    Word{"zstd", true,
         [](Way& way, auto level) { compress(way, h5dcp::Compression::zstd, level); }},
    Word{"profile", false, [](Way& way, auto) { take_profile(way); }},
};

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return number;
}

void set_word(Way& way, const std::string& text) {
  const auto equals = text.find('=');
  const auto* const word = std::ranges::find(kWords, text.substr(0, equals), &Word::name);
  if (word == kWords.end()) {
    throw UsageError("way '" + way.name + "': no word '" + text + "'; there are " + way_words());
  }
  if (word->has_number != (equals != text.npos)) {
    throw UsageError("way '" + way.name + "': '" + std::string(word->name) +
                     (word->has_number ? "' needs a number" : "' has no number"));
  }
  const auto number = word->has_number ? number_in(text.substr(equals + 1)) : 0;
  if (!number) throw UsageError("way '" + way.name + "': '" + text + "' has no number");
  word->set(way, *number);
}

}  // namespace

Way way_named(const std::string& name, const std::string& profile) {
  Way way{.name = name, .profile = profile};
  std::istringstream words(name + '+');
  try {
    for (std::string word; std::getline(words, word, '+');) set_word(way, word);
    const h5dcp::Hdf5Writer refuses_what_is_out_of_range("unused.h5", way.options);
  } catch (const h5dcp::Error& error) {
    throw UsageError("way '" + name + "': " + error.what());
  }
  return way;
}

std::string way_words() {
  std::string all;
  for (const auto& word : kWords) {
    all += (all.empty() ? "" : ", ") + std::string(word.name) + (word.has_number ? "=N" : "");
  }
  return all;
}

}  // namespace tool::benchmark
