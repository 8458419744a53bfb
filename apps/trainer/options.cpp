#include "options.hpp"

#include <mpi.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

namespace trainer {

Options parse(int argc, char** argv, int rank) {
  const std::map<std::string, h5dcp::Transfer> transfers = {
      {"direct", h5dcp::Transfer::direct}, {"collective", h5dcp::Transfer::collective}};
  const std::map<std::string, Forget> parts = {
      {"optimizer", Forget::optimizer}, {"rng", Forget::rng}, {"data", Forget::data}};

  Options options;
  CLI::App app("Trains a small language model on the bytes of a text, sharded over the MPI ranks");
  app.option_defaults()->always_capture_default();
  app.add_option("--text", options.text, "file to learn from")->check(CLI::ExistingFile);
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
  app.add_option("--transfer", options.transfer, "how checkpoints are written and read")
      ->transform(CLI::CheckedTransformer(transfers));
  app.add_flag("--report-memory", options.report_memory,
               "say at the end how much every rank held between steps");
  app.add_option("--forget", options.forget, "for tests: do not restore this part")
      ->transform(CLI::CheckedTransformer(parts))
      ->group("");  // not in --help

  try {
    app.parse(argc, argv);
    if (options.hidden % options.heads != 0) {
      throw CLI::ValidationError("--hidden", "heads must divide it");
    }
  } catch (const CLI::ParseError& error) {
    const int status = rank == 0 ? app.exit(error) : error.get_exit_code();
    MPI_Finalize();
    std::exit(status);
  }
  return options;
}

}  // namespace trainer
