// A program of which one rank does not come, to see what the others say and that the job ends.
//
//   late_rank PLACE sleep|stop RANK [funneled] [log] [logger]
//
// RANK comes late to PLACE, or is stopped there and never comes: a hook of the planner or the
// storage, `rename`, or an MPI call that the library or HDF5 makes. With "PLACE again" that is in a
// save that repeats the plan of others before it ("rank 0 has repeated a save"). Each rank says
// what it is told ("rank 0: ..."), and in on_hang ("rank 0 hangs: ..."); when all have that can,
// they end the job. `funneled` asks MPI for no more than MPI_THREAD_FUNNELED, `log` leaves on_hang
// as it is, `logger` says in addition what a logger of the program is told ("rank 0 logs: ...").

#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/device_mesh.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"

namespace {

using namespace h5dcp;
using std::chrono::seconds;

constexpr const char* kPath = "x.h5";
constexpr int kTimedOut = 3;

struct {
  int rank = 0;
  int size = 0;
  std::string place;
  bool again = false;
  bool stop = false;
  int late = 0;
} job;

std::atomic<bool> armed = false;
bool file_is_open = false;  // through MPI-IO

// Where a rank may be late.
void pass(const std::string& place) {
  if (job.rank != job.late || place != job.place || !armed.exchange(false)) return;
  if (job.stop) {
    std::raise(SIGSTOP);
  } else {
    std::this_thread::sleep_for(seconds(4));  // longer than the deadline and the roll call
  }
}

void say(const std::string& text) {
  std::cout << "rank " + std::to_string(job.rank) + text + "\n" << std::flush;
}

// Ends the job when all ranks that can have come here.
[[noreturn]] void end() {
  const auto mark = [](int rank) { return "said." + std::to_string(rank); };
  std::ofstream(mark(job.rank)).flush();
  for (int rank = 0; rank < job.size; ++rank) {
    if (job.stop && rank == job.late) continue;
    while (!std::filesystem::exists(mark(rank))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  MPI_Abort(MPI_COMM_WORLD, kTimedOut);
  std::abort();
}

void report(const Hang& hang) {
  std::string missing;
  for (const int rank : hang.missing)
    missing += (missing.empty() ? "" : " ") + std::to_string(rank);
  if (hang.rank != job.rank) missing = "on another rank";
  say(" hangs: " + hang.step + " | " + hang.call + " | " + hang.file + " | [" + missing + "] | " +
      hang.text);
  if (job.stop) end();
}

class LatePlanner : public DefaultSavePlanner {
 public:
  void set_up_planner(StateDict& state, const StorageMeta& meta, bool is_coordinator) override {
    pass("set_up_planner");
    DefaultSavePlanner::set_up_planner(state, meta, is_coordinator);
  }
  std::vector<PlannedWrite> plan_writes(const Proposals& proposals) const override {
    pass("plan_writes");
    return DefaultSavePlanner::plan_writes(proposals);
  }
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
    pass("resolve_data");
    if (file_is_open) pass("data for the file");
    return DefaultSavePlanner::resolve_data(item);
  }
};

class LateWriter : public Hdf5Writer {
 public:
  using Hdf5Writer::Hdf5Writer;
  std::vector<WriteResult> write_data(const Comm& comm, const SavePlan& plan,
                                      SavePlanner& planner) override {
    pass("write_data");
    return Hdf5Writer::write_data(comm, plan, planner);
  }
  void finish(const Comm& comm) override {
    pass("finish");
    Hdf5Writer::finish(comm);
  }
};

class LateReader : public Hdf5Reader {
 public:
  using Hdf5Reader::Hdf5Reader;
  Metadata read_metadata(const Comm& comm) override {
    pass("read_metadata");
    return Hdf5Reader::read_metadata(comm);
  }
  void read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) override {
    pass("read_data");
    Hdf5Reader::read_data(comm, plan, planner);
  }
};

StateDict make_state() {
  const DeviceMesh mesh({job.size});
  const std::vector<Placement> rows{Shard{0}};
  const Extents sizes{30, 8};
  StateDict state;
  for (const auto* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) {  // each rank owns some
    const auto part = allocate(DType::float32, local_box(sizes, mesh, rows, job.rank).sizes);
    state[name] = distribute(part, sizes, mesh, rows, job.rank);
  }
  return state;
}

void report_message(const LogMessage& message) {
  say(" logs: " + std::to_string(static_cast<int>(message.level)) + " | " +
      std::to_string(message.rank) + " of " + std::to_string(message.size) + " | " + message.step +
      " | " + message.text);
}

struct Told {
  std::function<void(const Hang&)> on_hang;
  Options options;
};

void save_late(const Hdf5Options& options, const Told& told) {
  StateDict state = make_state();
  LateWriter writer(kPath, options);
  LatePlanner planner;
  save(state, {.storage_writer = &writer,
               .planner = &planner,
               .deadline = seconds(1),
               .on_hang = told.on_hang,
               .options = told.options});
}

// The third one is late.
void save_again_late(const Hdf5Options& options, const Told& told) {
  StateDict state = make_state();
  Hdf5Writer writer(kPath, options);  // a class derived from it repeats nothing
  LatePlanner planner;
  PlanCache cache;
  const SaveArguments arguments{.storage_writer = &writer,
                                .planner = &planner,
                                .deadline = seconds(1),
                                .on_hang = told.on_hang,
                                .options = told.options,
                                .plan_cache = &cache};
  save(state, arguments);
  if (save(state, arguments).repeated) say(" has repeated a save");
  armed = true;
  save(state, arguments);
}

void load_late(const Hdf5Options& options, const Told& told) {
  StateDict state = make_state();
  LateReader reader(kPath, options);
  load(state, {.storage_reader = &reader,
               .deadline = seconds(1),
               .on_hang = told.on_hang,
               .options = told.options});
}

}  // namespace

extern "C" {
int rename(const char* from, const char* to) noexcept {  // instead of the C library's
  pass("rename");
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
int MPI_Improbe(int source, int tag, MPI_Comm comm, int* flag, MPI_Message* message,
                MPI_Status* status) {
  pass("exchange");
  return PMPI_Improbe(source, tag, comm, flag, message, status);
}
int MPI_Iallreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                   MPI_Comm comm, MPI_Request* request) {
  if (file_is_open) pass("agree with the file open");
  return PMPI_Iallreduce(in, out, count, type, op, comm, request);
}
int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* copy) {
  pass("MPI_Comm_dup");
  return PMPI_Comm_dup(comm, copy);
}
int MPI_File_open(MPI_Comm comm, const char* name, int mode, MPI_Info info, MPI_File* file) {
  pass("MPI_File_open");
  const int status = PMPI_File_open(comm, name, mode, info, file);
  file_is_open = true;
  return status;
}
int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void* data, int count,
                          MPI_Datatype type, MPI_Status* status) {
  pass("MPI_File_write_at_all");
  return PMPI_File_write_at_all(file, offset, data, count, type, status);
}
int MPI_File_read_at_all(MPI_File file, MPI_Offset offset, void* data, int count, MPI_Datatype type,
                         MPI_Status* status) {
  pass("MPI_File_read_at_all");
  return PMPI_File_read_at_all(file, offset, data, count, type, status);
}
int MPI_File_close(MPI_File* file) {
  pass("MPI_File_close");
  file_is_open = false;
  return PMPI_File_close(file);
}
}

int main(int argc, char** argv) {
  const std::set<std::string> words(argv + 4, argv + argc);
  job.place = argv[1];
  const std::string suffix = " again";
  job.again = job.place.ends_with(suffix);
  if (job.again) job.place.resize(job.place.size() - suffix.size());
  job.stop = std::string(argv[2]) == "stop";
  job.late = std::stoi(argv[3]);
  int threads = 0;
  MPI_Init_thread(&argc, &argv,
                  words.contains("funneled") ? MPI_THREAD_FUNNELED : MPI_THREAD_MULTIPLE, &threads);
  MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &job.size);
  say(" is process " + std::to_string(getpid()));

  const bool of_hdf5 = job.place.find("file") != std::string::npos || job.place.starts_with("MPI_");
  const Hdf5Options options{.transfer = of_hdf5 ? Transfer::collective : Transfer::direct};
  Told told;
  if (!words.contains("log")) told.on_hang = report;
  if (words.contains("logger")) told.options.logger = report_message;
  const bool loads = job.place.find("read") != std::string::npos;
  try {
    if (job.again) {
      save_again_late(options, told);
    } else {
      if (loads) save_late(options, told);
      armed = true;
      loads ? load_late(options, told) : save_late(options, told);
    }
    say(": no error");
  } catch (const CheckpointException& error) {
    say(std::string(": ") + (error.code() == ErrorCode::timeout ? "" : "no timeout: ") +
        error.what());
  }
  try {
    const Comm again(MPI_COMM_WORLD);
    say(" can go on");
  } catch (const CheckpointException&) {  // it stays broken
  }
  end();
}
