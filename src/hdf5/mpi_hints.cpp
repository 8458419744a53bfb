#include "hdf5/mpi_hints.hpp"

#include <cstddef>
#include <utility>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

// With the zero behind it, it must fit into `room` bytes.
std::string fault_of(const std::string& what, const std::string& text, std::size_t room) {
  if (text.empty()) return what + " is empty";
  if (text.size() < room) return "";
  return what + " has " + std::to_string(text.size()) + " bytes, and MPI takes " +
         std::to_string(room - 1);
}

}  // namespace

std::string fault_of(const Hints& hints) {
  for (const auto& [name, value] : hints) {
    auto fault = fault_of("the name of a hint", name, MPI_MAX_INFO_KEY);
    if (fault.empty()) fault = fault_of("the hint '" + name + "'", value, MPI_MAX_INFO_VAL);
    if (!fault.empty()) return fault;
  }
  return "";
}

MpiInfo::MpiInfo(const Hints& of_program, const Hints& of_operation) {
  if (of_program.empty() && of_operation.empty()) return;
  if (const auto fault = fault_of(of_program); !fault.empty()) {
    throw Error(ErrorCode::invalid_argument, "Options::hints: " + fault);
  }
  MPI_Info_create(&info_);
  for (const auto* hints : {&of_program, &of_operation}) {  // the others were checked before
    for (const auto& [name, value] : *hints) MPI_Info_set(info_, name.c_str(), value.c_str());
  }
}

MpiInfo::MpiInfo(MpiInfo&& other) noexcept : info_(std::exchange(other.info_, MPI_INFO_NULL)) {}

MpiInfo& MpiInfo::operator=(MpiInfo&& other) noexcept {
  std::swap(info_, other.info_);
  return *this;
}

MpiInfo::~MpiInfo() {
  if (info_ != MPI_INFO_NULL) MPI_Info_free(&info_);
}

}  // namespace h5dcp
