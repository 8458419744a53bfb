#include "h5dcp/verify.hpp"

#include <cstdint>
#include <iostream>
#include <string>

#include "h5dcp/checkpoint_file.hpp"
#include "progress.hpp"
#include "ranks.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

void tell(ProgressLine& line, const std::string& who, const h5dcp::Damage& damage) {
  line.hide();
  std::cout << who << printable(h5dcp::to_string(damage)) << std::endl;  // files can be large
}

void tell_all_is_well(const h5dcp::CheckpointFile& file, const std::string& by) {
  const auto summary = file.summary();
  std::cout << printable(file.path()) << ": ok, " << summary.entries << " entries, "
            << summary.file_bytes << " bytes" << by;
  if (!summary.checksums) std::cout << "; tensors without filters have no checksums";
  std::cout << '\n';
}

int verify_alone(const std::string& path) {
  const h5dcp::CheckpointFile file(path);
  std::uint64_t damages = 0;
  ProgressLine line("verify");
  const auto found = [&](const h5dcp::Damage& damage) {
    ++damages;
    tell(line, "", damage);
  };
  file.verify(found, [&](std::uint64_t done, std::uint64_t total) { line.show(done, total); });
  line.hide();
  if (damages > 0) return kDamaged;
  tell_all_is_well(file, "");
  return kFine;
}

int verify_together(const h5dcp::Comm& comm, const std::string& path) {
  ProgressLine line("verify");
  h5dcp::VerifyArguments arguments;
  arguments.tell = [&](int rank, const h5dcp::Damage& damage) {
    tell(line, "rank " + std::to_string(rank) + ": ", damage);
  };
  arguments.progress = [&](std::uint64_t done, std::uint64_t total) { line.show(done, total); };
  const auto damages = h5dcp::verify_checkpoint(comm, path, arguments);
  line.hide();
  if (damages > 0) return kDamaged;
  comm.agree("open '" + path + "'", [&] {
    if (comm.rank() != 0) return;
    tell_all_is_well(h5dcp::CheckpointFile(path), ", by " + std::to_string(comm.size()) + " ranks");
  });
  return kFine;
}

}  // namespace

int verify(const VerifyOptions& options) {
  if (!is_launched()) return verify_alone(options.file);
  return run_on_ranks([&](const h5dcp::Comm& comm) { return verify_together(comm, options.file); },
                      kDamaged);
}

}  // namespace tool
