#include "files/new_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "files/lustre.hpp"
#include "files/removal.hpp"
#include "layout/pages.hpp"

namespace h5dcp {
namespace {

constexpr mode_t kOwnerBits = 0600;

// False if the file system does not make files so.
bool make_unopened(const std::string& path, mode_t mode) {
  int status = 0;
  do {
    status = ::mknod(path.c_str(), S_IFREG | mode, 0);
  } while (status != 0 && errno == EINTR);
  return status == 0;
}

std::string to_string(const Striping& striping) {
  return std::to_string(striping.bytes) + " bytes over " + std::to_string(striping.count) +
         " targets";
}

// Why the file has not the stripes that it should have; empty if it has.
std::string fault_of(const PosixFile& file, const Striping& wanted) {
  const auto found = lustre::striping_of(file.get());
  if (!found) return "nobody can tell which it has";
  const bool as_wanted = (wanted.bytes == 0 || wanted.bytes == found->bytes) &&
                         (wanted.count <= 0 || wanted.count == found->count);
  return as_wanted ? "" : "it has stripes of " + to_string(*found);
}

// The file of which `mode` are the most that anybody may do.
PosixFile make_striped(const std::string& path, const FilePlacement& placement, mode_t mode) {
  const auto refused = [&](const std::string& why) {
    if (placement.refused)
      placement.refused("'" + path + "' has not the stripes asked for: " + why);
  };
  if (!make_unopened(path, mode)) {
    const int error = errno;
    PosixFile file(path, PosixFile::Mode::create, mode);  // or tells what is really wrong
    refused("mknod: " + std::generic_category().message(error));
    return file;
  }
  auto made = Removal::of_new(path);
  const int error = lustre::set_striping(path, placement.striping);
  PosixFile file;
  try {
    file = PosixFile(path, PosixFile::Mode::read_write);
  } catch (...) {
    made.carry_out();
    throw;
  }
  if (error == EOPNOTSUPP) {
    refused("it is not on Lustre");
  } else if (error != 0) {
    refused(std::generic_category().message(error));
  } else if (const auto fault = fault_of(file, placement.striping); !fault.empty()) {
    refused(fault);
  }
  return file;
}

}  // namespace

PosixFile make_file(const std::string& path, const FilePlacement& placement) {
  const auto& access = placement.access;
  const mode_t mode = access ? kOwnerBits : placement.mode;
  auto file = placement.striping == Striping{} ? PosixFile(path, PosixFile::Mode::create, mode)
                                               : make_striped(path, placement, mode);
  if (access) give(*access, file.get(), kOwnerBits);
  return file;
}

std::uint64_t alignment_in(const PosixFile& file, const FilePlacement& placement) {
  if (placement.alignment > 0) return placement.alignment;
  const auto striping = lustre::striping_of(file.get());
  const auto alignment = striping ? striping->bytes : file.block_bytes();
  return alignment > 0 && alignment % kPage == 0 ? alignment : kPage;
}

}  // namespace h5dcp
