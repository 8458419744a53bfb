#include <exception>
#include <optional>
#include <string>

#include "layout/dataset_name.hpp"
#include "layout/hyperslab.hpp"
#include "storage/engine.hpp"
#include "storage/hdf5_id.hpp"

namespace h5dcp {
namespace {

using hdf5::ok;

std::string dataset_name(const Index& index, std::uint64_t number) {
  if (number < index.size()) {
    return dataset_path(index.fqn(number), index.is_prefix(number));
  }
  return std::string("/h5dcp/") + name_of(Table{static_cast<std::uint8_t>(number - index.size())});
}

// The elements of `piece` in the dataset; nothing if there is no piece.
void select(hid_t space, const Piece* piece) {
  const std::string action = "select a hyperslab";
  if (piece == nullptr) {
    ok(H5Sselect_none(space), action);
    return;
  }
  auto op = H5S_SELECT_SET;
  for (const auto& box : piece->boxes) {
    if (box.dims() == 0) return;  // a scalar: all of it is selected from the start
    const auto slab = hyperslab_of(box);
    ok(H5Sselect_hyperslab(space, op, slab.start.data(), slab.stride.data(), slab.count.data(),
                           slab.block.data()),
       action);
    op = H5S_SELECT_OR;
  }
}

// The first error on this rank. It must not keep the rank from the collective calls that the others
// make; agree() tells of it when they are over.
class FirstError {
 public:
  template <class Work>
  bool attempt(const Work& work) {
    try {
      work();
      return true;
    } catch (...) {
      if (!error_) error_ = std::current_exception();
      return false;
    }
  }
  explicit operator bool() const { return error_ != nullptr; }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

class CollectiveEngine : public Engine {
 public:
  CollectiveEngine(const Comm& comm, const PosixFile& file, const Index& index,
                   CollectiveCalls& calls)
      : comm_(comm), file_(file), index_(index), calls_(calls) {}

  void write(std::string_view step, const std::vector<Piece>& pieces,
             const std::function<const void*(std::size_t)>& data) override {
    run(step, pieces, H5F_ACC_RDWR,
        [&](std::size_t i, hid_t dataset, hid_t type, hid_t memory, hid_t space, hid_t transfer,
            FirstError& error) {
          const void* packed = nullptr;
          const bool have = i < pieces.size() && error.attempt([&] { packed = data(i); });
          if (i < pieces.size() && !have) select_none(memory, space);
          error.attempt([&] {
            ok(H5Dwrite(dataset, type, memory, space, transfer, packed), describe("write"));
          });
        });
  }

  void read(std::string_view step, const std::vector<Piece>& pieces,
            const std::function<void*(std::size_t)>& into,
            const std::function<void(std::size_t)>& took) override {
    run(step, pieces, H5F_ACC_RDONLY,
        [&](std::size_t i, hid_t dataset, hid_t type, hid_t memory, hid_t space, hid_t transfer,
            FirstError& error) {
          void* packed = nullptr;
          const bool have = i < pieces.size() && error.attempt([&] { packed = into(i); });
          if (i < pieces.size() && !have) select_none(memory, space);
          const bool read = error.attempt([&] {
            ok(H5Dread(dataset, type, memory, space, transfer, packed), describe("read"));
          });
          if (have && read) error.attempt([&] { took(i); });
        });
  }

 private:
  std::string describe(const char* verb) const {
    return std::string(verb) + " '" + file_.path() + "' collectively";
  }

  static void select_none(hid_t memory, hid_t space) {
    H5Sselect_none(memory);
    H5Sselect_none(space);
  }

  // Opens the file on all ranks and makes as many calls for each dataset as the rank with the most
  // pieces there needs: `move(i, ...)` with i = pieces.size() where this rank has none.
  template <class Move>
  void run(std::string_view step, const std::vector<Piece>& pieces, unsigned flags,
           const Move& move) {
    std::vector<std::uint64_t> rounds(index_.size() + kTables);
    for (const auto& piece : pieces) ++rounds.at(piece.target.number);
    const auto mine = rounds;
    rounds = comm_.max(step, std::move(rounds));

    const hdf5::Quiet quiet;
    FirstError error;
    std::optional<hdf5::File> file;
    comm_.agree(step, [&] { file = open(flags); });
    const auto transfer = collective_transfer();
    std::size_t next = 0;
    for (std::uint64_t number = 0; number < rounds.size(); ++number) {
      if (rounds[number] == 0) continue;
      const auto name = dataset_name(index_, number);
      const auto what = "open dataset '" + name + "' of '" + file_.path() + "'";
      hdf5::Dataset dataset(H5Dopen2(file->get(), name.c_str(), H5P_DEFAULT), what);
      const hdf5::Datatype type(H5Dget_type(dataset.get()), what);
      for (std::uint64_t round = 0; round < rounds[number]; ++round) {
        const bool have = round < mine[number];
        const Piece* piece = have ? &pieces[next] : nullptr;
        const hdf5::Dataspace space(H5Dget_space(dataset.get()), what);
        select(space.get(), piece);
        const auto memory = packed_space(space.get());
        move(have ? next : pieces.size(), dataset.get(), type.get(), memory.get(), space.get(),
             transfer.get(), error);
        count(transfer.get());
        if (have) ++next;
      }
      error.attempt([&] { dataset.close("close dataset '" + name + "'"); });
    }
    error.attempt([&] { file->close("close '" + file_.path() + "'"); });
    comm_.agree(step, [&] { error.rethrow(); });
  }

  hdf5::File open(unsigned flags) const {
    const auto what = "open '" + file_.path() + "' through MPI-IO";
    const hdf5::PropertyList access(H5Pcreate(H5P_FILE_ACCESS), what);
    ok(H5Pset_fapl_mpio(access.get(), comm_.get(), MPI_INFO_NULL), what);
    return {H5Fopen(file_.path().c_str(), flags, access.get()), what};
  }

  static hdf5::PropertyList collective_transfer() {
    hdf5::PropertyList list(H5Pcreate(H5P_DATASET_XFER), "ask for collective transfers");
    ok(H5Pset_dxpl_mpio(list.get(), H5FD_MPIO_COLLECTIVE), "ask for collective transfers");
    return list;
  }

  // As many elements in memory, one after the other, as are selected in the file.
  static hdf5::Dataspace packed_space(hid_t space) {
    const auto selected = static_cast<hsize_t>(H5Sget_select_npoints(space));
    const hsize_t elements = selected > 0 ? selected : 1;
    hdf5::Dataspace memory(H5Screate_simple(1, &elements, nullptr), "describe memory");
    if (selected == 0) ok(H5Sselect_none(memory.get()), "describe memory");
    return memory;
  }

  void count(hid_t transfer) {
    H5D_mpio_actual_io_mode_t mode = H5D_MPIO_NO_COLLECTIVE;
    ok(H5Pget_mpio_actual_io_mode(transfer, &mode), "ask how data were moved");
    ++(mode == H5D_MPIO_NO_COLLECTIVE ? calls_.independent : calls_.collective);
  }

  Comm comm_;
  const PosixFile& file_;
  const Index& index_;
  CollectiveCalls& calls_;
};

}  // namespace

std::unique_ptr<Engine> collective_engine(const Comm& comm, const PosixFile& file,
                                          const Index& index, CollectiveCalls& calls) {
  return std::make_unique<CollectiveEngine>(comm, file, index, calls);
}

}  // namespace h5dcp
