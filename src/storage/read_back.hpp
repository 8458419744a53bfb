// Whether MPI-IO wrote what it was given.

#pragma once

#include "files/checkpoint_files.hpp"
#include "files/index.hpp"
#include "storage/hdf5_work.hpp"

namespace h5dcp {

// Reads the parts of tensors that this rank gave to MPI-IO, as POSIX sees them, and compares their
// blocks with the checksums that they had in memory.
//
// Throws Error{io} for the first block that differs: it names the tensor, the block and its
// address.
void read_back(const WriteWork& work, const CheckpointFiles& files, const Index& index);

// The same for what HDF5 writes itself when it closes the file, by the digests in the record.
void read_back_metadata(const PosixFile& file, const Index& index);

}  // namespace h5dcp
