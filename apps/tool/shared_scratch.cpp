#include "shared_scratch.hpp"

#include "ranks.hpp"

namespace tool {

SharedScratch::SharedScratch(const h5dcp::Comm& comm, const std::filesystem::path& parent,
                             const std::string& purpose) {
  std::string name;
  comm.agree("make a folder in '" + parent.string() + "'", [&] {
    if (comm.rank() != 0) return;
    scratch_ = std::make_unique<Scratch>(parent, purpose);
    name = std::filesystem::absolute(scratch_->path()).string();
  });
  const auto shared = comm.broadcast("the folder", bytes_of(name), 0);
  path_ = std::string(shared.begin(), shared.end());
}

}  // namespace tool
