// A folder that rank 0 makes for all ranks.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "file_system.hpp"
#include "h5dcp/comm.hpp"

namespace tool {

class SharedScratch {
 public:
  // Collective. Throws CheckpointException if rank 0 cannot make it in `parent`. Nobody has looked
  // yet whether the other ranks see it.
  SharedScratch(const h5dcp::Comm& comm, const std::filesystem::path& parent,
                const std::string& purpose);

  // Absolute, the same on all ranks.
  const std::filesystem::path& path() const { return path_; }

  // Else rank 0 removes it in the end.
  void keep() {
    if (scratch_) scratch_->keep();
  }

 private:
  std::unique_ptr<Scratch> scratch_;  // of rank 0
  std::filesystem::path path_;
};

}  // namespace tool
