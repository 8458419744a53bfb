#include <utility>

#include "base/context.hpp"
#include "layout/runs.hpp"
#include "storage/engine.hpp"

namespace h5dcp {
namespace {

// Calls `move(address, offset, nbytes)` for each range of the file that a piece covers; `offset` is
// where the range is among the packed elements.
template <class Move>
void for_each_range(const Piece& piece, const Move& move) {
  std::uint64_t offset = 0;
  for (const auto& box : piece.boxes) {
    for_each_run(piece.target.sizes, box, piece.target.itemsize,
                 [&](std::uint64_t first, std::uint64_t nbytes) {
                   move(piece.target.address + first, offset, nbytes);
                   offset += nbytes;
                 });
  }
}

class LocalEngine : public Engine {
 public:
  explicit LocalEngine(const PosixFile& file) : file_(file) {}

  void write(std::string_view /*step*/, const std::vector<Piece>& pieces, const Describe& describe,
             const std::function<const void*(std::size_t)>& data) override {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      with_late_context([&] { return "write " + describe(i); },
                        [&] {
                          const auto* packed = static_cast<const std::byte*>(data(i));
                          for_each_range(pieces[i], [&](std::uint64_t address, std::uint64_t offset,
                                                        std::uint64_t nbytes) {
                            file_.write(packed + offset, nbytes, address);
                          });
                        });
    }
  }

  void read(std::string_view /*step*/, const std::vector<Piece>& pieces, const Describe& describe,
            const std::function<void*(std::size_t)>& into,
            const std::function<void(std::size_t)>& took) override {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      with_late_context([&] { return "read " + describe(i); },
                        [&] {
                          auto* packed = static_cast<std::byte*>(into(i));
                          for_each_range(pieces[i], [&](std::uint64_t address, std::uint64_t offset,
                                                        std::uint64_t nbytes) {
                            file_.read(packed + offset, nbytes, address);
                          });
                        });
      took(i);
    }
  }

 private:
  const PosixFile& file_;
};

class DirectEngine : public Engine {
 public:
  DirectEngine(Comm comm, const PosixFile& file) : comm_(std::move(comm)), local_(file) {}

  void write(std::string_view step, const std::vector<Piece>& pieces, const Describe& describe,
             const std::function<const void*(std::size_t)>& data) override {
    comm_.agree(step, [&] { local_.write(step, pieces, describe, data); });
  }

  void read(std::string_view step, const std::vector<Piece>& pieces, const Describe& describe,
            const std::function<void*(std::size_t)>& into,
            const std::function<void(std::size_t)>& took) override {
    comm_.agree(step, [&] { local_.read(step, pieces, describe, into, took); });
  }

 private:
  Comm comm_;
  LocalEngine local_;
};

}  // namespace

std::unique_ptr<Engine> direct_engine(const Comm& comm, const PosixFile& file) {
  return std::make_unique<DirectEngine>(comm, file);
}

std::unique_ptr<Engine> local_engine(const PosixFile& file) {
  return std::make_unique<LocalEngine>(file);
}

}  // namespace h5dcp
