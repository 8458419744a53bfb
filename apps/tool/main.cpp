// h5dcp: looks into checkpoints. docs/tool.md

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>

#include "text.hpp"
#include "verbs.hpp"
#include "version.hpp"

namespace tool {
namespace {

using Run = std::function<int()>;

// Each of these adds a verb, which sets `run` if it is the one that was asked for.
void add_ls(CLI::App& app, LsOptions& options, Run& run) {
  auto* verb = app.add_subcommand("ls", "List the entries: name, dtype, shape, bytes");
  verb->add_option("FILE", options.file, "The checkpoint")->required();
  verb->add_flag("-l", options.more, "Also kind, chunks, and address in the file");
  verb->add_flag("--json", options.json, "As JSON, with everything");
  verb->callback([&] { run = [&options] { return ls(options); }; });
}

void add_show(CLI::App& app, ShowOptions& options, Run& run) {
  auto* verb = app.add_subcommand("show", "Show the whole, and who wrote which box");
  verb->add_option("FILE", options.file, "The checkpoint")->required();
  verb->add_flag("--json", options.json, "As JSON");
  verb->callback([&] { run = [&options] { return show(options); }; });
}

void add_cat(CLI::App& app, CatOptions& options, Run& run) {
  auto* verb = app.add_subcommand("cat", "Print the elements of a tensor, or a value");
  verb->add_option("FILE", options.file, "The checkpoint")->required();
  verb->add_option("NAME", options.name, "The entry, as ls has it")->required();
  verb->add_option("--slice", options.slice, "Which part, as in Python: 0:4,-1,:")
      ->type_name("SLICE");
  verb->add_flag("--json", options.json, "As JSON");
  verb->callback([&] { run = [&options] { return cat(options); }; });
}

void add_verify(CLI::App& app, VerifyOptions& options, Run& run) {
  auto* verb = app.add_subcommand("verify", "Check every byte, and tell of each damage");
  verb->add_option("FILE", options.file, "The checkpoint")->required();
  verb->callback([&] { run = [&options] { return verify(options); }; });
}

int fail(int status, std::string_view message) {
  std::cerr << "h5dcp: " << printable(message) << '\n';
  return status;
}

int run_tool(int argc, char** argv) {
  CLI::App app("Looks into checkpoints that h5dcp saved.", "h5dcp");
  app.set_version_flag("--version", std::string("h5dcp ") + kVersion);
  app.require_subcommand(1);
  app.footer("Exit status: 0 fine, 1 damage or no readable checkpoint, 2 usage.");
  LsOptions ls_options;
  ShowOptions show_options;
  CatOptions cat_options;
  VerifyOptions verify_options;
  Run run;
  add_ls(app, ls_options, run);
  add_show(app, show_options, run);
  add_cat(app, cat_options, run);
  add_verify(app, verify_options, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, std::string(error.what()) + " (h5dcp --help)");
  }
  return run();
}

}  // namespace
}  // namespace tool

int main(int argc, char** argv) {
  try {
    const int status = tool::run_tool(argc, argv);
    if (!std::cout.flush()) return tool::fail(tool::kDamaged, "stdout: cannot be written");
    return status;
  } catch (const tool::UsageError& error) {
    return tool::fail(tool::kUsage, error.what());
  } catch (const std::exception& error) {
    return tool::fail(tool::kDamaged, error.what());
  }
}
