// Opens the checkpoint given, and does nothing else: interop_test.py counts what that takes.

#include <exception>
#include <iostream>

#include "h5dcp/checkpoint_file.hpp"

int main(int argc, char** argv) {
  try {
    const h5dcp::CheckpointFile file(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
