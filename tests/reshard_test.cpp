#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>

#include "base/whole_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "tilings.hpp"

namespace h5dcp {
namespace {

TensorStorageMetadata stored(const Extents& size, std::vector<Box> chunks) {
  return {{DType::float32}, size, std::move(chunks)};
}

std::string text_of(const ReadItem& item) {
  return std::to_string(item.dest_index.index.value()) + to_string(item.dest_offsets) + " <- " +
         std::to_string(item.storage_index.index.value()) + to_string(item.storage_offsets) + " " +
         to_string(item.lengths);
}

std::vector<std::string> reads(const Extents& size, const std::vector<Box>& saved,
                               const std::vector<Box>& wanted) {
  std::vector<std::string> texts;
  for (const auto& item : create_read_items_for_chunk_list("w", stored(size, saved), wanted)) {
    texts.push_back(text_of(item));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Reshard, ReadsWhatOverlaps) {
  struct Case {
    const char* why;
    Extents size;
    std::vector<Box> saved, wanted;
    Texts expected;
  };
  const Case cases[] = {
      {"four slabs into two",
       {8},
       {{{0}, {2}}, {{2}, {2}}, {{4}, {2}}, {{6}, {2}}},
       {{{0}, {4}}, {{4}, {4}}},
       {"0[0] <- 0[0] [2]", "0[2] <- 1[0] [2]", "1[0] <- 2[0] [2]", "1[2] <- 3[0] [2]"}},
      {"slabs that do not fit each other",
       {7},
       {{{0}, {3}}, {{3}, {4}}},
       {{{2}, {4}}},
       {"0[0] <- 0[2] [1]", "0[1] <- 1[0] [3]"}},
      {"wanted by start, stored by end along the longer dimension",
       {2, 6},
       {{{0, 3}, {2, 3}}, {{1, 0}, {1, 3}}, {{0, 0}, {1, 3}}},
       {{{0, 4}, {2, 1}}, {{0, 2}, {2, 2}}},
       {"1[1, 0] <- 1[0, 2] [1, 1]", "1[0, 0] <- 2[0, 2] [1, 1]", "1[0, 1] <- 0[0, 0] [2, 1]",
        "0[0, 0] <- 0[0, 1] [2, 1]"}},
      {"scalars", {}, {{}}, {{}}, {"0[] <- 0[] []"}},
      {"an empty wanted box inside a stored one", {8}, {{{0}, {8}}}, {{{3}, {0}}}, {}},
      {"an empty stored box inside a wanted one",
       {8},
       {{{3}, {0}}, {{0}, {8}}},
       {{{2}, {4}}},
       {"0[0] <- 1[2] [4]"}},
      {"nothing wanted", {8}, {{{0}, {8}}}, {}, {}},
      {"nothing stored", {0}, {}, {{{0}, {0}}}, {}},
  };
  for (const auto& c : cases) EXPECT_EQ(reads(c.size, c.saved, c.wanted), c.expected) << c.why;
}

TEST(Reshard, NamesThePieces) {
  const auto items =
      create_read_items_for_chunk_list("w", stored({8}, {{{0}, {4}}, {{4}, {4}}}), {{{5}, {2}}});
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].type, LoadItemType::tensor);
  EXPECT_EQ(items[0].dest_index, (MetadataIndex{"w", Extents{5}, 0}));
  EXPECT_EQ(items[0].storage_index, (MetadataIndex{"w", Extents{4}, 1}));
}

TEST(Reshard, RefusesBoxesThatAreNotInside) {
  const auto refusal = [](const std::vector<Box>& saved, const std::vector<Box>& wanted) {
    try {
      create_read_items_for_chunk_list("w", stored({8}, saved), wanted);
    } catch (const Error& error) {
      return std::pair(error.code(), std::string(error.what()));
    }
    return std::pair(ErrorCode::internal, std::string("no error"));
  };
  EXPECT_EQ(refusal({{{0}, {9}}}, {{{0}, {8}}}),
            std::pair(ErrorCode::corrupt,
                      std::string("load 'w': the stored chunk with offsets [0], sizes [9] is not "
                                  "inside [8]")));
  EXPECT_EQ(refusal({{{0}, {8}}}, {{{0, 0}, {1, 1}}}),
            std::pair(ErrorCode::invalid_argument,
                      std::string("load 'w': the wanted chunk with offsets [0, 0], sizes [1, 1] is "
                                  "not inside [8]")));
}

std::int64_t end_of(const Box& box, std::size_t dim) {
  return box.offsets[dim] + box.sizes[dim];
}

// Which wanted box reads which stored one, in DCP's order, by looking at all pairs.
std::vector<std::pair<std::size_t, std::size_t>> expected_pairs(const std::vector<Box>& saved,
                                                                const std::vector<Box>& wanted) {
  std::vector<std::size_t> wanted_order, saved_order;
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted_order.push_back(i);
  for (std::size_t i = 0; i < saved.size(); ++i) saved_order.push_back(i);
  if (!wanted.empty() && wanted[0].dims() > 0) {
    std::vector<std::int64_t> reach(wanted[0].dims());
    for (std::size_t d = 0; d < reach.size(); ++d) {
      for (const auto& box : saved) reach[d] = std::max(reach[d], end_of(box, d));
      for (const auto& box : wanted) reach[d] = std::max(reach[d], end_of(box, d));
    }
    const auto dim = static_cast<std::size_t>(std::ranges::max_element(reach) - reach.begin());
    std::ranges::stable_sort(wanted_order, {}, [&](auto i) { return wanted[i].offsets[dim]; });
    std::ranges::stable_sort(saved_order, {}, [&](auto i) { return end_of(saved[i], dim); });
  }
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const auto w : wanted_order) {
    for (const auto s : saved_order) {
      if (intersect(wanted[w], saved[s])) pairs.emplace_back(w, s);
    }
  }
  return pairs;
}

std::vector<Box> any_boxes(const Extents& size) {
  std::vector<Box> boxes(any_of<std::size_t>(0, 8));
  for (auto& box : boxes) box = any_box(size);
  return boxes;
}

RC_GTEST_PROP(Reshard, IsInTheOrderOfDcp, ()) {
  const auto size = any_sizes(8);
  const auto saved = any_of(0, 1) == 0 ? any_tiling(size) : any_boxes(size);
  const auto wanted = any_boxes(size);
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const auto& item : create_read_items_for_chunk_list("w", stored(size, saved), wanted)) {
    pairs.emplace_back(item.dest_index.index.value(), item.storage_index.index.value());
  }
  RC_ASSERT(pairs == expected_pairs(saved, wanted));
}

RC_GTEST_PROP(Reshard, EveryElementHasOneSourceAndTheRightOne, ()) {
  const auto size = any_sizes(6);
  const auto saved = any_tiling(size);
  const auto wanted = any_boxes(size);
  const auto items = create_read_items_for_chunk_list("w", stored(size, saved), wanted);
  std::vector<std::vector<Extents>> filled(wanted.size());  // by the position in the tensor
  for (const auto& item : items) {
    const auto w = item.dest_index.index.value();
    const auto s = item.storage_index.index.value();
    RC_ASSERT(item.dest_index.offset == wanted[w].offsets);
    RC_ASSERT(item.storage_index.offset == saved[s].offsets);
    for_each_element({zeros_like(size), item.lengths}, [&](const Extents& step) {
      Extents to = step;
      Extents from = step;
      for (std::size_t d = 0; d < step.size(); ++d) {
        to[d] += item.dest_offsets[d] + wanted[w].offsets[d];
        from[d] += item.storage_offsets[d] + saved[s].offsets[d];
      }
      RC_ASSERT(from == to);
      RC_ASSERT(holds(saved[s], from));
      filled[w].push_back(to);
    });
  }
  for (std::size_t w = 0; w < wanted.size(); ++w) {
    std::vector<Extents> elements;
    for_each_element(wanted[w], [&](const Extents& element) { elements.push_back(element); });
    std::ranges::sort(filled[w], [](const Extents& a, const Extents& b) {
      return std::ranges::lexicographical_compare(a, b);
    });
    RC_ASSERT(filled[w] == elements);
  }
}

}  // namespace
}  // namespace h5dcp
