// Transformations of stored values, like compression or encryption, that a reader must undo. The
// names are those of torch.distributed.checkpoint._extension.
//
// They are for values, which are stored as bytes. The counterpart for tensors, which are datasets
// that HDF5's tools read, are HDF5's filters.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/bytes.hpp"

namespace h5dcp {

class Extension {
 public:
  Extension() = default;
  Extension(const Extension&) = delete;
  Extension& operator=(const Extension&) = delete;
  virtual ~Extension() = default;

  // What is stored of it, "<registry name>/<version>": by this a reader finds what undoes it.
  virtual std::string get_descriptor() const = 0;
};

// May be used for several values at once, but not by several threads.
class StreamTransformExtension : public Extension {
 public:
  // What is stored in place of `bytes`.
  virtual Bytes transform_to(const Bytes& bytes) const = 0;

  // The inverse. Throws Error{corrupt} for bytes that transform_to cannot have made.
  virtual Bytes transform_from(const Bytes& bytes) const = 0;
};

// At most 64 for one value. As DCP: the last one is the first to see a value.
using StreamTransforms = std::vector<std::shared_ptr<const StreamTransformExtension>>;

// Extensions by name, for readers.
class ExtensionRegistry {
 public:
  // Makes an extension, given the version in the descriptor.
  //
  // Throws Error{unsupported} for a version that it does not know.
  using Factory =
      std::function<std::shared_ptr<const StreamTransformExtension>(std::string_view version)>;

  // Knows ZStandard.
  ExtensionRegistry();

  // Adds one, or puts it in the place of that which had the name.
  void add(const std::string& registry_name, Factory from_descriptor);

  // The extension with that descriptor.
  //
  // Throws Error{unsupported} if no factory has its name, or as that does.
  std::shared_ptr<const StreamTransformExtension> from_descriptor(
      std::string_view descriptor) const;

 private:
  std::map<std::string, Factory, std::less<>> factories_;
};

// Compression by Zstandard (RFC 8878), of at most 1 GiB: transform_to throws Error{unsupported}.
class ZStandard : public StreamTransformExtension {
 public:
  static constexpr std::string_view kRegistryName = "stream.zstd";

  // `level` from 1, the fastest, to 19, the smallest.
  //
  // Throws Error{invalid_argument} for another one.
  explicit ZStandard(int level = 3);

  std::string get_descriptor() const override;  // "stream.zstd/1"
  Bytes transform_to(const Bytes& bytes) const override;
  Bytes transform_from(const Bytes& bytes) const override;

 private:
  int level_;
};

}  // namespace h5dcp
