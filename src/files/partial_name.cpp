#include "files/partial_name.hpp"

#include <fmt/format.h>

#include <string>

#include "files/folder.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/error.hpp"
#include "layout/data_parts.hpp"

namespace h5dcp {

std::filesystem::path partial_name(const std::filesystem::path& path, std::uint64_t generation) {
  return folder_of(path) / fmt::format(".{}.{:016x}.partial", path.filename().string(), generation);
}

void refuse_existing(const std::filesystem::path& path) {
  if (status_at(path)) throw exists_already(path);
}

Error exists_already(const std::filesystem::path& path) {
  return {ErrorCode::invalid_argument,
          "'" + path.string() + "' exists (Overwrite::replace would replace it)"};
}

std::optional<std::uint64_t> generation_in_partial(const std::string& name,
                                                   const std::filesystem::path& path,
                                                   bool is_of_mpi) {
  const auto begin = "." + path.filename().string() + ".";
  const std::string end = ".partial";
  const std::string mark = end + ".locktest.";
  if (!name.starts_with(begin)) return std::nullopt;
  const auto rest = name.substr(begin.size());
  const auto digits = rest.substr(0, rest.find('.'));
  const auto tail = rest.substr(digits.size());
  if (is_of_mpi ? !tail.starts_with(mark) : tail != end) return std::nullopt;
  return generation_named(digits);
}

}  // namespace h5dcp
