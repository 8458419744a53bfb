#include "layout/filters.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

constexpr unsigned kShuffled = 1U << 4;
constexpr unsigned kCompressions = 3;

// Byte b of all elements, one b after the other.
void shuffle(const std::uint8_t* from, std::size_t nbytes, std::size_t itemsize, std::uint8_t* to) {
  const auto items = nbytes / itemsize;
  for (std::size_t b = 0; b < itemsize; ++b) {
    for (std::size_t i = 0; i < items; ++i) to[b * items + i] = from[i * itemsize + b];
  }
}

void unshuffle(const std::uint8_t* from, std::size_t nbytes, std::size_t itemsize,
               std::uint8_t* to) {
  const auto items = nbytes / itemsize;
  for (std::size_t b = 0; b < itemsize; ++b) {
    for (std::size_t i = 0; i < items; ++i) to[i * itemsize + b] = from[b * items + i];
  }
}

void deflate(const std::uint8_t* bytes, std::size_t nbytes, int level, Bytes& stored) {
  const auto before = stored.size();
  auto size = ::compressBound(nbytes);
  stored.resize(before + size);
  const int status = ::compress2(stored.data() + before, &size, bytes, nbytes, level);
  if (status != Z_OK) {
    throw Error(ErrorCode::internal, std::string("deflate: ") + ::zError(status));
  }
  stored.resize(before + size);
}

void inflate(std::span<const std::uint8_t> stored, std::uint8_t* bytes, std::size_t nbytes) {
  uLongf size = nbytes;
  const int status = ::uncompress(bytes, &size, stored.data(), stored.size());
  if (status != Z_OK) throw Error(ErrorCode::corrupt, std::string("inflate: ") + ::zError(status));
  if (size != nbytes) throw Error(ErrorCode::corrupt, "inflate: it is too short");
}

void compress(const std::uint8_t* bytes, std::size_t nbytes, int level, Bytes& stored) {
  const auto before = stored.size();
  stored.resize(before + ZSTD_compressBound(nbytes));
  const auto size =
      ZSTD_compress(stored.data() + before, stored.size() - before, bytes, nbytes, level);
  if (ZSTD_isError(size) != 0) {
    throw Error(ErrorCode::internal, std::string("zstd: ") + ZSTD_getErrorName(size));
  }
  stored.resize(before + size);
}

void decompress(std::span<const std::uint8_t> stored, std::uint8_t* bytes, std::size_t nbytes) {
  const auto size = ZSTD_decompress(bytes, nbytes, stored.data(), stored.size());
  if (ZSTD_isError(size) != 0) {
    throw Error(ErrorCode::corrupt, std::string("zstd: ") + ZSTD_getErrorName(size));
  }
  if (size != nbytes) throw Error(ErrorCode::corrupt, "zstd: it is too short");
}

}  // namespace

std::string to_string(const Filters& filters) {
  std::string text = filters.shuffle ? "shuffle" : "";
  if (filters.compression != Compression::none) {
    if (!text.empty()) text += ", ";
    text += filters.compression == Compression::deflate ? "deflate " : "zstd ";
    text += std::to_string(filters.level);
  }
  return text.empty() ? "none" : text;
}

void check_filters(const Filters& filters) {
  const bool deflate = filters.compression == Compression::deflate;
  const int least = deflate ? 0 : 1;
  const int most = deflate ? 9 : 22;
  if (filters.compression == Compression::none ||
      (filters.level >= least && filters.level <= most)) {
    return;
  }
  throw Error(ErrorCode::invalid_argument,
              "Filters: '" + to_string(filters) + "': the level must be between " +
                  std::to_string(least) + " and " + std::to_string(most));
}

std::uint16_t encode_filters(const Filters& filters) {
  if (!filters.any()) return 0;
  const bool levelled = filters.compression != Compression::none;
  return static_cast<std::uint16_t>(static_cast<unsigned>(filters.compression) |
                                    (filters.shuffle ? kShuffled : 0) |
                                    (levelled ? static_cast<unsigned>(filters.level) : 0) << 8);
}

Filters decode_filters(std::uint16_t number) {
  const unsigned compression = number & 15U;
  Filters filters{.compression = Compression{static_cast<std::uint8_t>(compression)},
                  .shuffle = (number & kShuffled) != 0};
  if (compression != 0) filters.level = number >> 8;
  if (compression >= kCompressions || encode_filters(filters) != number) {
    throw Error(ErrorCode::corrupt, "no filters have the number " + std::to_string(number));
  }
  return filters;
}

void apply_filters(const Filters& filters, const void* chunk, std::size_t nbytes,
                   std::size_t itemsize, Bytes& stored) {
  const auto* bytes = static_cast<const std::uint8_t*>(chunk);
  Bytes shuffled;
  if (filters.shuffle && itemsize > 1) {
    shuffled.resize(nbytes);
    shuffle(bytes, nbytes, itemsize, shuffled.data());
    bytes = shuffled.data();
  }
  switch (filters.compression) {
    case Compression::none:
      stored.insert(stored.end(), bytes, bytes + nbytes);
      break;
    case Compression::deflate:
      deflate(bytes, nbytes, filters.level, stored);
      break;
    case Compression::zstd:
      compress(bytes, nbytes, filters.level, stored);
      break;
  }
}

void undo_filters(const Filters& filters, std::span<const std::uint8_t> stored,
                  std::size_t itemsize, void* chunk, std::size_t nbytes) {
  auto* bytes = static_cast<std::uint8_t*>(chunk);
  const bool shuffled = filters.shuffle && itemsize > 1;
  Bytes before(shuffled ? nbytes : 0);
  auto* compressed_to = shuffled ? before.data() : bytes;
  switch (filters.compression) {
    case Compression::none:
      if (stored.size() != nbytes) throw Error(ErrorCode::corrupt, "not as long as a chunk");
      std::ranges::copy(stored, compressed_to);
      break;
    case Compression::deflate:
      inflate(stored, compressed_to, nbytes);
      break;
    case Compression::zstd:
      decompress(stored, compressed_to, nbytes);
      break;
  }
  if (shuffled) unshuffle(before.data(), nbytes, itemsize, bytes);
}

}  // namespace h5dcp
