#include "comm/step.hpp"

#include <algorithm>
#include <utility>

namespace h5dcp {
namespace {

// The means are sums until all are in.
void merge(const Spread& from, Spread& to) {
  to.min = std::min(to.min, from.min);
  to.mean += from.mean;
  if (from.max > to.max || (from.max == to.max && from.max_rank < to.max_rank)) {
    to.max = from.max;
    to.max_rank = from.max_rank;
  }
}

void merge(const Counted& from, Counted& to) {
  to.failed += from.failed;
  to.missing += from.missing;
  for (std::size_t i = 0; i < to.tally.sums.size(); ++i) to.tally.sums[i] += from.tally.sums[i];
  for (std::size_t i = 0; i < to.tally.maxima.size(); ++i) {
    to.tally.maxima[i] = std::max(to.tally.maxima[i], from.tally.maxima[i]);
  }
  for (std::size_t i = 0; i < to.tally.spreads.size(); ++i) {
    merge(from.tally.spreads[i], to.tally.spreads[i]);
  }
}

template <class T>
void merge_all(void* in, void* in_out, int* count, MPI_Datatype* /*type*/) {
  for (int i = 0; i < *count; ++i) merge(static_cast<const T*>(in)[i], static_cast<T*>(in_out)[i]);
}

// Merges Ts.
template <class T>
MPI_Op op_of() {
  static MPI_Op op = [] {
    MPI_Op made = MPI_OP_NULL;
    check(MPI_Op_create(merge_all<T>, 1, &made), "MPI_Op_create");
    return made;
  }();
  return op;
}

template <class T>
MPI_Datatype type_of() {
  static MPI_Datatype type = [] {
    MPI_Datatype made = MPI_DATATYPE_NULL;
    check(MPI_Type_contiguous(sizeof(T), MPI_BYTE, &made), "MPI_Type_contiguous");
    check(MPI_Type_commit(&made), "MPI_Type_commit");
    return made;
  }();
  return type;
}

}  // namespace

Step::Step(Channel& channel, std::string_view name, const CommOptions& options)
    : channel_(channel), name_(name), options_(options) {
  check_channel();
}

void Step::check_channel() const {
  if (channel_.broken) std::rethrow_exception(channel_.broken);
}

bool Step::late() const {
  return roll_is_called(channel_);
}

void Step::wait_until(const std::function<bool()>& poll) const {
  if (happened(poll, options_.deadline, [this] { return late(); })) return;
  throw roll_call(channel_, name_, options_.deadline, false);
}

Bytes Step::max(Bytes bytes) const {
  return run(std::move(bytes), [this](Bytes& buffer, MPI_Request& request) {
    check(MPI_Iallreduce(MPI_IN_PLACE, buffer.data(), static_cast<int>(buffer.size()),
                         MPI_UNSIGNED_CHAR, MPI_MAX, channel_.work, &request),
          "MPI_Iallreduce");
  });
}

Bytes Step::broadcast(Bytes bytes, int root) const {
  return run(std::move(bytes), [this, root](Bytes& buffer, MPI_Request& request) {
    check(MPI_Ibcast(buffer.data(), static_cast<int>(buffer.size()), MPI_UNSIGNED_CHAR, root,
                     channel_.work, &request),
          "MPI_Ibcast");
  });
}

std::vector<std::uint64_t> Step::reduce(std::vector<std::uint64_t> values, MPI_Op op) const {
  return run(std::move(values),
             [this, op](std::vector<std::uint64_t>& buffer, MPI_Request& request) {
               // clang-tidy does not know that these are the same type:
               // NOLINTNEXTLINE(mpi-type-mismatch)
               check(MPI_Iallreduce(MPI_IN_PLACE, buffer.data(), static_cast<int>(buffer.size()),
                                    MPI_UINT64_T, op, channel_.work, &request),
                     "MPI_Iallreduce");
             });
}

std::uint64_t Step::sum_before(std::uint64_t value) const {
  const auto sum = run(std::uint64_t{value}, [this](std::uint64_t& buffer, MPI_Request& request) {
    // NOLINTNEXTLINE(mpi-type-mismatch): as above
    check(MPI_Iexscan(MPI_IN_PLACE, &buffer, 1, MPI_UINT64_T, MPI_SUM, channel_.work, &request),
          "MPI_Iexscan");
  });
  return channel_.rank == 0 ? 0 : sum;  // MPI leaves the first rank's as it was
}

std::vector<Spread> Step::spread(std::vector<Spread> values) const {
  return run(std::move(values), [this](std::vector<Spread>& buffer, MPI_Request& request) {
    check(MPI_Iallreduce(MPI_IN_PLACE, buffer.data(), static_cast<int>(buffer.size()),
                         type_of<Spread>(), op_of<Spread>(), channel_.work, &request),
          "MPI_Iallreduce");
  });
}

Counted Step::count(const Counted& mine) const {
  return run(Counted(mine), [this](Counted& buffer, MPI_Request& request) {
    check(MPI_Iallreduce(MPI_IN_PLACE, &buffer, 1, type_of<Counted>(), op_of<Counted>(),
                         channel_.work, &request),
          "MPI_Iallreduce");
  });
}

MPI_Comm Step::duplicate(MPI_Comm parent) const {
  MPI_Comm copy = run(MPI_Comm{}, [parent](MPI_Comm& made, MPI_Request& request) {
    check(MPI_Comm_idup(parent, &made, &request), "MPI_Comm_idup");
  });
  check(MPI_Comm_set_errhandler(copy, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return copy;
}

void Step::drop_topology() const {
  int topology = MPI_UNDEFINED;
  check(MPI_Topo_test(channel_.work, &topology), "MPI_Topo_test");
  if (topology == MPI_UNDEFINED) return;
  static_cast<void>(max({0}));  // MPI waits without a deadline: so all are there before
  guarded([this] {
    MPI_Group ranks = MPI_GROUP_NULL;
    MPI_Comm plain = MPI_COMM_NULL;
    check(MPI_Comm_group(channel_.work, &ranks), "MPI_Comm_group");
    check(MPI_Comm_create(channel_.work, ranks, &plain), "MPI_Comm_create");
    check(MPI_Group_free(&ranks), "MPI_Group_free");
    check(MPI_Comm_set_errhandler(plain, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_free(&channel_.work), "MPI_Comm_free");
    channel_.work = plain;
  });
}

void Step::await(const std::function<bool()>& poll) const {
  guarded([&] { wait_until(poll); });
}

}  // namespace h5dcp
