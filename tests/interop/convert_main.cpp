// Converts what convert_test.py asks for on stdin, request by request, to stdout.
//
// A request is a line "<from> <to> <count>" and the elements; the answer is a byte, 0 and the
// elements or 1 if the conversion is refused.

#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"
#include "h5dcp/tensor.hpp"

int main() {
  std::string from;
  std::string to;
  std::int64_t count = 0;
  while (std::cin >> from >> to >> count) {
    std::cin.ignore();  // the end of the line
    const auto source = h5dcp::allocate(h5dcp::dtype_named(from).value(), {count});
    const auto target = h5dcp::allocate(h5dcp::dtype_named(to).value(), {count});
    std::cin.read(static_cast<char*>(source.data), h5dcp::nbytes(source.dtype, source.sizes));
    try {
      h5dcp::copy_elements(source, target);
    } catch (const h5dcp::Error&) {
      std::cout.put(1);
      continue;
    }
    std::cout.put(0);
    std::cout.write(static_cast<const char*>(target.data),
                    h5dcp::nbytes(target.dtype, target.sizes));
  }
}
