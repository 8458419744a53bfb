#include "command_line.hpp"

#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "completion.hpp"
#include "manual.hpp"
#include "version.hpp"

namespace tool {

namespace {

// A field of a run: see for_each_field().
template <class Field>
void add_flag(CLI::App* verb, const std::string& name, Field& field, const std::string& value,
              const std::string& description) {
  if constexpr (std::is_same_v<Field, bool>) {
    verb->add_flag("--" + name, field, description);
  } else {
    auto* option = verb->add_option("--" + name, field, description)->type_name(value);
    if (std::is_same_v<Field, std::vector<std::string>>) {
      option->delimiter(',')->allow_extra_args(false);
    }
  }
}

}  // namespace

CommandLine::CommandLine() : app_("Looks into checkpoints that h5dcp saved.", "h5dcp") {
  app_.set_version_flag("--version", std::string("h5dcp ") + kVersion,
                        "Print the version and exit");
  app_.set_help_flag("-h,--help", "Print this help and exit");
  app_.require_subcommand(1);
  app_.footer(
      "Exit status: 0 fine, 1 damage or no readable checkpoint, 2 usage; of diff see there.");
  add_printer("--print-manual", [this] { return manual(app_, kVersion); });
  add_printer("--print-bash-completion", [this] { return bash_completion(app_); });
  add_ls();
  add_show();
  add_cat();
  add_diff();
  add_copy("cp", "Copy a checkpoint with all of its files", copy_, tool::copy);
  add_copy("mv", "Move a checkpoint with all of its files", move_, tool::move);
  add_verify();
  add_doctor();
  add_bench();
  add_tune();
}

// For the build, so in no help: prints what is made from all the verbs and options.
void CommandLine::add_printer(const std::string& name, std::function<std::string()> text) {
  const auto print = [text = std::move(text)] { throw CLI::CallForVersion(text(), 0); };
  app_.add_flag_callback(name, print)->group("");
}

CLI::App* CommandLine::add(const std::string& name, const std::string& description,
                           std::function<int()> run, int failure) {
  auto* verb = app_.add_subcommand(name, description);
  verb->callback([this, run = std::move(run), failure] {
    run_ = run;
    failure_ = failure;
  });
  return verb;
}

void CommandLine::add_ls() {
  auto* verb = add("ls", "List the entries: name, dtype, shape, bytes", [this] { return ls(ls_); });
  verb->add_option("FILE", ls_.file, "The checkpoint")->required();
  verb->add_flag("-l", ls_.more, "Also kind, chunks, and address in the file");
  verb->add_flag("--json", ls_.json, "As JSON, with everything");
}

void CommandLine::add_show() {
  auto* verb =
      add("show", "Show the whole, and who wrote which box", [this] { return show(show_); });
  verb->add_option("FILE", show_.file, "The checkpoint")->required();
  auto* name = verb->add_option("TENSOR", show_.name, "This entry alone");
  verb->add_option("--svg", show_.svg, "Draw who wrote which box of TENSOR into this file")
      ->type_name("FILE.svg")
      ->needs(name);
  verb->add_flag("--json", show_.json, "As JSON");
}

void CommandLine::add_cat() {
  auto* verb =
      add("cat", "Print the elements of a tensor, or a value", [this] { return cat(cat_); });
  verb->add_option("FILE", cat_.file, "The checkpoint")->required();
  verb->add_option("NAME", cat_.name, "The entry, as ls has it")->required();
  verb->add_option("--slice", cat_.slice, "Which part, as in Python: 0:4,-1,:")->type_name("SLICE");
  verb->add_flag("--json", cat_.json, "As JSON");
}

void CommandLine::add_diff() {
  auto* verb = add(
      "diff", "Compare two checkpoints", [this] { return diff(diff_); }, kTrouble);
  verb->add_option("A", diff_.a, "A checkpoint")->required();
  verb->add_option("B", diff_.b, "Another one")->required();
  verb->add_option("--tolerance", diff_.tolerance,
                   "Elements that differ by at most this, absolutely or relatively, are equal")
      ->check([](const std::string& text) {
        return text.starts_with('-') ? "it is below zero" : std::string();
      })
      ->type_name("NUMBER");
  verb->add_flag("--json", diff_.json, "As JSON");
  verb->footer("Exit status: 0 equal, 1 different, 2 usage, damage or no readable checkpoint.");
}

void CommandLine::add_copy(const std::string& name, const std::string& description,
                           CopyOptions& options, int (*work)(const CopyOptions&)) {
  auto* verb = add(name, description, [&options, work] { return work(options); });
  verb->add_option("A", options.from, "The checkpoint")->required();
  verb->add_option("B", options.to, "Its new name, or a folder")->required();
  verb->add_flag("-f,--force", options.force, "Replace what is there");
}

void CommandLine::add_verify() {
  auto* verb = add("verify", "Check every byte, and tell of each damage",
                   [this] { return verify(verify_); });
  verb->add_option("FILE", verify_.file, "The checkpoint")->required();
}

void CommandLine::add_doctor() {
  auto* verb =
      add("doctor", "Look whether checkpoints will work here", [this] { return doctor(doctor_); });
  verb->add_option("PATH", doctor_.path, "Where they will be: a folder, or a file in it");
  verb->footer("Exit status: 0 nothing bad, 1 something is, 2 usage.");
}

void CommandLine::add_bench() {
  auto* verb = add("bench", "Measure saves and loads beside what the file system can do",
                   [this] { return bench(bench_); });
  const auto read = [this](const std::string& path) { bench_.run = benchmark::read_run(path); };
  verb->add_option_function<std::string>("RUN.json", read, "A run, as --print-run has it");
  // Flags come after the file, so they win over it.
  benchmark::for_each_field(bench_.run, [verb](auto&&... field) { add_flag(verb, field...); });
  verb->add_option("--csv", bench_.csv, "Write each time there, a line a save or load")
      ->type_name("FILE.csv");
  verb->add_option("--json", bench_.json, "Write all results there")->type_name("FILE.json");
  verb->add_option("--plot", bench_.plot, "Draw the bandwidth of each way there")
      ->type_name("FILE.svg");
  verb->add_flag("--print-run", bench_.print_run, "Print the run as JSON and measure nothing");
  verb->add_flag("--print-workload", bench_.print_workload,
                 "Print all tensors as JSON and measure nothing");
  verb->footer("Exit status: 0 measured, 1 something went wrong, 2 usage.");
}

void CommandLine::add_tune() {
  auto* verb = add("tune", "Measure which options suit a folder", [this] { return tune(tune_); });
  verb->add_option("DIR", tune_.run.dir, "Where checkpoints will be")->required();
  benchmark::for_each_field(tune_.run, [verb](const std::string& name, auto&&... rest) {
    const std::set<std::string> flags{"workload", "scale", "optimizer", "repetitions", "cold"};
    if (flags.contains(name)) add_flag(verb, name, rest...);
  });
  verb->add_option("--write", tune_.write, "Write a profile with the best options there")
      ->type_name("FILE");
  verb->footer("Exit status: 0 measured, 1 something went wrong, 2 usage.");
}

}  // namespace tool
