#include "storage/hdf5_options.hpp"

#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {

void check_options(const Hdf5Options& options) {
  constexpr std::uint64_t kMostPieceBytes = std::uint64_t{1} << 30;  // MPI counts with 31 bits
  if (options.piece_bytes >= 1 && options.piece_bytes <= kMostPieceBytes) return;
  throw Error(ErrorCode::invalid_argument, "Hdf5Options::piece_bytes is " +
                                               std::to_string(options.piece_bytes) +
                                               ": it must be between 1 and 1 GiB");
}

}  // namespace h5dcp
