// A parameter of which every rank holds some rows.

#pragma once

#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <string>
#include <vector>

#include "h5dcp/device_mesh.hpp"

namespace trainer {

class ShardedParameter {
 public:
  // Keeps this rank's rows of `whole`, which is the same on all ranks, cut as torch.chunk does.
  ShardedParameter(std::string fqn, const at::Tensor& whole, MPI_Comm comm);

  const std::string& fqn() const { return fqn_; }
  const at::Tensor& shard() const { return shard_; }  // a leaf that is trained; may have no rows
  std::int64_t nbytes() const;                        // of all ranks' rows

  // The whole parameter, for use: a leaf of its own. Collective.
  at::Tensor gather() const;

  // Sums what the ranks found to be the gradient of the whole, and keeps this rank's rows of it.
  // Collective.
  void reduce_gradient(const at::Tensor& whole) const;

  // `local` - the shard, or something of its shape that belongs to it - as h5dcp wants it.
  h5dcp::ShardedTensor distribute(const h5dcp::TensorView& local) const;

 private:
  std::string fqn_;
  h5dcp::Extents sizes_;
  at::Tensor shard_;
  MPI_Comm comm_;
  int rank_ = 0;
  h5dcp::DeviceMesh mesh_;
  std::vector<int> counts_;  // elements of each rank
  std::vector<int> starts_;  // where each rank's begin
};

}  // namespace trainer
