#include "rounds.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <system_error>
#include <utility>

#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "raw_file.hpp"
#include "way.hpp"

namespace tool::benchmark {
namespace {

namespace fs = std::filesystem;

// What one rank knows of its save or load.
struct Done {
  double worked = 0;          // seconds, of raw alone
  h5dcp::Report report = {};  // of the library alone
  bool repeated = false;
};

// The kernel keeps what is not on the disk yet, but whoever saved has called fsync.
void drop_from_page_cache(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT(*-vararg)
  if (fd < 0)
    throw std::system_error(errno, std::generic_category(), "open '" + file.string() + "'");
  const int error = ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
  if (error != 0) throw std::system_error(error, std::generic_category(), "posix_fadvise");
}

class Rounds {
 public:
  Rounds(const h5dcp::CommOptions& options, const Run& run, fs::path folder, RankState& state,
         std::uint64_t saved_bytes, std::mt19937_64& random)
      : options_(options),
        comm_(MPI_COMM_WORLD, options),
        run_(run),
        folder_(std::move(folder)),
        state_(state),
        saved_bytes_(saved_bytes),
        random_(random),
        loaded_bytes_(comm_.sum("what all hold", {state.held_bytes()}).front()) {
    for (const auto& name : run.way) ways_.push_back(way_named(name, run.profile));
    caches_.resize(ways_.size());
    order_.resize(ways_.size() + 1);
    std::iota(order_.begin(), order_.end(), 0);
  }

  std::vector<Measurement> make() {
    for (round_ = 0; round_ <= run_.repetitions; ++round_) {
      make_folders();
      state_.fill();
      shuffle();
      for (const auto i : order_) save(i);
      shuffle();
      for (const auto i : order_) load(i);
      if (round_ < run_.repetitions || !run_.keep) remove_files();
    }
    return std::move(measured_);
  }

 private:
  // Of the number i in order_: the last one is raw.
  bool is_raw(std::size_t i) const { return i == ways_.size(); }
  std::string name(std::size_t i) const { return is_raw(i) ? kRaw : ways_[i].name; }
  // Of all its files, so also of those that the library makes beside the one that is named.
  fs::path folder(std::size_t i) const { return folder_ / name(i); }
  std::string path(std::size_t i) const {
    return (folder(i) / (is_raw(i) ? "bytes" : "checkpoint.h5")).string();
  }
  app::RawFile raw() const { return {path(ways_.size()), comm_, run_.raw_files}; }

  // Alike on all ranks.
  void shuffle() {
    for (std::size_t i = order_.size(); i > 1; --i) {
      std::swap(order_[i - 1], order_[random_() % i]);
    }
  }

  void save(std::size_t i) {
    timed("save", i, saved_bytes_, [&]() -> Done {
      if (is_raw(i)) {
        return {.worked = raw().write(state_.buffer().first(state_.share_bytes()))};
      }
      h5dcp::Hdf5Writer writer(path(i), ways_[i].options);
      const auto result =
          h5dcp::save(state_.state(), {.storage_writer = &writer,
                                       .deadline = options_.deadline,
                                       .on_hang = options_.on_hang,
                                       .options = options_.options,
                                       .plan_cache = ways_[i].warm ? &caches_[i] : nullptr});
      return {.report = result.report, .repeated = result.repeated};
    });
  }

  void load(std::size_t i) {
    if (run_.cold) {
      comm_.agree("empty the page cache", [&] {
        for (const auto& file : fs::recursive_directory_iterator(folder(i))) {
          if (file.is_regular_file()) drop_from_page_cache(file);
        }
      });
    }
    state_.clear();
    timed("load", i, loaded_bytes_, [&]() -> Done {
      if (is_raw(i)) {
        return {.worked = raw().read(state_.buffer(), state_.share_bytes())};
      }
      h5dcp::Hdf5Reader reader(path(i), ways_[i].options);
      return {.report = h5dcp::load(state_.state(), {.storage_reader = &reader,
                                                     .deadline = options_.deadline,
                                                     .on_hang = options_.on_hang,
                                                     .options = options_.options})
                            .report};
    });
    // Raw puts nothing where it belongs unless every rank reads what it has written.
    if (run_.unverified || (is_raw(i) && saved_bytes_ != loaded_bytes_)) return;
    comm_.agree("verify what " + name(i) + " has loaded", [&] { state_.check(); });
  }

  void timed(const std::string& what, std::size_t i, std::uint64_t nbytes,
             const std::function<Done()>& work) {
    using Clock = std::chrono::steady_clock;
    comm_.agree("start together", [] {});
    const auto start = Clock::now();
    auto done = work();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const auto spreads = comm_.spread("seconds", {seconds, done.worked});
    if (round_ == 0) return;
    auto& phases = done.report.phases;
    const auto longest = std::ranges::max_element(phases, {}, &h5dcp::Phase::max_seconds);
    measured_.push_back(
        {.what = what,
         .way = name(i),
         .round = round_,
         .seconds = spreads[0].max,
         .slowest_rank = longest == phases.end() ? spreads[1].max_rank : longest->slowest_rank,
         .nbytes = nbytes,
         .phases = std::move(phases),
         .repeated = done.repeated});
  }

  void make_folders() {
    comm_.agree("make folders", [&] {
      if (comm_.rank() != 0) return;
      for (const auto i : order_) fs::create_directory(folder(i));
    });
  }

  void remove_files() {
    comm_.agree("remove files", [&] {
      if (comm_.rank() != 0) return;
      for (const auto i : order_) fs::remove_all(folder(i));
    });
  }

  h5dcp::CommOptions options_;
  h5dcp::Comm comm_;
  const Run& run_;
  fs::path folder_;
  RankState& state_;
  std::uint64_t saved_bytes_;
  std::mt19937_64& random_;
  std::uint64_t loaded_bytes_;
  std::vector<Way> ways_;
  std::vector<h5dcp::PlanCache> caches_;  // of each way
  std::vector<std::size_t> order_;
  std::int64_t round_ = 0;
  std::vector<Measurement> measured_;
};

}  // namespace

std::vector<Measurement> measure(const h5dcp::CommOptions& options, const Run& run,
                                 const fs::path& folder, RankState& state,
                                 std::uint64_t saved_bytes, std::mt19937_64& random) {
  return Rounds(options, run, folder, state, saved_bytes, random).make();
}

}  // namespace tool::benchmark
