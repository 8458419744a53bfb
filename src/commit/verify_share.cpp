#include "commit/verify_share.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "h5dcp/error.hpp"
#include "skeleton/segments.hpp"
#include "storage/stored_blocks.hpp"
#include "storage/values.hpp"

namespace h5dcp {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20;

// Where rank `rank` of `size` begins in `total` bytes.
std::uint64_t share_begin(std::uint64_t total, int rank, int size) {
  const auto r = static_cast<std::uint64_t>(rank);
  const auto ranks = static_cast<std::uint64_t>(size);
  return total / ranks * r + std::min(r, total % ranks);
}

}  // namespace

VerifyShare::VerifyShare(const Opened& opened, int rank, int size)
    : files_(opened.files),
      index_(opened.index),
      tables_(files_.own(), index_.record()),
      others_(other_bytes(index_)),
      is_last_rank_(rank + 1 == size),
      data_file_(static_cast<std::uint32_t>(rank) + 1),
      data_file_step_(static_cast<std::uint32_t>(size)) {
  for (const auto& range : others_) position_ += range.nbytes;
  total_bytes_ = position_;
  for (std::size_t i = 0; i < index_.size(); ++i) total_bytes_ += index_.row(i).nbytes;
  first_ = share_begin(total_bytes_, rank, size);
  last_ = share_begin(total_bytes_, rank + 1, size);
  metadata_done_ = rank != 0;
}

bool VerifyShare::next(std::uint64_t max_bytes, const Tell& tell) {
  const auto enough = done_bytes_ + max_bytes;
  if (!metadata_done_) verify_metadata(tell);
  if (data_file_ <= index_.record().data_files) {
    verify_data_file(data_file_, tell);
    data_file_ += data_file_step_;
    return true;
  }
  while (done_bytes_ < enough) {
    if (piece_ < pieces_.size()) {
      verify_piece(pieces_[piece_++], tell);
      if (piece_ == pieces_.size()) end_entry(tell);
    } else if (!begin_entry(tell)) {
      return false;
    }
  }
  return true;
}

std::uint64_t VerifyShare::end_of(std::size_t entry) const {
  return position_ + index_.row(entry).nbytes;
}

// An entry without bytes at the very end is the last rank's.
bool VerifyShare::is_mine(std::uint64_t position) const {
  return position >= first_ && (position < last_ || is_last_rank_);
}

void VerifyShare::verify_metadata(const Tell& tell) {
  metadata_done_ = true;
  tell_segments(files_.own(), others_, index_.record(), "", tell);
  for (const auto& other : others_) done_bytes_ += other.nbytes;
}

// Whether it is the file that belongs to the checkpoint.
bool VerifyShare::can_read(std::uint32_t number) {
  if (number == 0) return true;
  const auto found = faults_.find(number);
  if (found != faults_.end()) return found->second.empty();
  auto& fault = faults_[number];
  try {
    files_.at(number);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    fault = error.what();
  }
  return fault.empty();
}

// But for its data.
void VerifyShare::verify_data_file(std::uint32_t number, const Tell& tell) {
  if (!can_read(number)) {
    tell({.what = faults_.at(number), .fqn = {}, .box = std::nullopt, .address = 0, .nbytes = 0});
    return;
  }
  const auto record = files_.record_of(number);
  try {
    tell_segments(*files_.at(number), other_bytes(index_, number, record.file_bytes), record,
                  files_.path_of(number), tell);
  } catch (const Error& error) {  // a part that the index has there ends outside of the file
    if (error.code() != ErrorCode::corrupt) throw;
    tell({.what = error.what(), .fqn = {}, .box = std::nullopt, .address = 0, .nbytes = 0});
  }
}

// `path`: of a data file, else empty.
void VerifyShare::tell_segments(const PosixFile& file, const std::vector<Range>& others,
                                const Record& record, const std::string& path, const Tell& tell) {
  Range range;  // neighbours are told as one
  const auto told = [&] {
    if (range.nbytes == 0) return;
    tell({.what = "HDF5 metadata or padding",
          .fqn = {},
          .box = std::nullopt,
          .address = range.address,
          .nbytes = range.nbytes,
          .file = path});
  };
  for (const auto& next : damaged_segments(file, others, record)) {
    if (range.address + range.nbytes == next.address) {
      range.nbytes += next.nbytes;
    } else {
      told();
      range = next;
    }
  }
  told();
}

// Goes to the next entry of which this rank has a piece; false if there is none.
bool VerifyShare::begin_entry(const Tell& tell) {
  for (; entry_ < index_.size(); position_ = end_of(entry_), ++entry_) {
    if (!is_mine(position_) && (end_of(entry_) <= first_ || position_ >= last_)) continue;
    if (!read_rows(tell)) continue;
    if (!pieces_.empty()) return true;
    if (index_.kind(entry_) != EntryKind::tensor) verify_value(tell);
  }
  return false;
}

// False if there is nothing to go by.
bool VerifyShare::read_rows(const Tell& tell) {
  const bool owner = is_mine(position_);
  const bool tensor = index_.kind(entry_) == EntryKind::tensor;
  pieces_.clear();
  piece_ = 0;
  sound_ = true;
  try {
    static_cast<void>(index_.path(entry_));
    read_chunks(tables_, index_, entry_, chunks_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    if (!owner) return false;
    ++damaged_rows_;
    done_bytes_ += index_.row(entry_).nbytes;
    const auto& rows = index_.record().table(Table::chunks);
    tell({.what = std::string("index: ") + error.what(),
          .fqn = std::string(index_.fqn(entry_)),
          .box = std::nullopt,
          .address = rows.address + index_.row(entry_).first_chunk * sizeof(ChunkRow),
          .nbytes = 0});
    return false;
  }
  auto position = position_;
  for (const auto& chunk : chunks_) {
    if (owner) digests_ += chunk.digest;
    const auto item = itemsize(index_.dtype(entry_));
    for (auto& box : h5dcp::pieces(chunk.grid, chunk.grid.box, item, kPieceBytes)) {
      const auto bytes = nbytes(index_.dtype(entry_), box.sizes);
      if (tensor ? is_mine(position) : owner) pieces_.push_back({&chunk, std::move(box)});
      position += static_cast<std::uint64_t>(bytes);
    }
  }
  return tensor || owner;
}

void VerifyShare::end_entry(const Tell& tell) {
  if (sound_ && index_.kind(entry_) != EntryKind::tensor) verify_value(tell);
  position_ = end_of(entry_++);
}

void VerifyShare::verify_piece(const Piece& piece, const Tell& tell) {
  const bool tensor = index_.kind(entry_) == EntryKind::tensor;
  done_bytes_ += static_cast<std::uint64_t>(nbytes(index_.dtype(entry_), piece.box.sizes));
  const auto in = piece.chunk->part.file;
  if (!can_read(in)) return;  // the rank that looks at the whole file tells
  std::vector<DamagedBlock> damaged;
  try {
    damaged = find_damage(files_, index_, entry_, *piece.chunk, piece.box, buffer_);
  } catch (const Error& error) {  // its data file ends before
    if (error.code() != ErrorCode::corrupt) throw;
    sound_ = false;
    tell({.what = "'" + std::string(index_.fqn(entry_)) + "': " + error.what(),
          .fqn = std::string(index_.fqn(entry_)),
          .box = std::nullopt,
          .address = 0,
          .nbytes = 0});
    return;
  }
  for (const auto& [block, range] : damaged) {
    tell({.what = tensor ? "tensor data" : "value",
          .fqn = std::string(index_.fqn(entry_)),
          .box = tensor ? std::optional(block) : std::nullopt,
          .address = range.address,
          .nbytes = range.nbytes,
          .file = in == 0 ? std::string() : files_.path_of(in)});
    sound_ = false;
  }
  if (piece.box.offsets != piece.chunk->grid.box.offsets) return;  // once a chunk
  if (const auto padding = find_damaged_padding(files_, index_, entry_, *piece.chunk)) {
    tell({.what = "padding",
          .fqn = std::string(index_.fqn(entry_)),
          .box = std::nullopt,
          .address = padding->address,
          .nbytes = padding->nbytes});
  }
}

// Whether the bytes of a value, which are as they were written, make sense.
void VerifyShare::verify_value(const Tell& tell) {
  try {
    static_cast<void>(read_value(files_.own(), index_, entry_));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    tell({.what = std::string("value: ") + error.what(),
          .fqn = std::string(index_.fqn(entry_)),
          .box = std::nullopt,
          .address = index_.row(entry_).address,
          .nbytes = 0});
  }
}

void verify_rows(const Index& index, std::uint64_t digests, std::uint64_t damaged_rows,
                 const VerifyShare::Tell& tell) {
  if (damaged_rows > 0 || digests == index.record().index_digest) return;
  tell({.what = "index: its rows are not those that were committed",
        .fqn = {},
        .box = std::nullopt,
        .address = index.record().table(Table::chunks).address,
        .nbytes = 0});
}

}  // namespace h5dcp
