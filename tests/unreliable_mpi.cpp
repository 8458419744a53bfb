#include "unreliable_mpi.hpp"

#include <mpi.h>

#include <map>
#include <vector>

namespace h5dcp::test {
namespace {

int most_polls = 0;
std::map<MPI_Request, int> polls_left;  // of receives
MPI_Request barrier = MPI_REQUEST_NULL;
bool barrier_is_over = false;

int messages_to_lose = -1;  // that are found before, and the one
bool was_lost = false;

}  // namespace

void make_receives_late(int polls) {
  most_polls = polls;
}

void lose_message(int n) {
  messages_to_lose = n;
  was_lost = false;
}

bool message_was_lost() {
  return was_lost;
}

}  // namespace h5dcp::test

using namespace h5dcp::test;  // NOLINT(google-build-using-namespace): a wrapper, no header

extern "C" int MPI_Improbe(int source, int tag, MPI_Comm comm, int* found, MPI_Message* message,
                           MPI_Status* status) {
  const int code = PMPI_Improbe(source, tag, comm, found, message, status);
  if (code != MPI_SUCCESS || *found == 0 || messages_to_lose < 0) return code;
  if (messages_to_lose-- > 0) return code;
  int count = 0;
  PMPI_Get_count(status, MPI_BYTE, &count);
  std::vector<char> dropped(static_cast<std::size_t>(count));
  *found = 0;
  was_lost = true;
  return PMPI_Mrecv(dropped.data(), count, MPI_BYTE, message, MPI_STATUS_IGNORE);
}
extern "C" int MPI_Imrecv(void* data, int count, MPI_Datatype type, MPI_Message* message,
                          MPI_Request* request) {
  const int code = PMPI_Imrecv(data, count, type, message, request);
  barrier_is_over = false;  // a new exchange, or one whose barrier is not over yet
  if (most_polls > 0) polls_left[*request] = most_polls;
  return code;
}
extern "C" int MPI_Ibarrier(MPI_Comm comm, MPI_Request* request) {
  const int code = PMPI_Ibarrier(comm, request);
  barrier = *request;
  return code;
}
extern "C" int MPI_Test(MPI_Request* request, int* flag, MPI_Status* status) {
  const MPI_Request asked = *request;
  const auto late = polls_left.find(asked);
  if (late != polls_left.end() && !barrier_is_over && late->second-- > 0) {
    *flag = 0;
    return MPI_SUCCESS;
  }
  const int code = PMPI_Test(request, flag, status);
  if (*flag == 0) return code;
  polls_left.erase(asked);
  if (asked == barrier) barrier_is_over = true;
  return code;
}
