// The verbs and their options, once: what is parsed, and what help, man page and shell completion
// are made from.

#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "verbs.hpp"

namespace tool {

class CommandLine {
 public:
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CLI::App& app() { return app_; }

  // Once parsed: what the verb does; returns the exit status.
  int run() const { return run_(); }
  // With which status it ends if it throws.
  int failure() const { return failure_; }

 private:
  void add_ls();
  void add_show();
  void add_cat();
  void add_diff();
  void add_copy(const std::string& name, const std::string& description, CopyOptions& options,
                int (*work)(const CopyOptions&));
  void add_verify();
  void add_doctor();
  void add_bench();
  void add_tune();
  void add_printer(const std::string& name, std::function<std::string()> text);
  CLI::App* add(const std::string& name, const std::string& description, std::function<int()> run,
                int failure = kDamaged);

  CLI::App app_;
  LsOptions ls_;
  ShowOptions show_;
  CatOptions cat_;
  DiffOptions diff_;
  CopyOptions copy_;
  CopyOptions move_;
  VerifyOptions verify_;
  DoctorOptions doctor_;
  BenchOptions bench_;
  TuneOptions tune_;
  std::function<int()> run_;
  int failure_ = kDamaged;
};

}  // namespace tool
