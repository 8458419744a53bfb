// Parts of tensors out of a file, in one process.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

using test::Sample;

// Every sample and one of many blocks, saved by all ranks in all ways of cutting them.
std::string saved() {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  StateDict state = test::make_state(0, rank, size, true);
  const auto large = test::make_tensor({"large", DType::float32, {400, 301}}, 2, rank, size);
  test::fill("large", large);
  state["large"] = large;
  state["text"] = "text";
  const std::string path = "stored_tensor.h5";
  save(state, {.checkpoint_id = path});
  return path;
}

Extents zeros(std::size_t dims) {
  return Extents(std::vector<std::int64_t>(dims));
}

// How many elements of `box`, as they are read, are not those that were saved.
std::size_t wrong(const StoredTensor& tensor, const std::string& fqn, const Box& box) {
  const auto view = allocate(tensor.dtype(), box.sizes);
  tensor.read(box, view);
  return static_cast<std::size_t>(
      test::wrong_elements(fqn, {tensor.dtype(), tensor.size(), {{box, view}}}));
}

TEST(StoredTensor, PiecesCoverEachElementOnceAndReadAsSaved) {
  const CheckpointFile file(saved());
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto entry = file.entry(i);
    if (entry.kind != EntryKind::tensor) continue;
    const auto tensor = file.tensor(i);
    EXPECT_EQ(tensor.size(), entry.size);
    EXPECT_EQ(tensor.dtype(), entry.dtype);
    std::int64_t elements = 0;
    for (const auto& piece : tensor.pieces(10000)) {
      EXPECT_LE(nbytes(entry.dtype, piece.sizes), 10000);
      EXPECT_EQ(wrong(tensor, entry.fqn, piece), 0U) << entry.fqn << to_string(piece);
      elements += numel(piece.sizes);
    }
    EXPECT_EQ(elements, numel(entry.size)) << entry.fqn;
    EXPECT_EQ(wrong(tensor, entry.fqn, {zeros(entry.size.size()), entry.size}), 0U) << entry.fqn;
  }
}

TEST(StoredTensor, ReadsBoxesAcrossBlocksAndChunks) {
  const CheckpointFile file(saved());
  const auto tensor = file.tensor(*file.find("large"));
  const Box cases[] = {
      {{0, 0}, {1, 1}},    {{399, 300}, {1, 1}}, {{0, 0}, {400, 1}},   {{199, 149}, {3, 4}},
      {{17, 0}, {1, 301}}, {{5, 100}, {0, 7}},   {{400, 301}, {0, 0}}, {{100, 50}, {250, 200}},
  };
  for (const auto& box : cases) EXPECT_EQ(wrong(tensor, "large", box), 0U) << to_string(box);
}

TEST(StoredTensor, ConvertsToTheTypeOfTheTarget) {
  const CheckpointFile file(saved());
  const auto tensor = file.tensor(*file.find("large"));
  const Box box{{3, 4}, {5, 6}};
  const auto exact = allocate(DType::float32, box.sizes);
  const auto wide = allocate(DType::float64, box.sizes);
  tensor.read(box, exact);
  tensor.read(box, wide);
  for (int i = 0; i < 30; ++i) {
    const auto number = static_cast<const float*>(exact.data)[i];
    if (number != number) continue;  // nan
    EXPECT_EQ(static_cast<const double*>(wide.data)[i], static_cast<double>(number));
  }
}

ErrorCode refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(StoredTensor, RefusesWhatDoesNotFit) {
  const CheckpointFile file(saved());
  const auto tensor = file.tensor(*file.find("large"));
  const auto view = allocate(DType::float32, {2, 2});
  const Box cases[] = {{{399, 0}, {2, 2}}, {{-1, 0}, {2, 2}}, {{0}, {2}}, {{0, 0}, {2, 3}}};
  for (const auto& box : cases) {
    EXPECT_EQ(refusal([&] { tensor.read(box, view); }), ErrorCode::invalid_argument)
        << to_string(box);
  }
  EXPECT_EQ(refusal([&] { file.tensor(*file.find("text")); }), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace h5dcp
