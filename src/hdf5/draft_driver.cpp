#include "hdf5/draft_driver.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <string>

#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>
#endif

namespace h5dcp {
namespace {

// What a property list carries.
struct Info {
  Draft* draft;
};

// HDF5 knows the first member alone.
struct OpenDraft {
  H5FD_t known{};
  Draft* draft = nullptr;
  haddr_t end = 0;  // of what HDF5 has allocated
};

OpenDraft& of(H5FD_t* file) {
  return *reinterpret_cast<OpenDraft*>(file);
}
const OpenDraft& of(const H5FD_t* file) {
  return *reinterpret_cast<const OpenDraft*>(file);
}

H5FD_t* open(const char* /*name*/, unsigned /*flags*/, hid_t access, haddr_t /*most*/) {
  auto opened = std::make_unique<OpenDraft>();
  const auto* info = static_cast<const Info*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  opened->draft = info->draft;
  return &opened.release()->known;
}

herr_t close(H5FD_t* file) {
  const std::unique_ptr<OpenDraft> closed(&of(file));
  return 0;
}

herr_t query(const H5FD_t* /*file*/, unsigned long* features) {
  *features = 0;  // above all: HDF5 keeps no raw data back to join them
  return 0;
}

haddr_t allocate(H5FD_t* file, H5FD_mem_t type, hid_t /*transfer*/, hsize_t size) {
  auto& opened = of(file);
  auto& draft = *opened.draft;
  const haddr_t address = type == H5FD_MEM_DRAW ? draft.next_chunk : draft.file_bytes;
  if (type != H5FD_MEM_DRAW) draft.file_bytes += size;
  opened.end = draft.file_bytes;
  return address;
}

haddr_t get_end(const H5FD_t* file, H5FD_mem_t /*type*/) {
  return of(file).end;
}

herr_t set_end(H5FD_t* file, H5FD_mem_t /*type*/, haddr_t end) {
  of(file).end = end;
  return 0;
}

haddr_t size_of(const H5FD_t* file, H5FD_mem_t /*type*/) {
  return std::max<haddr_t>(of(file).end, of(file).draft->file_bytes);
}

// No exception may pass through HDF5.
template <class Work>
herr_t status_of(const Work& work) {
  try {
    work();
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

herr_t read(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address,
            std::size_t size, void* bytes) {
  return status_of([&] { of(file).draft->metadata.read(bytes, size, address); });
}

herr_t write(H5FD_t* file, H5FD_mem_t type, hid_t /*transfer*/, haddr_t address, std::size_t size,
             const void* bytes) {
  if (type == H5FD_MEM_DRAW) return 0;
  return status_of([&] { of(file).draft->metadata.write(bytes, size, address); });
}

H5FD_class_t make_class() {
  H5FD_class_t made{};
#ifdef H5FD_CLASS_VERSION
  made.version = H5FD_CLASS_VERSION;
  made.value = H5_VFD_RESERVED + 72;  // any above, as long as no plugin in this process has it
#endif
  made.name = "h5dcp draft";
  made.maxaddr = HADDR_MAX / 2;
  made.fc_degree = H5F_CLOSE_WEAK;
  made.fapl_size = sizeof(Info);
  made.open = open;
  made.close = close;
  made.query = query;
  made.alloc = allocate;
  made.get_eoa = get_end;
  made.set_eoa = set_end;
  made.get_eof = size_of;
  made.read = read;
  made.write = write;
  constexpr H5FD_mem_t kMap[] = H5FD_FLMAP_DICHOTOMY;
  std::ranges::copy(kMap, made.fl_map);
  return made;
}

}  // namespace

hdf5::PropertyList draft_access(Draft& draft) {
  static const H5FD_class_t driver_class = make_class();
  const std::string action = "open a draft";
  // The list and the files that are opened with it keep the driver. Its number is kept nowhere
  // else: H5close() makes all numbers invalid, and HDF5 gives them away again.
  const hdf5::Id<H5FDunregister> driver(H5FDregister(&driver_class), action);
  hdf5::PropertyList access(H5Pcreate(H5P_FILE_ACCESS), action);
  const Info info{&draft};
  hdf5::ok(H5Pset_driver(access.get(), driver.get(), &info), action);
  return access;
}

}  // namespace h5dcp
