// The man page, from the verbs and options.

#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tool {

// h5dcp(1), for groff and mandoc; without the end of the last line.
std::string manual(const CLI::App& app, const std::string& version);

}  // namespace tool
