#include "storage/new_file.hpp"

#include "storage/lustre.hpp"
#include "storage/skeleton_objects.hpp"

namespace h5dcp {

std::uint64_t alignment_in(const PosixFile& file, const FilePlacement& placement) {
  if (placement.alignment > 0) return placement.alignment;
  const auto stripe = lustre::stripe_bytes(file.get());
  const auto alignment = stripe ? *stripe : file.block_bytes();
  return alignment > 0 && alignment % kPage == 0 ? alignment : kPage;
}

}  // namespace h5dcp
