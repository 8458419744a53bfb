#include "mpi_facts.hpp"

#include <fcntl.h>
#include <mpi.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string_view>

namespace tool {
namespace {

constexpr unsigned kPatienceSeconds = 30;  // for MPI to start, or not to

#ifdef OPEN_MPI
bool is_loaded(std::string_view library) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(library) != std::string::npos) return true;
  }
  return false;
}

// It has two, and loads what OMPIO is made of when that takes a file. Where they are not libraries
// of their own, nobody can tell.
std::string io_that_has_a_file() {
  return is_loaded("/mca_fs_") ? "OMPIO" : is_loaded("/mca_io_romio") ? "ROMIO" : "";
}
#else
std::string io_that_has_a_file() {
  return "ROMIO";  // MPICH has no other
}
#endif

// Which MPI-IO takes files in `folder`.
std::string io_of(const std::filesystem::path& folder) {
  const auto path = (folder / "mpi-io").string();
  MPI_File file = MPI_FILE_NULL;
  if (MPI_File_open(MPI_COMM_SELF, path.c_str(), MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL,
                    &file) != MPI_SUCCESS) {
    return "";
  }
  auto name = io_that_has_a_file();
  MPI_File_close(&file);
  return name;
}

}  // namespace

MpiFacts mpi_facts(const std::filesystem::path& folder) {
  MpiFacts facts;
  MPI_Query_thread(&facts.thread_level);
  facts.io = io_of(folder);
  return facts;
}

std::optional<MpiFacts> mpi_facts_of_another(const std::filesystem::path& folder) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kPatienceSeconds);
    const int nowhere = ::open("/dev/null", O_WRONLY);  // NOLINT(*-vararg)
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
    const auto facts = mpi_facts(folder);
    const auto text = std::to_string(facts.thread_level) + facts.io;
    const auto sent = ::write(ends[1], text.data(), text.size());
    MPI_Finalize();
    ::_exit(sent == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::array<char, 64> text{};
  const auto size = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  int status = 0;
  if (child > 0) ::waitpid(child, &status, 0);
  if (child < 0 || status != 0 || size < 1) return std::nullopt;
  return MpiFacts{text[0] - '0', {text.data() + 1, static_cast<std::size_t>(size - 1)}};
}

}  // namespace tool
