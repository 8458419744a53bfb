// What is said of saves and loads, by whom and where, and the records that are kept of them.

#include <gtest/gtest.h>
#include <mpi.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "comm/log.hpp"
#include "faulty_storage.hpp"
#include "file_limit.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/null_storage.hpp"
#include "h5dcp/options.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

const Words kSavePhases{"plan", "negotiate", "lay out", "answer", "write", "commit"};
const Words kLoadPhases{"open", "plan", "read"};

// A program whose default logger is its own, of a level that passes no more than errors.
class Program {
 public:
  Program()
      : logger_(std::make_shared<spdlog::logger>(
            "program", std::make_shared<spdlog::sinks::ostream_sink_mt>(stream_))) {
    logger_->set_pattern("%n|%l|%v");
    logger_->set_level(spdlog::level::err);
    spdlog::set_default_logger(logger_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { spdlog::set_default_logger(before_); }

  Words lines() const {
    Words lines;
    std::istringstream said(stream_.str());
    for (std::string line; std::getline(said, line);) lines.push_back(line);
    return lines;
  }

  // Nobody has changed anything of spdlog's.
  void expect_untouched() const {
    EXPECT_EQ(spdlog::default_logger(), logger_);
    EXPECT_EQ(logger_->level(), spdlog::level::err);
    EXPECT_EQ(spdlog::get("h5dcp"), nullptr);
  }

 private:
  std::ostringstream stream_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::shared_ptr<spdlog::logger> logger_;
};

// A variable of the environment, as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

class Logging : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    folder = test::own_folder();
    path = folder + "/x.h5";
    record = folder + "/record.jsonl";
  }

  StateDict make_state() const {
    const auto w = test::make_tensor({"w", DType::float32, {6, 4}}, 0, rank, size);
    return {{"w", w}, {"step", 3}};
  }

  // Options whose messages are in `heard`.
  Options listening(LogLevel level) {
    return {.log_level = level, .logger = [&](const LogMessage& m) { heard.push_back(m); }};
  }

  SaveResult save_with(const Options& options) const {
    StateDict state = make_state();
    return save(state, {.checkpoint_id = path, .options = options});
  }
  LoadResult load_with(const Options& options) const {
    StateDict state = make_state();
    return load(state, {.checkpoint_id = path, .options = options});
  }

  // What a save to `path` leaves if it is killed, an hour ago. Its name.
  std::string leave_unfinished() const {
    const auto name = folder + "/.x.h5.0123456789abcdef.partial";
    if (rank == 0) {
      std::ofstream(name) << std::string(4096, '\0');  // nothing was written yet
      fs::last_write_time(name, fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
    MPI_Barrier(MPI_COMM_WORLD);
    return name;
  }

  // On rank 0: the lines of the record, each of which must be JSON.
  std::vector<Json> records() const {
    std::vector<Json> read;
    if (rank != 0) return read;
    std::ifstream file(record);
    for (std::string line; std::getline(file, line);) {
      read.push_back(Json::parse(line, nullptr, false));
      EXPECT_FALSE(read.back().is_discarded()) << line;
    }
    return read;
  }

  // All but the error. `report` is what the call returned.
  void expect_recorded(const Json& json, const std::string& what, const Report& report) const {
    EXPECT_EQ(json.at("what"), what);
    EXPECT_EQ(json.at("checkpoint"), path);
    const std::regex time(R"(20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ)");
    EXPECT_TRUE(std::regex_match(json.at("time").get<std::string>(), time)) << json;
    EXPECT_EQ(json.at("ranks"), size);
    EXPECT_EQ(json.at("bytes"), report.bytes);
    double sum = 0;
    EXPECT_EQ(json.at("phases").size(), report.phases.size());
    for (std::size_t i = 0; i < report.phases.size(); ++i) {
      const auto& phase = report.phases[i];
      sum += phase.min_seconds;
      EXPECT_EQ(json.at("phases").at(i), (Json{{"name", phase.name},
                                               {"min_seconds", phase.min_seconds},
                                               {"mean_seconds", phase.mean_seconds},
                                               {"max_seconds", phase.max_seconds},
                                               {"slowest_rank", phase.slowest_rank},
                                               {"bytes", phase.bytes}}));
    }
    EXPECT_GE(json.at("seconds").get<double>(), sum);
  }

  // The phases that a failed call came to, and why it failed.
  void expect_failure(const Json& json, const std::string& what, const Words& phases,
                      const std::optional<CheckpointException>& failure) const {
    EXPECT_TRUE(failure);
    if (!failure) return;
    EXPECT_EQ(json.at("what"), what);
    EXPECT_EQ(json.at("checkpoint"), path);
    EXPECT_EQ(json.at("ranks"), size);
    EXPECT_EQ(json.at("bytes"), 0);
    Words names;
    for (const auto& phase : json.at("phases")) {
      names.push_back(phase.at("name"));
      EXPECT_EQ(phase.at("min_seconds"), phase.at("max_seconds")) << "not the coordinator's own";
      EXPECT_EQ(phase.at("slowest_rank"), 0);
    }
    EXPECT_EQ(names, phases);
    EXPECT_EQ(json.at("error"), (Json{{"step", failure->step()},
                                      {"ranks", failure->failed_ranks()},
                                      {"message", failure->what()}}));
  }

  int rank = 0;
  int size = 1;
  std::string folder;  // of this test, empty
  std::string path;
  std::string record;
  std::vector<LogMessage> heard;
};

TEST_F(Logging, ByDefaultNothingIsSaidAndNothingIsReadFromTheEnvironment) {
  const Variable level("H5DCP_LOG_LEVEL", "debug");
  const Variable wanted("H5DCP_RECORD", record);
  const Program program;
  const auto left = leave_unfinished();
  save_with({});
  load_with({});
  Options options = listening(LogLevel::error);
  EXPECT_EQ(Options().log_level, options.log_level);
  leave_unfinished();
  save_with(options);
  load_with(options);
  EXPECT_EQ(program.lines(), Words());
  EXPECT_EQ(heard.size(), 0U);
  EXPECT_FALSE(fs::exists(record));
  EXPECT_FALSE(fs::exists(left)) << "there was nothing to warn of";
}

TEST_F(Logging, EachLevelIncludesThoseBefore) {
  const std::vector<std::pair<LogLevel, std::set<LogLevel>>> cases{
      {LogLevel::off, {}},
      {LogLevel::error, {}},
      {LogLevel::warning, {LogLevel::warning}},
      {LogLevel::info, {LogLevel::warning, LogLevel::info}},
      {LogLevel::debug, {LogLevel::warning, LogLevel::info, LogLevel::debug}}};
  for (const auto& [level, expected] : cases) {
    heard.clear();
    leave_unfinished();
    save_with(listening(level));
    std::set<LogLevel> levels;
    for (const auto& message : heard) levels.insert(message.level);
    std::set<LogLevel> here;  // only the coordinator has more to say than its phases
    if (level == LogLevel::debug) here.insert(LogLevel::debug);
    EXPECT_EQ(levels, rank == 0 ? expected : here) << static_cast<int>(level);
  }
}

TEST_F(Logging, OnlyOffIsSilentAboutErrors) {
  for (const auto level : {LogLevel::off, LogLevel::error, LogLevel::debug}) {
    heard.clear();
    const Comm comm(MPI_COMM_WORLD, {.options = listening(level)});
    log(comm, LogLevel::error, "write", "no end of it");
    log(comm, LogLevel::off, "write", "nothing");
    ASSERT_EQ(heard.size(), level == LogLevel::off ? 0U : 1U);
    for (const auto& message : heard) EXPECT_EQ(message.text, "no end of it");
  }
}

TEST_F(Logging, InfoIsALineOfTheCoordinator) {
  const auto saved = save_with(listening(LogLevel::info)).report;
  const auto loaded = load_with(listening(LogLevel::info)).report;
  ASSERT_EQ(heard.size(), rank == 0 ? 2U : 0U);
  if (rank != 0) return;
  for (const auto& [message, step, report] :
       {std::tuple{heard[0], "save", saved}, std::tuple{heard[1], "load", loaded}}) {
    EXPECT_EQ(message.level, LogLevel::info);
    EXPECT_EQ(message.rank, 0);
    EXPECT_EQ(message.size, size);
    EXPECT_EQ(message.step, step);
    const std::regex line(step + (" '" + path + "': ") + std::to_string(report.bytes) +
                          R"( bytes in [\d.e-]+ s, [\d.e-]+ GB/s; the longest phase: (.*), )"
                          R"([\d.e-]+ s on rank (\d))");
    std::smatch words;
    ASSERT_TRUE(std::regex_match(message.text, words, line)) << message.text;
    const auto longest = std::ranges::max_element(report.phases, {}, &Phase::max_seconds);
    EXPECT_EQ(words[1], longest->name);
    EXPECT_EQ(words[2], std::to_string(longest->slowest_rank));
  }
}

TEST_F(Logging, DebugTellsThePhasesOfEveryRank) {
  const auto expect_phases = [&](const std::string& what, const Words& phases) {
    Words steps;
    for (const auto& message : heard) {
      if (message.level != LogLevel::debug) continue;
      EXPECT_EQ(message.rank, rank);
      EXPECT_EQ(message.size, size);
      EXPECT_EQ(message.text, what + " '" + path + "': " + message.step);
      steps.push_back(message.step);
    }
    EXPECT_EQ(steps, phases);
    heard.clear();
  };
  save_with(listening(LogLevel::debug));
  expect_phases("save", kSavePhases);
  load_with(listening(LogLevel::debug));
  expect_phases("load", kLoadPhases);
}

TEST_F(Logging, AnUnfinishedFileThatIsRemovedIsAWarning) {
  const auto left = leave_unfinished();
  save_with(listening(LogLevel::warning));
  ASSERT_EQ(heard.size(), rank == 0 ? 1U : 0U);
  EXPECT_FALSE(fs::exists(left));
  if (rank != 0) return;
  EXPECT_EQ(heard[0].level, LogLevel::warning);
  EXPECT_EQ(heard[0].step, "create '" + path + "'");
  EXPECT_EQ(heard[0].text,
            "create '" + path + "': removed '" + left + "', which a save that was killed has left");
}

TEST_F(Logging, WithoutALoggerMessagesGoWhereSpdlogsDefaultLoggerWrites) {
  const Program program;
  leave_unfinished();
  save_with({.log_level = LogLevel::debug});
  const auto tag = "[rank " + std::to_string(rank) + " of " + std::to_string(size) + "] ";
  Words expected;
  for (const auto& phase : kSavePhases) {
    expected.push_back("h5dcp|debug|" + tag + "save '" + path + "': " + phase);
    if (phase == "lay out" && rank == 0) expected.push_back("h5dcp|warning|" + tag + "create '");
  }
  if (rank == 0) expected.push_back("h5dcp|info|" + tag + "save '" + path + "': ");
  const auto lines = program.lines();
  ASSERT_EQ(lines.size(), expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(lines[i].starts_with(expected[i])) << lines[i] << "\nnot " << expected[i];
  }
  program.expect_untouched();
}

TEST_F(Logging, AProgramMayHaveNoDefaultLogger) {
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(nullptr);
  save_with({.log_level = LogLevel::debug});
  spdlog::set_default_logger(before);
  load_with({});
}

TEST_F(Logging, ALoggerThatThrowsHarmsNothing) {
  leave_unfinished();
  const Options options{.log_level = LogLevel::debug,
                        .logger = [](const LogMessage&) { throw std::runtime_error("no room"); },
                        .record_path = record};
  save_with(options);
  load_with(options);
  if (rank == 0) {
    EXPECT_EQ(records().size(), 2U);
  }
}

TEST_F(Logging, EachSaveAndLoadIsRecordedOnce) {
  const Options options{.record_path = record};
  const auto saved = save_with(options).report;
  const auto loaded = load_with(options).report;
  const auto again = save_with(options).report;
  const auto lines = records();
  ASSERT_EQ(lines.size(), rank == 0 ? 3U : 0U);
  if (rank != 0) return;
  expect_recorded(lines[0], "save", saved);
  expect_recorded(lines[1], "load", loaded);
  expect_recorded(lines[2], "save", again);
  for (const auto& line : lines) EXPECT_FALSE(line.contains("error")) << line;
}

TEST_F(Logging, FailuresAreRecordedAndNotLogged) {
  const int faulty = size - 1;
  Options options = listening(LogLevel::info);
  options.record_path = record;
  const auto save_failing_in = [&](const std::string& hook) {
    return test::failure_of([&] {
      StateDict state = make_state();
      test::FaultySavePlanner planner({rank == faulty ? hook : "", 0});
      save(state, {.checkpoint_id = path, .planner = &planner, .options = options});
    });
  };
  const auto planned = save_failing_in("create_local_plan");
  const auto written = save_failing_in("resolve_data");
  const auto opened = test::failure_of([&] { load_with(options); });
  EXPECT_EQ(heard.size(), 0U);
  save_with({});
  const auto read = test::failure_of([&] {
    StateDict state = make_state();
    test::FaultyLoadPlanner planner({rank == faulty ? "commit_tensor" : "", 0});
    load(state, {.checkpoint_id = path, .planner = &planner, .options = options});
  });

  const auto lines = records();
  ASSERT_EQ(lines.size(), rank == 0 ? 4U : 0U);
  if (rank != 0) return;
  expect_failure(lines[0], "save", {"plan"}, planned);
  expect_failure(lines[1], "save", {"plan", "negotiate", "lay out", "answer", "write"}, written);
  expect_failure(lines[2], "load", {"open"}, opened);
  expect_failure(lines[3], "load", kLoadPhases, read);
  EXPECT_EQ(lines[0].at("error").at("step"), "plan");
  EXPECT_EQ(lines[1].at("error").at("step"), "write");
  EXPECT_EQ(lines[1].at("error").at("ranks"), std::vector<int>{faulty});
  EXPECT_EQ(lines[3].at("error").at("step"), "read");
}

// Throws between two agreements, on every rank, as MPI might.
class Throwing : public NullWriter {
 public:
  std::vector<WriteResult> write_data(const Comm& /*comm*/, const SavePlan& /*plan*/,
                                      SavePlanner& /*planner*/) override {
    throw Error(ErrorCode::mpi, "MPI refused");
  }
};

TEST_F(Logging, AnErrorOfOneRankAloneIsRecordedIfItIsTheCoordinator) {
  StateDict state = make_state();
  Throwing writer;
  const Options options{.record_path = record};
  EXPECT_THROW(save(state, {.storage_writer = &writer, .options = options}), Error);
  const auto lines = records();
  ASSERT_EQ(lines.size(), rank == 0 ? 1U : 0U);
  if (rank != 0) return;
  EXPECT_EQ(lines[0].at("error"),
            (Json{{"step", "write"}, {"ranks", {0}}, {"message", "MPI refused"}}));
  EXPECT_EQ(lines[0].at("checkpoint"), nullptr) << "nobody has named it";
}

TEST_F(Logging, TheStorageNamesTheCheckpointIfTheCallerDoesNot) {
  Options options = listening(LogLevel::info);
  options.record_path = record;
  StateDict state = make_state();
  Hdf5Writer writer(path);
  Hdf5Reader reader(path);
  save(state, {.storage_writer = &writer, .options = options});
  load(state, {.storage_reader = &reader, .options = options});
  const auto lines = records();
  ASSERT_EQ(lines.size(), rank == 0 ? 2U : 0U);
  for (const auto& line : lines) EXPECT_EQ(line.at("checkpoint"), path);
  for (const auto& message : heard) {
    EXPECT_NE(message.text.find("'" + path + "'"), std::string::npos) << message.text;
  }
}

TEST_F(Logging, ANameThatIsNoTextIsRecordedAllTheSame) {
  StateDict state = make_state();
  const Options options{.record_path = record};
  save(state, {.checkpoint_id = folder + "/\xff\"\n.h5", .options = options});
  const auto lines = records();
  ASSERT_EQ(lines.size(), rank == 0 ? 1U : 0U);
  for (const auto& line : lines) EXPECT_EQ(line.at("checkpoint"), folder + "/\xef\xbf\xbd\"\n.h5");
}

TEST_F(Logging, ARecordThatCannotBeWrittenIsAWarningAndNoFailure) {
  const std::string full = folder + "/full";
  const std::string pipe = folder + "/pipe";
  constexpr std::uintmax_t kBytes = 1 << 20;  // more than the checkpoint has
  if (rank == 0) {
    std::ofstream(full).flush();
    fs::resize_file(full, kBytes);
    EXPECT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  }
  const test::FileLimit limit(kBytes + 10);
  const std::vector<std::pair<std::string, std::string>> cases{
      {folder + "/missing/record", "open '" + folder + "/missing/record': No such file"},
      {folder, "open '" + folder + "': Is a directory"},
      {pipe, "open '" + pipe + "': No such device"},
      {full, "bytes to '" + full + "': only 10"}};
  for (const auto& [to, says] : cases) {
    heard.clear();
    Options options = listening(LogLevel::warning);
    options.record_path = to;
    save_with(options);
    load_with(options);
    EXPECT_EQ(heard.size(), rank == 0 ? 2U : 0U) << to;
    for (const auto& message : heard) {
      EXPECT_EQ(message.level, LogLevel::warning);
      EXPECT_EQ(message.text.find(message.step + " '" + path + "': no record of it: "), 0U)
          << message.text;
    }
    if (!heard.empty()) {
      EXPECT_NE(heard[0].text.find(says), std::string::npos) << heard[0].text;
    }
  }
}

TEST_F(Logging, ProgramsThatRecordToOneFileTearNoLines) {
  constexpr int kSaves = 40;
  for (int i = 0; i < kSaves; ++i) {  // each rank for itself, as a program of its own
    StateDict state{{"rank", rank}};
    NullWriter writer;
    save(state, {.checkpoint_id = std::string(3000, 'a') + std::to_string(rank),
                 .storage_writer = &writer,
                 .no_dist = true,
                 .options = {.record_path = record}});
  }
  MPI_Barrier(MPI_COMM_WORLD);
  const auto lines = records();
  ASSERT_EQ(lines.size(), rank == 0 ? static_cast<std::size_t>(kSaves * size) : 0U);
  for (const auto& line : lines) EXPECT_EQ(line.at("ranks"), 1);
}

TEST_F(Logging, TheEnvironmentSaysWhatItWants) {
  EXPECT_EQ(Options::from_environment().log_level, Options().log_level);
  EXPECT_EQ(Options::from_environment().record_path, "");
  EXPECT_EQ(Options::from_environment().logger, nullptr);
  EXPECT_EQ(Options::from_environment().hints, Hints());
  const std::vector<std::pair<std::string, LogLevel>> levels{
      {"off", LogLevel::off},   {"error", LogLevel::error}, {"warning", LogLevel::warning},
      {"info", LogLevel::info}, {"debug", LogLevel::debug}, {"", Options().log_level}};
  for (const auto& [name, level] : levels) {
    const Variable variable("H5DCP_LOG_LEVEL", name);
    EXPECT_EQ(Options::from_environment().log_level, level) << name;
  }
  for (const auto& name : {"record.jsonl", "/missing/record", ""}) {
    const Variable variable("H5DCP_RECORD", name);
    EXPECT_EQ(Options::from_environment().record_path, name);
  }
  const std::vector<std::pair<std::string, Hints>> hints{
      {"", {}},
      {"cb_buffer_size=4194304", {{"cb_buffer_size", "4194304"}}},
      {"cb_config_list=*:1;romio_cb_write=enable;x==",
       {{"cb_config_list", "*:1"}, {"romio_cb_write", "enable"}, {"x", "="}}}};
  for (const auto& [text, meant] : hints) {
    const Variable variable("H5DCP_HINTS", text);
    EXPECT_EQ(Options::from_environment().hints, meant) << text;
  }
}

TEST_F(Logging, WhatItCannotMeanIsRefused) {
  const auto expect_refused = [&](const char* name, const std::string& value,
                                  const std::string& why) {
    const Variable variable(name, value);
    try {
      Options::from_environment();
      ADD_FAILURE() << name << "=" << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_EQ(error.what(), name + (" is '" + value + "': ") + why);
    }
  };
  for (const auto* level : {"loud", "Info", "info ", "3"}) {
    expect_refused("H5DCP_LOG_LEVEL", level, "not off, error, warning, info or debug");
  }
  expect_refused("H5DCP_RECORD", folder, "a folder, not a file to append to");
  expect_refused("H5DCP_HINTS", "cb_buffer_size", "'cb_buffer_size' is no name=value");
  expect_refused("H5DCP_HINTS", "a=1;;b=2", "'' is no name=value");
  expect_refused("H5DCP_HINTS", "=4", "the name of a hint is empty");
  expect_refused("H5DCP_HINTS", "cb_buffer_size=", "the hint 'cb_buffer_size' is empty");
}

}  // namespace
}  // namespace h5dcp
