#include "options.hpp"

#include <mpi.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <string>

#include "h5dcp/error.hpp"
#include "h5dcp/profile.hpp"
#include "hang.hpp"

namespace trainer {
namespace {

// What is wrong in the environment is a mistake as one on the command line.
h5dcp::CommOptions comm_options(std::chrono::seconds deadline) {
  try {
    return app::comm_options(kProgram, deadline);
  } catch (const h5dcp::Error& error) {
    throw CLI::ValidationError(error.what());
  }
}

h5dcp::Hdf5Options profile_options(const std::string& path) {
  try {
    return h5dcp::options_from_profile(path);
  } catch (const h5dcp::Error& error) {
    throw CLI::ValidationError(error.what());
  }
}

}  // namespace

Options parse(int argc, char** argv, int rank) {
  Options options;
  CLI::App app("Trains a small language model on the bytes of a text, sharded over the MPI ranks");
  app.footer("SIGUSR1 to any rank: all finish the step, save, and end with status 75.");
  app.option_defaults()->always_capture_default();
  app.add_option("--text", options.text, "file to learn from");
  app.add_option("--steps", options.steps, "step to train to")->check(CLI::NonNegativeNumber);
  app.add_option("--save-every", options.save_every, "steps between checkpoints; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--checkpoint", options.checkpoint, "folder of the checkpoints, step_<N>.h5");
  app.add_flag("--resume", options.resume, "go on from the newest checkpoint that can be read");
  app.add_option("--seed", options.seed, "of the parameters, the order of the text and the dropout")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--layers", options.layers)->check(CLI::PositiveNumber);
  app.add_option("--hidden", options.hidden, "width; heads must divide it")
      ->check(CLI::PositiveNumber);
  app.add_option("--heads", options.heads)->check(CLI::PositiveNumber);
  app.add_option("--context", options.context, "bytes of a sample")->check(CLI::PositiveNumber);
  app.add_option("--batch", options.batch, "samples of a step, over all ranks")
      ->check(CLI::PositiveNumber);
  std::string profile;
  app.add_option("--profile", profile, "options for checkpoints, as h5dcp tune writes them");
  std::string transfer;
  app.add_option("--transfer", transfer,
                 "how checkpoints are written and read [automatic, or as the profile says]")
      ->check(CLI::IsMember({"automatic", "aggregated", "direct", "collective"}));
  auto deadline = std::chrono::duration_cast<std::chrono::seconds>(options.comm.deadline).count();
  app.add_option("--deadline", deadline,
                 "seconds to wait for a rank when saving and loading, before the job ends")
      ->check(CLI::PositiveNumber);
  app.add_flag("--report-memory", options.report_memory,
               "say at the end how much every rank held between steps");
  app.add_option("--forget", options.forget, "for tests: do not restore this part")
      ->check(CLI::IsMember({"optimizer", "rng", "data"}))
      ->group("");  // not in --help

  try {
    app.parse(argc, argv);
    if (options.hidden % options.heads != 0) {
      throw CLI::ValidationError("--hidden", "heads must divide it");
    }
    options.comm = comm_options(std::chrono::seconds(deadline));
    if (!profile.empty()) options.hdf5 = profile_options(profile);
  } catch (const CLI::ParseError& error) {
    const int status = rank == 0 ? app.exit(error) : error.get_exit_code();
    MPI_Finalize();
    std::exit(status);
  }
  if (options.forget == "optimizer") options.forget = "optim";
  if (!transfer.empty()) options.hdf5.transfer = h5dcp::transfer_named(transfer).value();
  return options;
}

}  // namespace trainer
