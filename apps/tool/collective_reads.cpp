#include "collective_reads.hpp"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"

namespace tool {
namespace {

constexpr int kRounds = 30;
constexpr int kRows = 300;
constexpr int kColumns = 100;

char byte_at(int row, int column) {
  const auto number = static_cast<unsigned>(row * kColumns + column);
  return static_cast<char>((number * 2654435761U) >> 13U);
}

std::vector<char> bytes_of_rows(int first, int count) {
  std::vector<char> bytes;
  for (int row = first; row < first + count; ++row) {
    for (int column = 0; column < kColumns; ++column) bytes.push_back(byte_at(row, column));
  }
  return bytes;
}

// Collective. Whether this rank got rows `first` and on, or nothing if it wants no rows.
bool reads_right(MPI_File file, int first, int count) {
  MPI_Datatype rows = MPI_BYTE;
  if (count > 0) {
    const std::array<int, 2> sizes{kRows, kColumns};
    const std::array<int, 2> wanted{count, kColumns};
    const std::array<int, 2> begin{first, 0};
    MPI_Type_create_subarray(2, sizes.data(), wanted.data(), begin.data(), MPI_ORDER_C, MPI_BYTE,
                             &rows);
    MPI_Type_commit(&rows);
  }
  std::vector<char> bytes(static_cast<std::size_t>(count * kColumns));
  MPI_File_set_view(file, 0, MPI_BYTE, rows, "native", MPI_INFO_NULL);
  const int status = MPI_File_read_at_all(file, 0, bytes.data(), static_cast<int>(bytes.size()),
                                          MPI_BYTE, MPI_STATUS_IGNORE);
  if (count > 0) MPI_Type_free(&rows);
  return status == MPI_SUCCESS && bytes == bytes_of_rows(first, count);
}

}  // namespace

CollectiveReads try_collective_reads(const h5dcp::Comm& comm, const std::filesystem::path& folder) {
  const auto path = (folder / "collective-reads").string();
  comm.agree("write '" + path + "'", [&] {
    if (comm.rank() != 0) return;
    const auto bytes = bytes_of_rows(0, kRows);
    std::ofstream file(path, std::ios::binary);
    if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) {
      throw h5dcp::Error(h5dcp::ErrorCode::io, "it cannot be written");
    }
  });
  comm.agree("open '" + path + "'", [&] {  // an open through MPI-IO may hang if one rank cannot
    if (!std::ifstream(path)) throw h5dcp::Error(h5dcp::ErrorCode::io, "it is not there");
  });
  CollectiveReads mine;
  for (int round = 0; round < kRounds; ++round) {
    MPI_File file = MPI_FILE_NULL;
    const bool opened = MPI_File_open(comm.get(), path.c_str(), MPI_MODE_RDONLY, MPI_INFO_NULL,
                                      &file) == MPI_SUCCESS;
    comm.agree("open '" + path + "' through MPI-IO", [&] {
      if (!opened) throw h5dcp::Error(h5dcp::ErrorCode::io, "MPI_File_open has failed");
    });
    const int role = (comm.rank() + round) % 3;
    const int count = role == 0 ? kRows : role == 1 ? kRows / 2 : 0;
    mine.done += 1;
    if (!reads_right(file, role == 1 ? kRows / 4 : 0, count)) mine.wrong += 1;
    MPI_File_close(&file);
  }
  const auto all = comm.sum("collective reads", {mine.done, mine.wrong});
  return {all[0], all[1]};
}

}  // namespace tool
