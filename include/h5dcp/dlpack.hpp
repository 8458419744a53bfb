// Arrays of other libraries, exchanged in memory by DLPack: NumPy's, JAX's, CuPy's, torch's, ...
//
// Include any dlpack.h to look into these structs; this header needs none. In Python, the pointers
// are in the capsules of array.__dlpack__(): "dltensor", and "dltensor_versioned" if
// max_version=(1, 0) or later is asked for.

#pragma once

#include "h5dcp/tensor.hpp"

struct DLManagedTensor;
struct DLManagedTensorVersioned;

namespace h5dcp {

// A view of the array's own memory; nothing is copied. The view takes the array over: the last copy
// of its keepalive calls the array's deleter, once, on whatever thread that happens. The versioned
// form says whether the memory is read-only.
//
// Throws, and the array stays the caller's: Error{unsupported} for an array that is not in the
// memory of the CPU, of an element type that is no DType, of vectors (lanes), of more than 32
// dimensions, or of a major version of DLPack other than 1; Error{invalid_argument} for one that
// contradicts itself.
TensorView from_dlpack(DLManagedTensor* array);
TensorView from_dlpack(DLManagedTensorVersioned* array);

// An array over the memory of `view`, which it keeps alive; nothing is copied. Whoever gets it
// calls its deleter once, on any thread.
//
// Throws Error{invalid_argument} for a view with other numbers of sizes and strides or without
// memory. to_dlpack throws Error{unsupported} for a read-only view, as only the versioned form can
// say so.
DLManagedTensor* to_dlpack(const TensorView& view);
DLManagedTensorVersioned* to_dlpack_versioned(const TensorView& view);

}  // namespace h5dcp
