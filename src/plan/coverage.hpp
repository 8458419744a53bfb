// Whether reads fill all of what is wanted.

#pragma once

#include <string>
#include <vector>

#include "h5dcp/planner.hpp"

namespace h5dcp {

// Throws Error{corrupt} if `items`, made by create_read_items_for_chunk_list for the boxes
// `wanted`, leave an element of one of them as it was, or fill it twice: the stored chunks do not
// tile the tensor then.
void check_coverage(const std::string& fqn, const std::vector<Box>& wanted,
                    const std::vector<ReadItem>& items);

}  // namespace h5dcp
