#include "comm/node.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <exception>
#include <new>
#include <random>
#include <system_error>

#include "base/file_size_signal.hpp"
#include "comm/step.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

// Where a rank says how far it is. Each has a cache line of its own.
struct alignas(64) NodeMemory::Seat {
  // Session and round, the upper and the lower 32 bits; the last round of a session is its end.
  std::atomic<std::uint64_t> at;
  std::array<std::atomic<std::uint64_t>, 2> values;  // of even and odd rounds
  std::atomic<std::uint32_t> failed;                 // the latest session that did
};

namespace {

constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kPage = 4096;

std::uint64_t stamp(std::uint32_t session, std::uint32_t round) {
  return (std::uint64_t{session} << 32) | round;
}

std::size_t whole_pages(std::size_t nbytes) {
  return (nbytes + kPage - 1) / kPage * kPage;
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

NodeMemory::NodeMemory() : nbytes_(whole_pages(sizeof(Seat)) + kRoomBytes) {
  start_ = map(-1, nbytes_);
  if (start_ == nullptr) throw std::bad_alloc();
}

NodeMemory::NodeMemory(const std::string& name, int rank, int size) : rank_(rank), size_(size) {
  const auto ranks = static_cast<std::size_t>(size);
  nbytes_ = whole_pages(ranks * sizeof(Seat)) + ranks * kRoomBytes;
  const int flags = rank == 0 ? O_RDWR | O_CREAT | O_EXCL : O_RDWR;
  const int fd = ::shm_open(name.c_str(), flags, 0600);
  if (fd < 0) fail("open shared memory '" + name + "'", errno);
  int error = 0;
  if (rank == 0) {
    // The memory is reserved, as what is missing would show in a signal.
    const FileSizeSignalBlock block;
    error = ::posix_fallocate(fd, 0, static_cast<off_t>(nbytes_));
  }
  if (error == 0) start_ = map(fd, nbytes_);
  if (error == 0 && start_ == nullptr) error = errno;
  ::close(fd);
  if (error == 0) return;
  if (rank == 0) ::shm_unlink(name.c_str());
  fail("share " + std::to_string(nbytes_) + " bytes of memory '" + name + "'", error);
}

NodeMemory::~NodeMemory() {
  if (start_ != nullptr) ::munmap(start_, nbytes_);
}

std::byte* NodeMemory::room() const {
  return start_ + whole_pages(static_cast<std::size_t>(size_) * sizeof(Seat));
}

NodeMemory::Seat& NodeMemory::seat(int rank) const {
  return reinterpret_cast<Seat*>(start_)[rank];  // zeros are empty seats
}

namespace {

// How many ranks share, and which of them this one is.
struct Place {
  int rank = 0;
  int size = 1;
};

// Groups the ranks of a node by `most` neighbours; 0: all.
MPI_Comm group_of_node(const Step& calls, int most, Place& place) {
  MPI_Comm node = calls.split_by_node();
  check(MPI_Comm_rank(node, &place.rank), "MPI_Comm_rank");
  if (most > 0) {
    MPI_Comm part = MPI_COMM_NULL;
    check(MPI_Comm_split(node, place.rank / most, place.rank, &part), "MPI_Comm_split");
    MPI_Comm_free(&node);
    node = part;
    check(MPI_Comm_rank(node, &place.rank), "MPI_Comm_rank");
  }
  check(MPI_Comm_size(node, &place.size), "MPI_Comm_size");
  return node;
}

// The memory if this rank has it.
std::unique_ptr<NodeMemory> try_to_share(const std::string& name, const Place& place) {
  try {
    return std::make_unique<NodeMemory>(name, place.rank, place.size);
  } catch (const std::exception&) {
    return nullptr;  // a container without /dev/shm, or too little of it: do without
  }
}

bool all_of(bool mine, MPI_Comm group) {
  int have = mine ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &have, 1, MPI_INT, MPI_MIN, group), "MPI_Allreduce");
  return have != 0;
}

}  // namespace

void connect_node(const Comm& comm) {
  Channel& channel = *comm.channel_;
  if (channel.node) return;
  const Step calls(channel, "connect the ranks of a node", comm.options_);
  Place place;
  // From here on all ranks are there, and what they do is short: MPI's own waits will do.
  MPI_Comm group = group_of_node(calls, channel.ranks_a_node, place);
  std::unique_ptr<NodeMemory> memory;
  if (place.size > 1) {
    std::uint64_t id = (std::uint64_t{std::random_device()()} << 32) | std::random_device()();
    // NOLINTNEXTLINE(mpi-type-mismatch): clang-tidy does not know that these are the same type
    check(MPI_Bcast(&id, 1, MPI_UINT64_T, 0, group), "MPI_Bcast");
    const auto name = fmt::format("/h5dcp.{:016x}", id);
    if (place.rank == 0) memory = try_to_share(name, place);
    if (all_of(place.rank != 0 || memory, group)) {
      if (place.rank != 0) memory = try_to_share(name, place);
      const bool shared = all_of(memory != nullptr, group);
      if (place.rank == 0) ::shm_unlink(name.c_str());  // all have it open, and no crash leaves it
      if (!shared) memory.reset();
    }
  }
  MPI_Comm_free(&group);
  channel.node = memory ? std::move(memory) : std::make_unique<NodeMemory>();
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
  memory.session_ += 1;
  memory.round_ = 0;
  memory.failed_ = false;
}

NodeSession::~NodeSession() {
  auto& memory = *memory_;
  if (std::uncaught_exceptions() > exceptions_) fail();
  if (--memory.open_ == 0) memory.seat(memory.rank_).at.store(stamp(memory.session_, kEnd));
}

void NodeSession::fail() noexcept {
  auto& memory = *memory_;
  memory.failed_ = true;
  auto& seat = memory.seat(memory.rank_);
  seat.failed.store(memory.session_);
  seat.at.store(stamp(memory.session_, kEnd));
}

std::optional<std::uint64_t> NodeSession::sync(std::uint64_t value) {
  auto& memory = *memory_;
  if (memory.failed_) return std::nullopt;
  memory.round_ += 1;
  auto& seat = memory.seat(memory.rank_);
  seat.values[memory.round_ % 2].store(value, std::memory_order_relaxed);
  const auto here = stamp(memory.session_, memory.round_);
  seat.at.store(here, std::memory_order_release);

  const auto arrived = [&] {
    for (int rank = 0; rank < memory.size_; ++rank) {
      if (memory.seat(rank).at.load(std::memory_order_acquire) < here) return false;
    }
    return true;
  };
  if (!arrived()) Step(*comm_.channel_, step_, comm_.options_).await(arrived);

  std::uint64_t least = kNone;
  bool failed = false;
  for (int rank = 0; rank < memory.size_; ++rank) {
    const auto& other = memory.seat(rank);
    failed = failed || other.failed.load() == memory.session_;
    const auto brought = other.values[memory.round_ % 2].load(std::memory_order_acquire);
    // One that has left, perhaps for the next session, brings nothing.
    const bool left = other.at.load(std::memory_order_acquire) >= stamp(memory.session_, kEnd);
    if (!left) least = std::min(least, brought);
  }
  if (!failed) return least;
  fail();  // or a rank that has not seen it would wait for this one
  return std::nullopt;
}

}  // namespace h5dcp
