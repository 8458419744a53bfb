#include "files/check_index.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/context.hpp"
#include "base/corrupt.hpp"
#include "base/utf8.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/flatten.hpp"
#include "layout/box_chunks.hpp"
#include "layout/chunk_shape.hpp"
#include "layout/data_parts.hpp"
#include "plan/tile.hpp"
#include "state/depth.hpp"
#include "state/list_elements.hpp"

namespace h5dcp {
namespace {

// The most bytes that a compression makes of one: of deflate by its format, of Zstandard by its
// blocks, which are 4 bytes or more and hold 128 KiB at most.
constexpr std::uint64_t most_expansion(Compression compression) {
  switch (compression) {
    case Compression::deflate:
      return 1032;
    case Compression::zstd:
      return std::uint64_t{32} << 10;
    default:
      return 1;
  }
}

// Walks the rows of `tensors`, and the tables in which they have parts.
class RowWalk {
 public:
  explicit RowWalk(const Index& index) : index_(index), record_(index.record()) {}

  void check_all() {
    for (row_ = 0; row_ < index_.size(); ++row_) check_row();
    if (names_ != record_.table(Table::names).nbytes) corrupt_table(Table::names);
    if (shapes_ != items(Table::shapes)) corrupt_table(Table::shapes);
    if (chunks_ != items(Table::chunks)) corrupt_table(Table::chunks);
    if (boxes_ != items(Table::boxes)) corrupt_table(Table::boxes);
    if (blobs_ != record_.table(Table::blobs).nbytes) corrupt_table(Table::blobs);
    if (lists_.count() > record_.file_bytes) {
      corrupt("index table 'names': the positions in lists reach " +
              std::to_string(lists_.count()) + " elements, more than the file has bytes");
    }
  }

 private:
  std::uint64_t items(Table table) const { return record_.table(table).nbytes / item_bytes(table); }

  [[noreturn]] void refuse(const std::string& what) const {
    corrupt("index table 'tensors', row " + std::to_string(row_) + ": " + what);
  }

  [[noreturn]] static void corrupt_table(Table table) {
    corrupt(std::string("index table '") + name_of(table) +
            "' is longer than what the rows of 'tensors' have in it");
  }

  // Adds to what is used of something that the file bounds.
  void use(std::uint64_t& used, std::uint64_t count, std::uint64_t most, const char* what) const {
    if (count > most || used > most - count) refuse(what);
    used += count;
  }

  void check_row() {
    r_ = index_.row(row_);
    check_name();
    check_sizes();
    if (r_.filters != 0) {
      check_chunks();
    } else if (index_.in_data_files(row_)) {
      check_parts();
    } else {
      check_place();
    }
    use(shapes_, r_.dims, items(Table::shapes), "its sizes lie outside of 'shapes'");
    check_boxes();
    check_path();
  }

  void check_name() {
    const auto all = record_.table(Table::names).nbytes;
    if (r_.name_offset != names_) refuse("its name does not follow that of the row before it");
    use(names_, std::uint64_t{r_.name_bytes} + r_.path_bytes, all,
        "its name lies outside of 'names'");
    const auto fqn = index_.fqn(row_);
    if (fqn.size() > kMaxFqnBytes || !is_utf8(fqn)) refuse("its name is not UTF-8, or too long");
    if (row_ > 0 && fqn <= index_.fqn(row_ - 1)) refuse("it is not in the order of names");
  }

  // Most names are paths as they are, and are not cut to see that.
  void check_path() {
    const auto fqn = index_.fqn(row_);
    const auto dots = std::ranges::count(fqn, '.');
    if (r_.path_bytes == 0 && dots < static_cast<std::ptrdiff_t>(kMostDepth)) return;
    const auto path = with_context("index table 'names', row " + std::to_string(row_),
                                   [&] { return index_.path(row_); });
    const bool in_list = std::ranges::any_of(
        path, [](const PathItem& item) { return std::holds_alternative<std::int64_t>(item); });
    if (in_list) lists_.add(path);
  }

  void check_sizes() {
    if (r_.first_size != shapes_) refuse("its sizes do not follow those of the row before it");
    if (r_.dims > Extents::kMaxDims || !inside(shapes_, r_.dims, items(Table::shapes))) {
      refuse("its sizes lie outside of 'shapes'");
    }
    if (r_.dtype >= kDTypes) refuse("no such dtype");
    if (r_.kind > static_cast<std::uint8_t>(EntryKind::transformed)) {
      refuse("no such kind of entry");
    }
    const auto kind = index_.kind(row_);
    if (kind != EntryKind::tensor && r_.dims != (kind == EntryKind::scalar ? 0 : 1)) {
      refuse("a value has as many dimensions as no value of its kind");
    }
    if (in_blobs(kind) && index_.dtype(row_) != DType::uint8) refuse("a slot that is no bytes");
    std::optional<std::int64_t> bytes;  // none if no memory is so large, or a size is negative
    try {
      bytes = nbytes(index_.dtype(row_), index_.sizes(row_));
    } catch (const Error&) {
    }
    if (!bytes || static_cast<std::uint64_t>(*bytes) != r_.nbytes) {
      refuse("its sizes and its bytes do not match");
    }
  }

  // Of what is contiguous in this file.
  void check_place() {
    const auto& blobs = record_.table(Table::blobs);
    if (!inside(r_.address, r_.nbytes, record_.file_bytes)) {
      refuse("its data lie outside of the file");
    }
    if (in_blobs(index_.kind(row_))) {
      if (r_.address != blobs.address + blobs_) refuse("its slot does not follow the one before");
      use(blobs_, r_.nbytes, blobs.nbytes, "its slot lies outside of 'blobs'");
    }
    use(bytes_, r_.nbytes, record_.file_bytes,
        "its data and those before it are more than the file");
  }

  void check_chunks() {
    static_cast<void>(index_.filters(row_));
    if (index_.kind(row_) != EntryKind::tensor || r_.dims == 0) {
      refuse("chunks of what is no tensor");
    }
    use(shapes_, r_.dims, items(Table::shapes), "the sizes of its chunks lie outside of 'shapes'");
    if (!inside(shapes_, r_.dims, items(Table::shapes))) {
      refuse("the sizes of its chunks lie outside of 'shapes'");
    }
    const Extents whole = index_.sizes(row_);
    const Extents chunk = index_.chunk_shape(row_);
    for (std::size_t d = 0; d < r_.dims; ++d) {
      if (chunk[d] < 1 || chunk[d] > whole[d]) refuse("its chunks are larger than it is");
    }
    // No product overflows: a tensor of these sizes has int64 bytes.
    const BoxChunks layout(whole, chunk, itemsize(index_.dtype(row_)));
    index_.is_filtered(row_) ? check_filtered(layout) : check_box_chunks(layout);
  }

  void check_filtered(const BoxChunks& layout) {
    if (layout.nbytes() > static_cast<std::uint64_t>(kLargestChunk)) {
      refuse("its chunks are larger than any");
    }
    if (!record_.committed) return;  // what is stored of them is known when it is written
    use(checksums_, numbers_of_block(true) * std::min(layout.count(), items(Table::checksums)),
        items(Table::checksums), "it has more chunks than there are checksums");
    const auto least = std::max<std::uint64_t>(
        1, layout.nbytes() / most_expansion(index_.filters(row_).compression));
    if (layout.count() > record_.filtered.nbytes / least) {
      refuse("it has more bytes than can be stored in the filtered chunks");
    }
    use(filtered_, layout.count() * least, record_.filtered.nbytes,
        "it has more bytes than can be stored in the filtered chunks");
  }

  void check_box_chunks(const BoxChunks& layout) {
    if (!record_.chunked) refuse("chunks of shards, of which the record has none");
    if (layout.count() > record_.file_bytes / layout.stride() + 1 ||
        !inside(r_.address, layout.all_bytes(), record_.file_bytes)) {
      refuse("its chunks lie outside of the file");
    }
    use(bytes_, layout.all_bytes(), record_.file_bytes,
        "its data and those before it are more than the file");
  }

  // Leaves `shapes_` before the last numbers, as many as dimensions.
  void check_parts() {
    if (index_.kind(row_) != EntryKind::tensor) refuse("a value in data files");
    const auto left = items(Table::shapes) - shapes_ - r_.dims;
    const auto count = left > 0 ? index_.part_count(row_) : 0;
    if (count == 0 || count > (left - 1) / numbers_of_part(r_.dims)) {
      refuse("its parts lie outside of 'shapes'");
    }
    use(shapes_, 1 + count * numbers_of_part(r_.dims), items(Table::shapes),
        "its parts lie outside of 'shapes'");
    std::vector<Box> boxes;
    const Box whole = whole_box(index_.sizes(row_));
    for (auto& part : index_.parts(row_)) {
      if (part.file < 1 || part.file > record_.data_files) refuse("a part in no data file");
      if (!contains(whole, part.box)) refuse("a part outside of the tensor");
      constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      if (part.address < kRecordBytes || part.address > kMost - r_.nbytes) {
        refuse("a part outside of its file");
      }
      boxes.push_back(std::move(part.box));
    }
    if (find_tiling_fault(whole.sizes, boxes)) {
      refuse("its parts are not the whole tensor, each once");
    }
  }

  void check_boxes() {
    if (r_.first_chunk != chunks_) refuse("its boxes do not follow those of the row before it");
    use(chunks_, r_.chunks, items(Table::chunks), "its boxes lie outside of 'chunks'");
    if (r_.nbytes > 0 && r_.chunks == 0) refuse("no box of it was written");
    use(boxes_, r_.chunks * 2 * r_.dims, items(Table::boxes), "its boxes lie outside of 'boxes'");
    const auto filtered = index_.is_filtered(row_);
    if (!record_.committed || filtered || !is_hashed(record_, index_.kind(row_), filtered)) return;
    constexpr auto kMost = static_cast<std::uint64_t>(kLargestBlock);
    use(checksums_, r_.nbytes / kMost + (r_.nbytes % kMost > 0 ? 1 : 0), items(Table::checksums),
        "it has more bytes than there are checksums for");
  }

  const Index& index_;
  const Record& record_;
  std::size_t row_ = 0;
  TensorRow r_{};
  // What the rows so far have of each table, in items.
  std::uint64_t names_ = 0;
  std::uint64_t shapes_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t boxes_ = 0;
  std::uint64_t checksums_ = 0;  // at least
  std::uint64_t blobs_ = 0;
  std::uint64_t bytes_ = 0;     // of data in this file that are not filtered
  std::uint64_t filtered_ = 0;  // at least, of the filtered chunks
  ListElements lists_;
};

}  // namespace

void check_record(const Record& record) {
  std::uint64_t left = record.file_bytes;
  for (std::size_t t = 0; t < kTables; ++t) {
    const Table table{static_cast<std::uint8_t>(t)};
    const auto name = std::string("index table '") + name_of(table) + "' ";
    const auto& range = record.table(table);
    if (!inside(range.address, range.nbytes, record.file_bytes)) {
      corrupt(name + "lies outside of the file");
    }
    if (range.nbytes % item_bytes(table) != 0) corrupt(name + "has half a row");
    if (range.nbytes > left) corrupt(name + "and those before it are longer than the file");
    left -= range.nbytes;
  }
  if (record.data_file > 0) {
    corrupt("it is data file " + std::to_string(record.data_file) +
            " of a checkpoint, which is beside its folder");
  }
  if (record.data_files > 0 && !is_folder_name(record.data_folder)) {
    corrupt("commit record: no folder can have the name of that of the data files");
  }
  if (record.chunked && record.data_files > 0) corrupt("it has chunks of shards and data files");
  if (!inside(record.filtered.address, record.filtered.nbytes, record.file_bytes)) {
    corrupt("the filtered chunks lie outside of the file");
  }
}

void check_rows(const Index& index) {
  RowWalk(index).check_all();
}

}  // namespace h5dcp
