// For LD_PRELOAD: the process is stopped inside its first collective write through MPI-IO.

#include <mpi.h>

#include <csignal>

extern "C" int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void* data, int count,
                                     MPI_Datatype type, MPI_Status* status) {
  std::raise(SIGSTOP);
  return PMPI_File_write_at_all(file, offset, data, count, type, status);
}
