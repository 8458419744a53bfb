#include "storage/common_options.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "base/checksum.hpp"
#include "base/wire.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

std::string text_of(const Hints& hints) {
  std::string text;
  for (const auto& [name, value] : hints) {
    text += (text.empty() ? "" : ";");
    text += name;
    text += '=';
    text += value;
  }
  return text;
}

using NamedValues = std::vector<std::pair<std::string, std::string>>;

enum class In : std::uint8_t { load, save, repeated_save };

// The options that ranks must have alike; for a repeated save also those of which the coordinator's
// value counts. An option that is added does not compile before somebody decides here.
NamedValues named(const Hdf5Options& options, In in) {
  // Never among them:
  // - overwrite: the coordinator's of each save counts;
  // - piece_bytes: how much a rank moves at once is its own affair, and the file is the same;
  // - verify_collective_writes: each rank decides for what it writes.
  const auto& [transfer, overwrite, piece_bytes, filters, checksums, files, hints, alignment,
               striping, layout, verify_collective_writes] = options;
  NamedValues chosen;
  const auto add = [&](const char* name, std::string value) {
    chosen.emplace_back(std::string("Hdf5Options::") + name, std::move(value));
  };
  add("transfer", std::string(to_string(transfer)));
  // No other transfer has a use for them.
  if (transfer == Transfer::collective) add("hints", text_of(hints));
  if (in == In::load) return chosen;   // the file says the rest, and a rank may check what it reads
  add("filters", to_string(filters));  // by what they do: a level without a compression is none
  add("checksums", checksums ? "true" : "false");
  add("files", to_string(files));
  add("layout", std::string(to_string(layout)));
  if (in == In::save) return chosen;
  add("alignment", std::to_string(alignment));
  add("striping", std::to_string(striping.count) + " of " + std::to_string(striping.bytes));
  return chosen;
}

}  // namespace

CommonOptions::CommonOptions(const Comm& comm, const Hdf5Options& options, bool saves)
    : options_(named(options, saves ? In::save : In::load)) {
  if (options.transfer != Transfer::collective) return;
  options_.emplace_back("Options::hints", text_of(comm.options().hints));
}

std::array<std::uint64_t, 3> CommonOptions::maxima() const {
  WireWriter wire;
  for (const auto& [name, value] : options_) {
    wire.text(name);
    wire.text(value);
  }
  const Bytes bytes = wire.take();
  const auto digest = xxh3(bytes.data(), bytes.size());
  return {digest, ~digest, 0};
}

void CommonOptions::check(const Comm& comm, const std::string& step, const Tally& all) const {
  if (all.maxima[0] == ~all.maxima[1]) return;  // the greatest digest is the least
  WireWriter wire;
  for (const auto& [name, value] : options_) wire.text(value);
  const Bytes chosen =
      comm.broadcast(step, comm.is_coordinator() ? wire.take() : Bytes(), comm.coordinator());
  comm.agree(step, [&] {
    WireReader theirs(chosen);
    for (const auto& [name, value] : options_) {
      const auto their_value = theirs.text();
      if (their_value == value) continue;
      throw Error(
          ErrorCode::invalid_argument,
          fmt::format("{} is '{}', but on rank {} it is '{}': all ranks must choose the same", name,
                      value, comm.coordinator(), their_value));
    }
  });
}

std::string plan_options(const Hdf5Options& options) {
  std::string text;
  for (const auto& [name, value] : named(options, In::repeated_save)) {
    text += name;
    text += "='";
    text += value;
    text += "' ";
  }
  return text;
}

}  // namespace h5dcp
