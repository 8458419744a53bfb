#include "hdf5/filters.hpp"

#include <array>
#include <cstdint>

#include "hdf5/turn.hpp"

namespace h5dcp::hdf5 {
namespace {

void need(H5Z_filter_t filter, const char* how) {
  if (H5Zfilter_avail(filter) > 0) return;
  throw Error(ErrorCode::unsupported, std::string("Hdf5Options::filters: this HDF5 has no ") + how +
                                          ": its tools could not read the tensors");
}

}  // namespace

void set_filters(const PropertyList& creation, const Filters& filters, const std::string& action) {
  if (filters.shuffle) ok(H5Pset_shuffle(creation.get()), action);
  const auto level = static_cast<unsigned>(filters.level);
  if (filters.compression == Compression::deflate) {
    need(H5Z_FILTER_DEFLATE, "deflate");
    ok(H5Pset_deflate(creation.get(), level), action);
  } else if (filters.compression == Compression::zstd) {
    constexpr H5Z_filter_t kZstd = 32015;
    need(kZstd, "plugin for zstd (filter 32015; HDF5_PLUGIN_PATH tells where it is)");
    ok(H5Pset_filter(creation.get(), kZstd, H5Z_FLAG_MANDATORY, 1, &level), action);
  }
}

std::vector<hdf5_format::Filter> stored_filters(const Filters& filters, std::size_t itemsize,
                                                const std::string& action) {
  const Turn turn;
  const PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), action);
  set_filters(creation, filters, action);
  const int count = H5Pget_nfilters(creation.get());
  ok(count, action);
  std::vector<hdf5_format::Filter> stored;
  for (unsigned f = 0; f < static_cast<unsigned>(count); ++f) {
    unsigned flags = 0;
    std::array<unsigned, 8> values{};
    std::size_t used = values.size();
    std::array<char, 256> name{};
    const auto id = H5Pget_filter2(creation.get(), f, &flags, &used, values.data(), name.size() - 1,
                                   name.data(), nullptr);
    ok(id, action);
    auto& filter = stored.emplace_back();
    filter.id = static_cast<std::uint16_t>(id);
    filter.name = name.data();
    filter.flags = static_cast<std::uint16_t>(flags);
    filter.values.assign(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(used));
    // The only filter of these that looks at the dataset, when that is made.
    if (id == H5Z_FILTER_SHUFFLE) filter.values = {static_cast<std::uint32_t>(itemsize)};
  }
  return stored;
}

}  // namespace h5dcp::hdf5
