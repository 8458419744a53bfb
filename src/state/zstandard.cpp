#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "h5dcp/error.hpp"
#include "h5dcp/extension.hpp"

namespace h5dcp {
namespace {

// The most bytes that are made at once of what a file says is compressed: a value that claims more
// grows step by step, so that a damaged size allocates nothing.
constexpr std::size_t kStep = std::size_t{1} << 20;

// The most bytes of a value. Some KiB can claim to be as many, so no more are made of them.
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

// The largest window of levels 1 to 19. A decoder reserves as much as a frame asks for.
constexpr int kMostWindowLog = 23;

std::string too_large() {
  return "the value has more than " + std::to_string(kMostBytes) + " bytes";
}

std::size_t checked(std::size_t result, ErrorCode code, const std::string& action) {
  if (ZSTD_isError(result) != 0) throw Error(code, action + ": " + ZSTD_getErrorName(result));
  return result;
}

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

}  // namespace

ZStandard::ZStandard(int level) : level_(level) {
  if (level >= 1 && level <= 19) return;
  throw Error(ErrorCode::invalid_argument,
              "ZStandard: level " + std::to_string(level) + " is not between 1 and 19");
}

std::string ZStandard::get_descriptor() const {
  return std::string(kRegistryName) + "/1";
}

Bytes ZStandard::transform_to(const Bytes& bytes) const {
  if (bytes.size() > kMostBytes) {
    throw Error(ErrorCode::unsupported,
                "compress: " + too_large() + ": save it without ZStandard, or as a tensor");
  }
  Bytes compressed(ZSTD_compressBound(bytes.size()));
  compressed.resize(checked(
      ZSTD_compress(compressed.data(), compressed.size(), bytes.data(), bytes.size(), level_),
      ErrorCode::internal, "compress"));
  return compressed;
}

Bytes ZStandard::transform_from(const Bytes& bytes) const {
  const std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  if (!stream) throw std::bad_alloc();
  checked(ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kMostWindowLog),
          ErrorCode::internal, "decompress");
  const auto claimed = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  const bool tells = claimed != ZSTD_CONTENTSIZE_UNKNOWN && claimed != ZSTD_CONTENTSIZE_ERROR;
  if (tells && claimed > kMostBytes) throw Error(ErrorCode::corrupt, "decompress: " + too_large());
  Bytes plain;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (std::size_t left = 1; left != 0;) {  // 0: the frame is complete
    const auto done = plain.size();
    plain.resize(done + kStep);
    ZSTD_outBuffer out{plain.data(), plain.size(), done};
    const bool all_in = in.pos == in.size;
    left =
        checked(ZSTD_decompressStream(stream.get(), &out, &in), ErrorCode::corrupt, "decompress");
    plain.resize(out.pos);
    if (plain.size() > kMostBytes) throw Error(ErrorCode::corrupt, "decompress: " + too_large());
    if (left != 0 && all_in && out.pos == done) {
      throw Error(ErrorCode::corrupt, "decompress: the bytes end before the frame does");
    }
  }
  if (in.pos != in.size) {
    throw Error(ErrorCode::corrupt, "decompress: there are bytes behind the frame");
  }
  return plain;
}

}  // namespace h5dcp
