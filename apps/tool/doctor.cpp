#include <hdf5.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "collective_reads.hpp"
#include "file_system.hpp"
#include "h5dcp/error.hpp"
#include "known_bad.hpp"
#include "mpi_facts.hpp"
#include "ranks.hpp"
#include "shared_scratch.hpp"
#include "text.hpp"
#include "verbs.hpp"
#include "version.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

// The folder in which a checkpoint of that name would be.
fs::path folder_of(const std::string& path) {
  fs::path given(path);
  if (fs::is_directory(given)) return given;
  return given.has_parent_path() ? given.parent_path() : fs::path(".");
}

std::string text_of(const Version& version) {
  return std::to_string(version[0]) + "." + std::to_string(version[1]) + "." +
         std::to_string(version[2]);
}

std::string gigabytes(std::uint64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / 1e9;
  return text.str();
}

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int size = 0;
  MPI_Get_library_version(text.data(), &size);
  const std::string all(text.data());
  return all.substr(0, all.find_first_of(",\n"));  // the rest is how it was built
}

std::string thread_level(int level) {
  switch (level) {
    case MPI_THREAD_SINGLE:
      return "MPI_THREAD_SINGLE";
    case MPI_THREAD_FUNNELED:
      return "MPI_THREAD_FUNNELED";
    case MPI_THREAD_SERIALIZED:
      return "MPI_THREAD_SERIALIZED";
    default:
      return "MPI_THREAD_MULTIPLE";
  }
}

// A doctor's visit: facts are gathered, and findings as they come.
class Visit {
 public:
  void versions() {
    facts_.hdf5_headers = {H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE};
    auto& loaded = facts_.hdf5_library;
    H5get_libversion(loaded.data(), &loaded[1], &loaded[2]);
#ifndef H5_HAVE_PARALLEL
    facts_.hdf5_is_parallel = false;
#endif
    MPI_Get_version(&facts_.mpi_version, &facts_.mpi_subversion);
    ok("h5dcp", kVersion);
    ok("HDF5", text_of(loaded) + ", headers " + text_of(facts_.hdf5_headers) +
                   (facts_.hdf5_is_parallel ? ", parallel" : ", serial"));
    ok("MPI", mpi_library() + ", MPI-" + std::to_string(facts_.mpi_version) + "." +
                  std::to_string(facts_.mpi_subversion));
  }

  void mpi(const std::optional<MpiFacts>& mpi) {
    if (!mpi) return add({Grade::note, "MPI", "does not start without a launcher"});
    facts_.mpi_io = mpi->io;
    ok("threads", thread_level(mpi->thread_level));
    ok("MPI-IO", mpi->io.empty() ? "unknown" : mpi->io);
  }

  void file_system(const fs::path& folder) {
    const auto found = file_system_of(folder);
    facts_.file_system = found.type;
    facts_.mount_options = found.options;
    ok("file system", found.type + " (" + found.source + ") at " + found.mount + ", " +
                          gigabytes(found.free_bytes) + " of " + gigabytes(found.total_bytes) +
                          " GB free");
  }

  // What each rank said of the file that rank 0 wrote: its host, and "" or what is wrong.
  void ranks(const std::vector<std::pair<std::string, std::string>>& said) {
    std::set<std::string> hosts;
    bool all_see = true;
    for (std::size_t rank = 0; rank < said.size(); ++rank) {
      hosts.insert(said[rank].first);
      if (said[rank].second.empty()) continue;
      all_see = false;
      add({Grade::bad, "ranks",
           "rank " + std::to_string(rank) + " on " + said[rank].first +
               " does not see the file that rank 0 wrote: " + said[rank].second});
    }
    facts_.hosts = static_cast<int>(hosts.size());
    if (!all_see) return;
    ok("ranks", std::to_string(said.size()) + " on " + std::to_string(hosts.size()) +
                    (hosts.size() == 1 ? " host" : " hosts") + " see the same file");
  }

  // No value if there were too few ranks to try.
  void collective_reads(const CollectiveReads& reads) {
    const std::string about = "MPI-IO reads";
    if (reads.done == 0) {
      return add({Grade::note, about,
                  "not tried: that takes " + std::to_string(kRanksForReads) + " ranks that see " +
                      "the same file"});
    }
    if (reads.wrong == 0) {
      return ok(about, std::to_string(reads.done) + " collective ones returned the right bytes");
    }
    add({Grade::note, about,
         std::to_string(reads.wrong) + " of " + std::to_string(reads.done) +
             " collective ones returned wrong bytes and no error; Transfer::collective finds that "
             "out and reads again, other programs may not"});
  }

  void add(Finding finding) {
    findings_.push_back(std::move(finding));
  }
  void ok(std::string about, std::string text) {
    add({Grade::ok, std::move(about), std::move(text)});
  }

  // Prints all; returns the exit status.
  int conclude() {
    for (auto& finding : known_bad(facts_)) add(std::move(finding));
    std::map<Grade, int> count;
    Table table("lll");
    for (const auto& finding : findings_) {
      constexpr std::array kNames{"ok", "note", "BAD"};
      ++count[finding.grade];
      table.add({kNames.at(static_cast<std::size_t>(finding.grade)), finding.about,
                 printable(finding.text)});
    }
    table.print();
    std::cout << '\n' << count[Grade::bad] << " bad, " << count[Grade::note] << " to note\n";
    return count[Grade::bad] > 0 ? kDamaged : kFine;
  }

 private:
  Facts facts_;
  std::vector<Finding> findings_;
};

void probe_into(Visit& visit, const fs::path& folder) {
  visit.file_system(folder);
  for (auto& finding : probe(folder)) visit.add(std::move(finding));
}

int visit_alone(const fs::path& folder) {
  Visit visit;
  visit.versions();
  const Scratch scratch(folder, "doctor");
  visit.mpi(mpi_facts_of_another(scratch.path()));
  probe_into(visit, scratch.path());
  return visit.conclude();
}

constexpr const char* kToken = "token";

std::string read_token(const fs::path& folder, const std::string& expected) {
  std::ifstream file(folder / kToken);
  if (!file) return "it is not there";
  const std::string found{std::istreambuf_iterator<char>(file), {}};
  return found == expected ? "" : "it holds something else";
}

// Every rank's answer, on rank 0: see Visit::ranks.
std::vector<std::pair<std::string, std::string>> ask_all(const h5dcp::Comm& comm,
                                                         const fs::path& folder) {
  std::string token;
  comm.agree("write a file for all ranks", [&] {
    if (comm.rank() != 0) return;
    token = std::to_string(std::random_device()()) + std::to_string(std::random_device()());
    std::ofstream file(folder / kToken);
    if (!(file << token).flush()) {
      throw h5dcp::Error(h5dcp::ErrorCode::io, "'" + folder.string() + "' cannot be written");
    }
  });
  const auto shared = comm.broadcast("what is in the file", bytes_of(token), 0);
  const auto wrong = read_token(folder, {shared.begin(), shared.end()});
  const auto answers = comm.exchange("what ranks see", {{0, bytes_of(host_name() + '\n' + wrong)}});
  std::vector<std::pair<std::string, std::string>> said;
  for (const auto& answer : answers) {
    const std::string text(answer.bytes.begin(), answer.bytes.end());
    const auto end = text.find('\n');
    said.emplace_back(text.substr(0, end), text.substr(end + 1));
  }
  return said;
}

// Returns what is wrong on some rank; empty if nothing is wrong.
std::string said_wrong(const std::vector<std::pair<std::string, std::string>>& said) {
  std::string all;
  for (const auto& [host, wrong] : said) all += wrong;
  return all;
}

int visit_together(const h5dcp::Comm& comm, const fs::path& folder) {
  const SharedScratch scratch(comm, folder, "doctor");
  const auto said = ask_all(comm, scratch.path());
  const auto unseen = comm.broadcast("who sees the file", bytes_of(said_wrong(said)), 0);
  CollectiveReads reads;
  if (comm.size() >= kRanksForReads && unseen.empty()) {
    reads = try_collective_reads(comm, scratch.path());
  }
  int status = kFine;
  comm.agree("doctor", [&] {
    if (comm.rank() != 0) return;
    Visit visit;
    visit.versions();
    visit.mpi(mpi_facts(scratch.path()));
    probe_into(visit, scratch.path());
    visit.ranks(said);
    visit.collective_reads(reads);
    status = visit.conclude();
  });
  const auto worst = comm.max("the exit status", {static_cast<std::uint64_t>(status)});
  return static_cast<int>(worst[0]);
}

}  // namespace

int doctor(const DoctorOptions& options) {
  const auto folder = folder_of(options.path);
  if (!is_launched()) return visit_alone(folder);
  return run_on_ranks([&](const h5dcp::Comm& comm) { return visit_together(comm, folder); },
                      kDamaged);
}

}  // namespace tool
