// h5dcp: looks into checkpoints. docs/tool.md

#include <exception>
#include <iostream>
#include <string>

#include "command_line.hpp"
#include "text.hpp"

namespace tool {
namespace {

int run(const CommandLine& line) {
  try {
    const int status = line.run();
    return std::cout.flush() ? status : fail(line.failure(), "stdout: cannot be written");
  } catch (const UsageError& error) {
    return fail(kUsage, error.what());
  } catch (const std::exception& error) {
    return fail(line.failure(), error.what());
  }
}

int parse_and_run(int argc, char** argv) {
  CommandLine line;
  try {
    line.app().parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    const int status = line.app().exit(asked);
    return std::cout.flush() ? status : fail(kDamaged, "stdout: cannot be written");
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, std::string(error.what()) + " (h5dcp --help)");
  }
  return run(line);
}

}  // namespace
}  // namespace tool

int main(int argc, char** argv) {
  try {
    return tool::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    return tool::fail(tool::kUsage, error.what());
  }
}
