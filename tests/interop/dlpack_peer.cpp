// What Python calls through ctypes: arrays into h5dcp and out again.

#include <h5dcp/dlpack.hpp>
#include <h5dcp/error.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace {

template <typename Managed, typename Export>
Managed* pass(Managed* array, char* message, std::size_t bytes, const Export& give) {
  std::string said;
  Managed* out = nullptr;
  try {
    const h5dcp::TensorView view = h5dcp::from_dlpack(array);
    out = give(view);
  } catch (const h5dcp::Error& error) {
    said = error.what();
  }
  said.resize(std::min(said.size(), bytes - 1));
  std::copy_n(said.c_str(), said.size() + 1, message);
  return out;
}

}  // namespace

// The array as h5dcp exports what it has imported; null and a message if it refuses the one or the
// other.
extern "C" DLManagedTensor* h5dcp_pass(DLManagedTensor* array, char* message, std::size_t bytes) {
  return pass(array, message, bytes, h5dcp::to_dlpack);
}
extern "C" DLManagedTensorVersioned* h5dcp_pass_versioned(DLManagedTensorVersioned* array,
                                                          char* message, std::size_t bytes) {
  return pass(array, message, bytes, h5dcp::to_dlpack_versioned);
}
