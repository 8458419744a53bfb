// What a checkpoint in memory holds, without the data: every rank knows it, to plan its loads.

#pragma once

#include <h5dcp/bytes.hpp>
#include <h5dcp/metadata.hpp>
#include <h5dcp/planner.hpp>

#include <map>
#include <string>
#include <vector>

namespace example {

struct Contents {
  h5dcp::Metadata metadata;
  std::map<std::string, h5dcp::BytesWriteData> values;  // how each value is encoded, by FQN
};

// Of what all ranks will write together.
Contents contents_of(const std::vector<h5dcp::SavePlan>& plans);

// To travel in a plan's storage_data, and back.
h5dcp::Bytes encode(const Contents& contents);
Contents decode_contents(const h5dcp::Bytes& bytes);

}  // namespace example
