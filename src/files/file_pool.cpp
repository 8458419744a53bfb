#include "files/file_pool.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace h5dcp {

std::size_t most_pooled_files() {
  constexpr rlim_t kMost = 4096;  // beyond that a file that is opened again costs little beside
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  return static_cast<std::size_t>(std::clamp<rlim_t>(limit.rlim_cur / 8, 1, kMost));
}

std::shared_ptr<const DataFile> FilePool::get(std::uint32_t number,
                                              const std::function<DataFile()>& open) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_number_.find(number); found != by_number_.end()) {
    held_.splice(held_.begin(), held_, found->second);
  } else {
    make_room();
    held_.push_front({number, std::make_shared<const DataFile>(open())});
    by_number_.emplace(number, held_.begin());
  }
  return held_.front().file;
}

std::size_t FilePool::room() const {
  const std::lock_guard lock(mutex_);
  return most_ - std::min(most_, held_.size());
}

void FilePool::make_room() {
  for (auto next = held_.end(); held_.size() >= most_ && next != held_.begin();) {
    --next;
    if (next->file.use_count() > 1) continue;  // only under the mutex more begin to use it
    if (is_written_) next->file->file.sync();
    by_number_.erase(next->number);
    next = held_.erase(next);
  }
}

void FilePool::sync() const {
  const std::lock_guard lock(mutex_);
  if (!is_written_) return;
  for (const auto& held : held_) held.file->file.sync();
}

void FilePool::clear() {
  const std::lock_guard lock(mutex_);
  by_number_.clear();
  held_.clear();
}

}  // namespace h5dcp
