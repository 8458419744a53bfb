#include <cstring>
#include <utility>
#include <vector>

#include "base/wire.hpp"
#include "commit/verify_share.hpp"
#include "files/same_generation.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/verify.hpp"

namespace h5dcp {
namespace {

Bytes encode(const std::vector<Damage>& damages) {
  WireWriter wire;
  for (const auto& damage : damages) {
    wire.text(damage.what);
    wire.text(damage.fqn);
    wire.varint(damage.box ? damage.box->dims() + 1 : 0);
    if (damage.box) wire.box(*damage.box);
    wire.varint(damage.address);
    wire.varint(damage.nbytes);
    wire.text(damage.file);
  }
  return wire.take();
}

std::vector<Damage> decode(const Bytes& bytes) {
  std::vector<Damage> damages;
  WireReader wire(bytes);
  while (!wire.at_end()) {
    Damage damage;
    damage.what = wire.text();
    damage.fqn = wire.text();
    const auto dims = wire.varint();
    if (dims > 0) damage.box = wire.box(dims - 1);
    damage.address = wire.varint();
    damage.nbytes = wire.varint();
    damage.file = wire.text();
    damages.push_back(std::move(damage));
  }
  return damages;
}

// The file, which must be the same on all ranks.
Opened open_together(const Comm& comm, const std::string& path, const std::string& step) {
  SameGeneration same(0);
  for (;;) {
    Opened opened;
    comm.agree(step, [&] { opened = open_checkpoint(path); });
    const auto mine = opened.index.record().generation;
    Bytes first(sizeof mine);
    std::memcpy(first.data(), &mine, sizeof mine);
    first = comm.broadcast(step, comm.rank() == 0 ? first : Bytes(), 0);
    std::uint64_t theirs = 0;
    std::memcpy(&theirs, first.data(), sizeof theirs);
    const auto others =
        comm.tally(step, [&] { return Ballot{.sums = {same.is(mine, theirs) ? 0U : 1U}}; });
    if (others.sums[0] == 0) return opened;
  }
}

}  // namespace

std::uint64_t verify_checkpoint(const Comm& comm, const std::string& path,
                                const VerifyArguments& arguments) {
  const auto step = "verify '" + path + "'";
  const Opened opened = open_together(comm, path, step);
  VerifyShare share(opened, comm.rank(), comm.size());
  std::uint64_t damages = 0;
  bool left = true;
  for (bool any_left = true; any_left;) {
    std::vector<Damage> found;
    comm.agree(step, [&] {
      const auto keep = [&](const Damage& damage) { found.push_back(damage); };
      if (left) left = share.next(arguments.round_bytes, keep);
    });
    const auto sums = comm.sum(step, {left ? 1U : 0U, found.size(), share.done_bytes(),
                                      share.digests(), share.damaged_rows()});
    any_left = sums[0] > 0;
    damages += sums[1];
    std::vector<Message> messages;
    if (!found.empty()) messages.push_back({0, encode(found)});
    if (sums[1] > 0) messages = comm.exchange(step, messages);
    const auto tell = [&](int rank, const Damage& damage) {
      if (comm.rank() == 0 && arguments.tell) arguments.tell(rank, damage);
    };
    comm.agree(step, [&] {
      for (const auto& message : messages) {
        for (const auto& damage : decode(message.bytes)) tell(message.rank, damage);
      }
      if (comm.rank() == 0 && arguments.progress) {
        arguments.progress(sums[2], share.total_bytes());
      }
      if (any_left) return;
      verify_rows(opened.index, sums[3], sums[4], [&](const Damage& damage) {
        ++damages;
        tell(0, damage);
      });
    });
  }
  return damages;
}

}  // namespace h5dcp
