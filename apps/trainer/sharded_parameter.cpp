#include "sharded_parameter.hpp"

#include <ATen/ATen.h>

#include <span>
#include <utility>

#include "h5dcp/error.hpp"

namespace trainer {
namespace {

// All parameters are cut along their first dimension.
std::vector<h5dcp::Placement> by_rows() {
  return {h5dcp::Shard{0}};
}

int size_of(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  return size;
}

// MPI counts in int.
int to_int(std::int64_t elements) {
  if (!std::in_range<int>(elements)) {
    throw h5dcp::Error(h5dcp::ErrorCode::unsupported, "a parameter of 2^31 elements or more");
  }
  return static_cast<int>(elements);
}

}  // namespace

ShardedParameter::ShardedParameter(std::string fqn, const at::Tensor& whole, MPI_Comm comm)
    : fqn_(std::move(fqn)),
      sizes_(std::span(whole.sizes().data(), whole.sizes().size())),
      comm_(comm),
      mesh_({size_of(comm)}) {
  MPI_Comm_rank(comm, &rank_);
  const auto row = to_int(whole.numel()) / to_int(whole.size(0));
  for (int rank = 0; rank < mesh_.size(); ++rank) {
    const auto box = h5dcp::local_box(sizes_, mesh_, by_rows(), rank);
    starts_.push_back(to_int(box.offsets[0]) * row);
    counts_.push_back(to_int(box.sizes[0]) * row);
  }
  const auto mine = h5dcp::local_box(sizes_, mesh_, by_rows(), rank_);
  shard_ = whole.narrow(0, mine.offsets[0], mine.sizes[0]).clone();  // lets go of the other rows
  shard_.set_requires_grad(true);
}

std::int64_t ShardedParameter::nbytes() const {
  return h5dcp::numel(sizes_) * static_cast<std::int64_t>(shard_.element_size());
}

at::Tensor ShardedParameter::gather() const {
  at::Tensor whole = at::empty({sizes_.data(), sizes_.size()}, shard_.options());
  MPI_Allgatherv(shard_.data_ptr(), counts_[static_cast<std::size_t>(rank_)], MPI_FLOAT,
                 whole.data_ptr(), counts_.data(), starts_.data(), MPI_FLOAT, comm_);
  return whole.set_requires_grad(true);
}

void ShardedParameter::reduce_gradient(const at::Tensor& whole) const {
  const at::Tensor all = whole.contiguous();
  at::Tensor mine = at::empty_like(shard_, shard_.options().requires_grad(false));
  MPI_Reduce_scatter(all.data_ptr(), mine.data_ptr(), counts_.data(), MPI_FLOAT, MPI_SUM, comm_);
  shard_.mutable_grad() = mine;
}

h5dcp::ShardedTensor ShardedParameter::distribute(const h5dcp::TensorView& local) const {
  return h5dcp::distribute(local, sizes_, mesh_, by_rows(), rank_);
}

}  // namespace trainer
