// Plans as bytes of messages: docs/protocol.md.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/wire.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/planner.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp {

// What an owner needs to know of an item. Throws Error{invalid_argument} if the item is not
// complete.
void encode_proposal(WireWriter& wire, const WriteItem& item);

// All of an item that decides how the file is laid out and who writes what: neither the data nor
// what tells of them. `room` is how long a value may be. Throws as encode_proposal.
void encode_layout(WireWriter& wire, const WriteItem& item, std::uint64_t room);

// The names are those in the message.
struct Proposal {
  std::string_view fqn;
  std::string_view path;  // encoded
  Proposals::Holder holder;
};

Proposal decode_proposal(WireReader& wire, int rank, std::size_t position);

// The name in an encoded proposal, without decoding the rest.
std::string_view proposed_fqn(std::span<const std::uint8_t> proposal);

// Whole plans, and what became of them. Throw as encode_proposal.
Bytes encode_plan(const SavePlan& plan);
Bytes encode_plan(const LoadPlan& plan);
Bytes encode_results(const std::vector<WriteResult>& results);

template <class Plan>
Plan decode_plan(const Bytes& bytes);
template <>
SavePlan decode_plan<SavePlan>(const Bytes& bytes);
template <>
LoadPlan decode_plan<LoadPlan>(const Bytes& bytes);

std::vector<WriteResult> decode_results(const Bytes& bytes);

}  // namespace h5dcp
