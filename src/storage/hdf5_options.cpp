#include "storage/hdf5_options.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>

#include "h5dcp/error.hpp"
#include "hdf5/mpi_hints.hpp"
#include "layout/data_parts.hpp"
#include "layout/filters.hpp"
#include "layout/pages.hpp"

namespace h5dcp {
namespace {

constexpr std::array<std::string_view, 4> kTransfers{"direct", "collective", "aggregated",
                                                     "automatic"};
constexpr std::array<std::string_view, 2> kLayouts{"contiguous", "chunk_per_shard"};

void check_layout(const Hdf5Options& options) {
  if (options.layout == Layout::contiguous) return;
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::invalid_argument,
                "Hdf5Options::layout is '" + std::string(to_string(options.layout)) + "': " + why);
  };
  if (options.transfer == Transfer::collective) refuse("Transfer::collective knows no chunks");
  if (options.filters.any()) refuse("filters make chunks of their own");
  if (options.files.way != Files::Way::one) refuse("data files have contiguous parts");
}

void check_striping(const Striping& striping) {
  constexpr int kMostTargets = 2000;  // that Lustre has
  constexpr std::uint64_t kUnit = 65536;
  const auto refuse = [](const std::string& field, const std::string& is, const std::string& must) {
    throw Error(ErrorCode::invalid_argument,
                "Hdf5Options::striping." + field + " is " + is + ": it must be " + must);
  };
  if (striping.count < -1 || striping.count > kMostTargets) {
    refuse("count", std::to_string(striping.count), "between -1 and 2000");
  }
  if (striping.bytes % kUnit != 0 || striping.bytes >> 32U > 0) {
    refuse("bytes", std::to_string(striping.bytes), "a multiple of 65536 below 4 GiB");
  }
}

// What is at `path` and isn't to be replaced by a checkpoint; empty if there is no such thing. What
// cannot be looked at is none: opening it will tell why.
std::string obstacle_at(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return "a directory";  // or a link to one
  switch (std::filesystem::symlink_status(path, unknown).type()) {
    case std::filesystem::file_type::fifo:
      return "a pipe";
    case std::filesystem::file_type::socket:
      return "a socket";
    case std::filesystem::file_type::block:
    case std::filesystem::file_type::character:
      return "a device";
    case std::filesystem::file_type::unknown:
      return "no regular file";
    default:
      return "";
  }
}

}  // namespace

std::string_view to_string(Transfer transfer) {
  return kTransfers.at(static_cast<std::size_t>(transfer));
}

std::string_view to_string(Layout layout) {
  return kLayouts.at(static_cast<std::size_t>(layout));
}

std::optional<Transfer> transfer_named(std::string_view name) {
  const auto* found = std::ranges::find(kTransfers, name);
  if (found == kTransfers.end()) return std::nullopt;
  return Transfer{static_cast<std::uint8_t>(found - kTransfers.begin())};
}

void check_writer_options(const Hdf5Options& options) {
  check_options(options);
  check_layout(options);
  if (options.files.way == Files::Way::one) return;
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::invalid_argument,
                "Hdf5Options::files is '" + to_string(options.files) + "': " + why);
  };
  if (options.transfer == Transfer::collective) refuse("Transfer::collective makes one file");
  if (options.filters.any()) refuse("that takes tensors without filters");
}

void check_options(const Hdf5Options& options) {
  constexpr std::uint64_t kMostPieceBytes = std::uint64_t{1} << 30;  // MPI counts with 31 bits
  check_filters(options.filters);
  check_files(options.files);
  if (const auto fault = fault_of(options.hints); !fault.empty()) {
    throw Error(ErrorCode::invalid_argument, "Hdf5Options::hints: " + fault);
  }
  check_striping(options.striping);
  if (options.transfer == Transfer::collective && !options.checksums) {
    throw Error(ErrorCode::invalid_argument,
                "Hdf5Options::checksums is false: with Transfer::collective it must be true, as "
                "MPI-IO may move wrong bytes and report success; the other transfers take both");
  }
  if (options.alignment % kPage != 0) {
    throw Error(ErrorCode::invalid_argument, "Hdf5Options::alignment is " +
                                                 std::to_string(options.alignment) +
                                                 ": it must be a multiple of 4096");
  }
  if (options.piece_bytes >= 1 && options.piece_bytes <= kMostPieceBytes) return;
  throw Error(ErrorCode::invalid_argument, "Hdf5Options::piece_bytes is " +
                                               std::to_string(options.piece_bytes) +
                                               ": it must be between 1 and 1 GiB");
}

std::uint64_t piece_bytes(const Hdf5Options& options) {
  constexpr std::uint64_t kInCache = std::uint64_t{512} << 10;
  if (options.transfer == Transfer::collective) return options.piece_bytes;
  return std::min(options.piece_bytes, kInCache);
}

std::string why_no_checkpoint(const std::string& path) {
  if (path.empty()) return "it is empty";
  if (path.find('\0') != std::string::npos) return "it has a NUL character in it";
  if (path.find("://") != std::string::npos) return "it is a URL, not a path";
  const auto obstacle = obstacle_at(path);
  if (!obstacle.empty()) return "it is " + obstacle;
  return std::filesystem::path(path).has_filename() ? "" : "it names a directory";
}

void check_path(const std::string& verb, const std::string& path) {
  if (path.empty()) throw Error(ErrorCode::invalid_argument, verb + ": no checkpoint id is given");
  const auto why = why_no_checkpoint(path);
  if (!why.empty()) throw Error(ErrorCode::invalid_argument, verb + " '" + path + "': " + why);
}

}  // namespace h5dcp
