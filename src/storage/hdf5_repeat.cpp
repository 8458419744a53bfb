// Hdf5Writer: a save that is laid out as an earlier one. The coordinator writes back what was in
// the file beside the data; the others know its name before it is there.

#include <array>
#include <typeinfo>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "files/partial_name.hpp"
#include "h5dcp/error.hpp"
#include "layout/tables.hpp"
#include "storage/common_options.hpp"
#include "storage/hdf5_partial.hpp"
#include "storage/hdf5_save.hpp"

namespace h5dcp {

std::uint64_t Hdf5Layout::next_id() const {
  const std::array<std::uint64_t, 2> which{record.generation, saves + 1};
  return xxh3(which.data(), sizeof which);
}

RepeatingWriter* Hdf5Writer::repeating() {
  // Collective calls need every dataset opened on every rank, so they would gain little.
  // How many bytes filters leave follows from the data. Of data files nobody keeps an image.
  const bool can = options_.transfer != Transfer::collective && !options_.filters.any() &&
                   options_.files.way == Files::Way::one && typeid(*this) == typeid(Hdf5Writer);
  return can ? this : nullptr;
}

std::shared_ptr<StoredLayout> Hdf5Writer::keep_layout() {
  save_->layout = std::make_shared<Hdf5Layout>();
  return save_->layout;
}

std::string Hdf5Writer::layout_options() const {
  return plan_options(options_);
}

std::uint64_t Hdf5Writer::room_for(const BytesWriteData& value) const {
  return in_blobs(value.kind) ? slot_bytes(value.nbytes) : value.nbytes;
}

void Hdf5Writer::begin_again(const Comm& comm, StoredLayout& layout) {
  Save& save = *save_;
  auto& kept = dynamic_cast<Hdf5Layout&>(layout);
  save.record = kept.record;
  save.record.generation = kept.next_id();
  save.exchanges = kept.exchanges;
  kept.saves += 1;
  if (!comm.is_coordinator()) {
    save.partial = partial_name(path_, save.record.generation);
    return;
  }
  with_context("create '" + path_ + "'", [&] {
    // From here on abandon() removes it.
    save.unfinished.emplace(make_unfinished(comm, path_, options_.overwrite, save.record.generation,
                                            placement_of(comm, path_, options_)));
    save.partial = save.unfinished->path();
    repeat_skeleton(save.unfinished->file(), save.record, kept.image);
  });
}

}  // namespace h5dcp
