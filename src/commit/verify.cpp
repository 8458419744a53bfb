// Every byte of a checkpoint against what was committed.

#include <utility>

#include "commit/verify_share.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

void CheckpointFile::verify(const std::function<void(const Damage&)>& tell,
                            const Progress& progress) const {
  constexpr std::uint64_t kBytesOfAStep = std::uint64_t{16} << 20;
  VerifyShare all(*impl_, 0, 1);
  for (bool left = true; left;) {
    left = all.next(kBytesOfAStep, tell);
    if (progress) progress(all.done_bytes(), all.total_bytes());
  }
  verify_rows(impl_->index, all.digests(), all.damaged_rows(), tell);
}

std::vector<Damage> verify_checkpoint(const std::string& path) {
  std::vector<Damage> found;
  try {
    CheckpointFile(path).verify([&found](const Damage& damage) { found.push_back(damage); });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    found.push_back(
        {.what = error.what(), .fqn = {}, .box = std::nullopt, .address = 0, .nbytes = 0});
  }
  return found;
}

std::string to_string(const Damage& damage) {
  std::string text = damage.what;
  if (damage.nbytes == 0) return text;  // it says all
  if (!damage.fqn.empty()) text += " of '" + damage.fqn + "'";
  if (damage.box) text += " " + to_string(*damage.box);
  text += " at " + std::to_string(damage.address);
  if (!damage.file.empty()) text += " of '" + damage.file + "'";
  return text + ": " + std::to_string(damage.nbytes) + " bytes do not match their checksum";
}

}  // namespace h5dcp
