#include "transfer/node_read.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "h5dcp/error.hpp"
#include "transfer/window.hpp"
#include "transfer/window_read.hpp"

namespace h5dcp {
namespace {

class Copies : public Receiver {
 public:
  explicit Copies(const std::vector<WantedBytes>& wanted) : wanted_(wanted) {}

  std::size_t taken() const { return taken_; }

  void took_range(std::size_t i, const void* bytes) override {
    std::memcpy(wanted_[i].to, bytes, wanted_[i].range.nbytes);
    ++taken_;
  }

  // There are no pieces.
  std::string describe(std::size_t /*i*/) const override { return ""; }
  void* into(std::size_t /*i*/) override { return nullptr; }
  void took(std::size_t /*i*/, const void* /*packed*/, bool /*checked*/) override {}
  bool check(std::size_t /*i*/, const void* /*packed*/) override { return false; }

 private:
  const std::vector<WantedBytes>& wanted_;
  std::size_t taken_ = 0;
};

// In the order of the file, none longer than a slot of the window.
std::vector<WantedBytes> cut(const std::vector<WantedBytes>& wanted) {
  std::vector<WantedBytes> parts;
  parts.reserve(wanted.size());
  for (const auto& [range, to] : wanted) {
    for (std::uint64_t done = 0; done < range.nbytes;) {
      const auto nbytes = std::min(range.nbytes - done, Window::kSlotBytes);
      parts.push_back({{range.address + done, nbytes}, static_cast<std::uint8_t*>(to) + done});
      done += nbytes;
    }
  }
  return parts;
}

}  // namespace

bool read_on_node(NodeSession& session, const PosixFile& file, std::vector<WantedBytes> wanted) {
  const auto address = [](const WantedBytes& some) { return some.range.address; };
  if (!std::ranges::is_sorted(wanted, {}, address)) std::ranges::sort(wanted, {}, address);
  for (std::size_t i = 1; i < wanted.size(); ++i) {
    const auto& before = wanted[i - 1].range;
    if (before.address + before.nbytes > wanted[i].range.address) {
      throw Error(ErrorCode::corrupt, "the bytes at " + std::to_string(wanted[i].range.address) +
                                          " of '" + file.path() + "' belong to two values");
    }
  }
  const auto parts = cut(wanted);
  std::vector<Range> ranges;
  ranges.reserve(parts.size());
  for (const auto& part : parts) ranges.push_back(part.range);
  const std::vector<Piece> no_pieces;
  const std::vector<std::size_t> no_order;
  const std::vector<bool> none_shared;
  Window window(session.memory());
  Copies copies(parts);
  WindowRead(session, window, file, {no_pieces, no_order, none_shared}, ranges, copies).run();
  return copies.taken() == parts.size();
}

}  // namespace h5dcp
