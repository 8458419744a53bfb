#include "comm/node.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <new>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file_size_signal.hpp"
#include "comm/channel.hpp"
#include "comm/step.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

namespace {

constexpr std::size_t kPage = 4096;

std::size_t bytes_of_seats(int ranks) {
  return (static_cast<std::size_t>(ranks) * sizeof(NodeSeat) + kPage - 1) / kPage * kPage;
}

std::size_t bytes_for(int ranks) {
  return bytes_of_seats(ranks) + static_cast<std::size_t>(ranks) * NodeMemory::kRoomBytes;
}

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(ErrorCode::io, what + ": " + std::generic_category().message(error));
}

// Memory of the segment `fd`, or of no file.
std::byte* map(int fd, std::size_t nbytes) {
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* start = ::mmap(nullptr, nbytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  return start == MAP_FAILED ? nullptr : static_cast<std::byte*>(start);
}

}  // namespace

NodeSegment::NodeSegment(int size) : size_(size), nbytes_(bytes_for(size)) {
  start_ = map(-1, nbytes_);
  if (start_ == nullptr) throw std::bad_alloc();
}

NodeSegment::NodeSegment(const std::string& name, bool makes, int size)
    : size_(size), nbytes_(bytes_for(size)) {
  const int flags = makes ? O_RDWR | O_CREAT | O_EXCL : O_RDWR;
  const int fd = ::shm_open(name.c_str(), flags, 0600);
  if (fd < 0) fail("open shared memory '" + name + "'", errno);
  int error = 0;
  if (makes) {
    // The memory is reserved, as what is missing would show in a signal.
    const FileSizeSignalBlock block;
    error = ::posix_fallocate(fd, 0, static_cast<off_t>(nbytes_));
  }
  if (error == 0) start_ = map(fd, nbytes_);
  if (error == 0 && start_ == nullptr) error = errno;
  ::close(fd);
  if (error == 0) return;
  if (makes) ::shm_unlink(name.c_str());
  fail("share " + std::to_string(nbytes_) + " bytes of memory '" + name + "'", error);
}

NodeSegment::~NodeSegment() {
  if (start_ != nullptr) ::munmap(start_, nbytes_);
}

NodeSeat* NodeSegment::seats() const {
  return reinterpret_cast<NodeSeat*>(start_);  // zeros are empty seats
}

std::byte* NodeSegment::room() const {
  return start_ + bytes_of_seats(size_);
}

NodeMemory::NodeMemory(std::shared_ptr<NodeSegment> segment, int rank)
    : segment_(std::move(segment)), rank_(rank), seats_(segment_->seats(), rank, size()) {}

namespace {

// Where a rank is among those of its node.
struct Place {
  std::uint32_t node = 0;
  int rank = 0;
  int size = 0;
};

Place place_of(const std::vector<std::uint32_t>& nodes, int rank) {
  Place place;
  place.node = nodes.at(static_cast<std::size_t>(rank));
  for (int other = 0; other < static_cast<int>(nodes.size()); ++other) {
    if (nodes[static_cast<std::size_t>(other)] != place.node) continue;
    place.rank += other < rank ? 1 : 0;
    place.size += 1;
  }
  return place;
}

// The name of shared memory, for the ranks that open it while this lives.
class SharedName {
 public:
  explicit SharedName(std::uint64_t id) : name_(fmt::format("/h5dcp.{:016x}", id)) {}
  SharedName(const SharedName&) = delete;
  SharedName& operator=(const SharedName&) = delete;
  ~SharedName() {
    if (is_own_) ::shm_unlink(name_.c_str());
  }

  std::unique_ptr<NodeMemory> share(const Place& place) {
    const bool makes = place.rank == 0;
    auto segment = std::make_shared<NodeSegment>(name_, makes, place.size);
    is_own_ = makes;
    return std::make_unique<NodeMemory>(std::move(segment), place.rank);
  }

 private:
  std::string name_;
  bool is_own_ = false;
};

// What this rank can do for the others of its node. What fails is no error: a container may have no
// /dev/shm, or too little of it.
template <class Work>
void attempt(const Work& work) noexcept {
  try {
    work();
  } catch (...) {
  }
}

}  // namespace

// A rank on which something fails does not leave the others waiting, as none of it ends this early.
// A node whose first rank makes no memory has no id, and one of which a rank cannot open it fails.
void connect_node(const Comm& comm) {
  Channel& channel = *comm.channel_;
  if (channel.node) return;
  const std::string step = "connect the ranks of a node";
  const Step calls(channel, step, comm.options_);
  const Place place = place_of(channel.nodes, channel.rank);
  const auto nodes = *std::ranges::max_element(channel.nodes) + std::size_t{1};

  std::optional<SharedName> name;
  std::unique_ptr<NodeMemory> shared;
  std::vector<std::uint64_t> ids(nodes);
  Bytes failed(nodes + 1);  // each node, and whether a rank has no memory at all
  if (place.size > 1 && place.rank == 0) {
    attempt([&] {
      std::random_device random;
      const auto id = std::uint64_t{random()} << 32 | random() | 1U;
      shared = name.emplace(id).share(place);
      ids[place.node] = id;
    });
  }
  ids = calls.reduce(std::move(ids), MPI_MAX);
  const auto id = ids[place.node];
  if (id != 0 && place.rank != 0) attempt([&] { shared = name.emplace(id).share(place); });

  std::unique_ptr<NodeMemory> alone;
  attempt([&] { alone = std::make_unique<NodeMemory>(); });
  failed[place.node] = shared ? 0 : 1;
  failed[nodes] = alone ? 0 : 1;
  failed = calls.max(std::move(failed));
  if (failed[nodes] != 0) {
    comm.agree(step, [&] {
      if (!alone) throw std::bad_alloc();
    });
  }
  channel.node = failed[place.node] == 0 ? std::move(shared) : std::move(alone);
}

int NodeSession::ranks_of_node(const Comm& comm) {
  const auto* memory = comm.channel_->node.get();
  return memory == nullptr ? 1 : memory->size();
}

NodeSession::NodeSession(const Comm& comm, std::string_view step)
    : comm_(comm),
      step_(step),
      memory_(comm.channel_->node.get()),
      exceptions_(std::uncaught_exceptions()) {
  if (memory_ == nullptr) {
    own_ = std::make_unique<NodeMemory>();
    memory_ = own_.get();
  }
  auto& memory = *memory_;
  if (memory.open_++ > 0) return;
  memory.seats_.open();
  memory.failed_ = false;
}

NodeSession::~NodeSession() {
  auto& memory = *memory_;
  if (std::uncaught_exceptions() > exceptions_) fail();
  if (--memory.open_ == 0) memory.seats_.leave(false);
}

void NodeSession::fail() noexcept {
  memory_->failed_ = true;
  memory_->seats_.leave(true);
}

std::optional<std::uint64_t> NodeSession::sync(std::uint64_t value) {
  using State = NodeSeats::State;
  auto& memory = *memory_;
  auto& seats = memory.seats_;
  if (memory.failed_) return std::nullopt;
  seats.arrive(value);
  auto round = seats.look();
  if (round.state == State::waits) {
    Step(*comm_.channel_, step_, comm_.options_).await([&] {
      round = seats.look();
      return round.state != State::waits;
    });
  }
  if (round.state == State::complete) return seats.least();
  fail();  // the others would wait for this rank in the next round
  if (round.state == State::failed) return std::nullopt;
  throw Error(ErrorCode::internal, std::string(step_) + ": rank " +
                                       std::to_string(world_rank(round.rank)) +
                                       " has ended its part before the other ranks of its node");
}

int NodeSession::world_rank(int rank) const {
  const auto& nodes = comm_.nodes();
  const auto node = nodes.at(static_cast<std::size_t>(comm_.rank()));
  for (int other = 0; other < comm_.size(); ++other) {
    if (nodes[static_cast<std::size_t>(other)] == node && rank-- == 0) return other;
  }
  return comm_.rank();  // each rank is a node
}

}  // namespace h5dcp
