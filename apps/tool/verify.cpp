#include <cstdint>
#include <iostream>

#include "h5dcp/checkpoint_file.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {

int verify(const VerifyOptions& options) {
  const h5dcp::CheckpointFile file(options.file);
  std::uint64_t damages = 0;
  file.verify([&damages](const h5dcp::Damage& damage) {
    ++damages;
    std::cout << printable(h5dcp::to_string(damage)) << std::endl;  // at once: a file can be large
  });
  if (damages > 0) return kDamaged;
  const auto summary = file.summary();
  std::cout << printable(options.file) << ": ok, " << summary.entries << " entries, "
            << summary.file_bytes << " bytes\n";
  return kFine;
}

}  // namespace tool
