// What a rank holds of a workload: memory, with content that tells where every element belongs.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "h5dcp/state_dict.hpp"
#include "workload.hpp"

namespace tool::benchmark {

class RankState {
 public:
  // `workload` must outlive it. Throws std::bad_alloc.
  RankState(const Workload& workload, int rank);
  RankState(const RankState&) = delete;
  RankState& operator=(const RankState&) = delete;

  h5dcp::StateDict& state() { return state_; }

  // All parts, one behind the other, each at a multiple of 4 bytes.
  std::span<std::byte> buffer() { return std::as_writable_bytes(std::span(buffer_)); }
  // How many bytes of that this rank would write if those who hold the same part shared the work.
  std::size_t share_bytes() const { return share_bytes_; }
  // Of all elements: the buffer without the gaps.
  std::uint64_t held_bytes() const { return held_bytes_; }

  void fill();
  void clear();  // to zeros

  // Throws h5dcp::Error{corrupt}, which names the first row that is not as fill() made it.
  void check();

 private:
  struct Part {
    const WorkloadTensor* tensor = nullptr;
    std::size_t number = 0;  // of the tensor in the workload
    h5dcp::Box box;
    std::size_t offset_bytes = 0;  // in the buffer
  };
  struct Row;

  template <class Visit>
  void for_each_row(const Visit& visit);

  std::vector<Part> parts_;
  std::vector<std::uint32_t> buffer_;
  std::size_t share_bytes_ = 0;
  std::uint64_t held_bytes_ = 0;
  h5dcp::StateDict state_;
};

}  // namespace tool::benchmark
