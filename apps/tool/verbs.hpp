// What the tool can do: one function a verb, which writes to stdout and returns the exit status.

#pragma once

#include <string>

namespace tool {

inline constexpr int kFine = 0;
inline constexpr int kDamaged = 1;  // or no checkpoint that can be read
inline constexpr int kUsage = 2;

// The entries of a checkpoint.
struct LsOptions {
  std::string file;
  bool more = false;  // kind, chunks and address as well
  bool json = false;
};
int ls(const LsOptions& options);

// What the commit record says, and who wrote which box.
struct ShowOptions {
  std::string file;
  bool json = false;
};
int show(const ShowOptions& options);

// Every byte against what was committed.
struct VerifyOptions {
  std::string file;
};
int verify(const VerifyOptions& options);

}  // namespace tool
