#include "hdf5/id.hpp"

namespace h5dcp::hdf5 {

void fail(const std::string& action) {
  std::string cause = "HDF5 gave no reason";
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned depth, const H5E_error2_t* entry, void* out) -> herr_t {
        if (depth == 0 && entry->desc != nullptr) *static_cast<std::string*>(out) = entry->desc;
        return 0;
      },
      &cause);
  H5Eclear2(H5E_DEFAULT);
  throw Error(ErrorCode::io, action + ": " + cause);
}

}  // namespace h5dcp::hdf5
