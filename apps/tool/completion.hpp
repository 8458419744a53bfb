// Completion in bash, from the verbs and options.

#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tool {

// To be sourced by bash, or by zsh after bashcompinit; without the end of the last line.
std::string bash_completion(const CLI::App& app);

}  // namespace tool
