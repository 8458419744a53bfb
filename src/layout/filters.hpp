// The filters of HDF5, done by us: h5py and h5dump undo what apply_filters() does, and the reverse.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "h5dcp/bytes.hpp"
#include "h5dcp/filters.hpp"

namespace h5dcp {

// Throws Error{invalid_argument} if there is no such level.
void check_filters(const Filters& filters);

// As they are stored in the index: 0 if there are none.
std::uint16_t encode_filters(const Filters& filters);

// Throws Error{corrupt} if no filters have that number.
Filters decode_filters(std::uint16_t number);

// Appends what is stored of a chunk: `nbytes` bytes, of elements of `itemsize` bytes.
void apply_filters(const Filters& filters, const void* chunk, std::size_t nbytes,
                   std::size_t itemsize, Bytes& stored);

// The `nbytes` bytes of the chunk that is stored so. Throws Error{corrupt} if it is not.
void undo_filters(const Filters& filters, std::span<const std::uint8_t> stored,
                  std::size_t itemsize, void* chunk, std::size_t nbytes);

}  // namespace h5dcp
