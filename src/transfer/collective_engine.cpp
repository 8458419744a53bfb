#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/context.hpp"
#include "comm/watchdog.hpp"
#include "h5dcp/error.hpp"
#include "hdf5/id.hpp"
#include "hdf5/turn.hpp"
#include "hdf5/types.hpp"
#include "layout/dataset_name.hpp"
#include "layout/hyperslab.hpp"
#include "transfer/engine.hpp"

namespace h5dcp {
namespace {

using hdf5::ok;

constexpr std::size_t kDatasetsAtOnce = 64;  // open; ranks agree on each so many

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
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

// The file, which all ranks open and all close: also while an exception leaves agree(), as that
// leaves it on all. But when some rank does not come, HDF5 would wait for it there as well.
class SharedFile {
 public:
  explicit SharedFile(Watchdog& watchdog) : watchdog_(watchdog) {}
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;
  ~SharedFile() {
    if (watchdog_.comm_is_broken()) {
      static_cast<void>(file_.release());  // leaked on purpose
    } else {
      watchdog_.watch([] { return "H5Fclose"; }, [this] { file_ = hdf5::File(); });
    }
  }

  const hdf5::File& get() const { return file_; }

  void open(const std::string& path, unsigned flags, hid_t access, const std::string& action) {
    watchdog_.watch([] { return "H5Fopen"; },
                    [&] { file_ = hdf5::File(H5Fopen(path.c_str(), flags, access), action); });
  }
  void close(const std::string& action) {
    watchdog_.watch([] { return "H5Fclose"; }, [&] { file_.close(action); });
  }

 private:
  Watchdog& watchdog_;
  hdf5::File file_;
};

class CollectiveEngine : public Engine {
 public:
  CollectiveEngine(Comm comm, const PosixFile& file, const Index& index, const MpiInfo& hints,
                   CollectiveCalls& calls)
      : comm_(std::move(comm)), file_(file), index_(index), hints_(hints), calls_(calls) {}

  void write(std::string_view step, const std::vector<Piece>& pieces, const Describe& describe,
             const std::function<const void*(std::size_t)>& data) override {
    run(step, pieces, H5F_ACC_RDWR, [&](std::size_t i, const Call& call, FirstError& error) {
      const void* packed = nullptr;
      const bool mine = i < pieces.size();
      const auto about = [&](const Work& work) {
        return error.attempt([&] {
          with_late_context([&] { return mine ? "write " + describe(i) : "write nothing"; }, work);
        });
      };
      if (mine && !about([&] { packed = data(i); })) call.select_none();
      about([&] {
        const auto status = call.watch("H5Dwrite", [&] {
          return H5Dwrite(call.dataset, call.type, call.memory, call.space, call.transfer, packed);
        });
        if (status < 0) {
          // MPI-IO does not say why, and most often it is this.
          hdf5::fail("collective H5Dwrite to '" + file_.path() + "'" + bytes_free(file_.path()));
        }
        count(call.transfer);
      });
    });
  }

  void read(std::string_view step, const ToRead& wanted, Receiver& receiver) override {
    const auto& pieces = wanted.pieces;
    run(step, pieces, H5F_ACC_RDONLY, [&](std::size_t i, const Call& call, FirstError& error) {
      void* packed = nullptr;
      const bool mine = i < pieces.size();
      const auto about = [&](const Work& work) {
        return error.attempt([&] {
          with_late_context([&] { return mine ? "read " + receiver.describe(i) : "read nothing"; },
                            work);
        });
      };
      const bool have = mine && about([&] { packed = receiver.into(i); });
      if (mine && !have) call.select_none();
      const bool done = about([&] {
        const auto status = call.watch("H5Dread", [&] {
          return H5Dread(call.dataset, call.type, call.memory, call.space, call.transfer, packed);
        });
        ok(status, "collective H5Dread from '" + file_.path() + "'");
        count(call.transfer);
      });
      if (have && done) error.attempt([&] { receiver.took(i, packed, false); });
    });
  }

 private:
  using Work = std::function<void()>;

  // What a collective transfer is given.
  struct Call {
    hid_t dataset, type, memory, space, transfer;
    const std::string& name;  // of the dataset
    Watchdog& watchdog;

    // Makes the call, whatever rank it waits for. Returns its status.
    herr_t watch(const char* what, const std::function<herr_t()>& transfer_call) const {
      herr_t status = -1;
      watchdog.watch([&] { return std::string("collective ") + what + " of '" + name + "'"; },
                     [&] { status = transfer_call(); });
      return status;
    }

    void select_none() const {
      H5Sselect_none(memory);
      H5Sselect_none(space);
    }
  };

  struct Opened {
    std::uint64_t number;
    std::string name;
    hdf5::Dataset dataset;
    hdf5::Datatype type;
  };

  // Opens the file on all ranks and makes as many calls for each dataset as the rank with the most
  // pieces there needs: `move(i, ...)` with i = pieces.size() where this rank has none.
  template <class Move>
  void run(std::string_view step, const std::vector<Piece>& pieces, unsigned flags,
           const Move& move) {
    std::vector<std::uint64_t> rounds(index_.size() + kTables);
    for (const auto& piece : pieces) ++rounds.at(piece.target.number);
    const auto mine = rounds;
    const hdf5::CollectiveTurn together;
    rounds.push_back(together.has_begun() ? 0 : 1);
    rounds = comm_.max(step, std::move(rounds));
    if (rounds.back() > 0) comm_.agree(step, [&] { refuse(together); });
    rounds.pop_back();
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t number = 0; number < rounds.size(); ++number) {
      if (rounds[number] > 0) numbers.push_back(number);
    }

    const hdf5::Turn turn;
    FirstError error;
    std::optional<Watchdog> watchdog;
    comm_.agree(step, [&] { watchdog.emplace(comm_, std::string(step), file_.path()); });
    SharedFile file(*watchdog);
    comm_.agree(step, [&] { open(file, flags); });
    const auto transfer = collective_transfer();
    std::size_t next = 0;
    for (std::size_t first = 0; first < numbers.size(); first += kDatasetsAtOnce) {
      // No rank may find out alone that it cannot take part: the others would wait for it for ever.
      std::vector<Opened> datasets;
      comm_.agree(step, [&] {
        error.rethrow();
        const auto last = std::min(numbers.size(), first + kDatasetsAtOnce);
        for (auto n = first; n < last; ++n)
          datasets.push_back(open_dataset(file.get(), numbers[n]));
      });
      for (auto& opened : datasets) {
        const auto number = opened.number;
        auto& dataset = opened.dataset;
        for (std::uint64_t round = 0; round < rounds[number]; ++round) {
          const bool have = round < mine[number];
          const hdf5::Dataspace space(H5Dget_space(dataset.get()), "describe a dataset");
          select(space.get(), have ? &pieces[next] : nullptr);
          const auto memory = packed_space(space.get());
          move(have ? next++ : pieces.size(),
               Call{dataset.get(), opened.type.get(), memory.get(), space.get(), transfer.get(),
                    opened.name, *watchdog},
               error);
        }
        error.attempt([&] {
          watchdog->watch([&] { return "H5Dclose of '" + opened.name + "'"; },
                          [&] { dataset.close("close a dataset of '" + file_.path() + "'"); });
        });
      }
    }
    error.attempt([&] { file.close("close '" + file_.path() + "'"); });
    comm_.agree(step, [&] { error.rethrow(); });
  }

  static void refuse(const hdf5::CollectiveTurn& turn) {
    if (turn.has_begun()) return;
    throw Error(ErrorCode::invalid_argument,
                "Transfer::collective: another thread of this process is inside of HDF5's "
                "collective calls, and only one at a time can be");
  }

  // Throws Error{corrupt} if the dataset is not what the index says: a selection that HDF5 refuses
  // on one rank is the same as a rank that cannot take part.
  Opened open_dataset(const hdf5::File& file, std::uint64_t number) const {
    auto name = dataset_name(index_, number);
    const auto what = "open dataset '" + name + "' of '" + file_.path() + "'";
    hdf5::Dataset dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), what);
    const hdf5::Datatype stored(H5Dget_type(dataset.get()), what);
    const hdf5::Dataspace space(H5Dget_space(dataset.get()), what);

    const bool entry = number < index_.size();
    const Table table{static_cast<std::uint8_t>(entry ? 0 : number - index_.size())};
    hdf5::Datatype type =
        entry ? hdf5::datatype_of(index_.dtype(number)) : hdf5::datatype_of(table);
    const Range range = entry ? Range{index_.row(number).address, index_.row(number).nbytes}
                              : index_.record().table(table);
    const Extents sizes =
        entry ? index_.sizes(number)
              : Extents{static_cast<std::int64_t>(range.nbytes / H5Tget_size(type.get()))};
    if (H5Dget_offset(dataset.get()) != range.address || H5Tequal(stored.get(), type.get()) <= 0 ||
        sizes_of(space.get()) != sizes) {
      throw Error(ErrorCode::corrupt, what + ": it is not what the index says");
    }
    return {number, std::move(name), std::move(dataset), std::move(type)};
  }

  static std::optional<Extents> sizes_of(hid_t space) {
    std::array<hsize_t, H5S_MAX_RANK> sizes{};
    const int dims = H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
    if (dims < 0 || H5Sget_simple_extent_type(space) == H5S_NULL) return std::nullopt;
    std::array<std::int64_t, H5S_MAX_RANK> made{};
    std::ranges::transform(sizes, made.begin(),
                           [](hsize_t n) { return static_cast<std::int64_t>(n); });
    return Extents(std::span<const std::int64_t>(made).first(static_cast<std::size_t>(dims)));
  }

  void open(SharedFile& file, unsigned flags) const {
    const auto what = "open '" + file_.path() + "' through MPI-IO";
    const hdf5::PropertyList access(H5Pcreate(H5P_FILE_ACCESS), what);
    ok(H5Pset_fapl_mpio(access.get(), comm_.get(), hints_.get()), what);
    file.open(file_.path(), flags, access.get(), what);
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
  const MpiInfo& hints_;
  CollectiveCalls& calls_;
};

}  // namespace

std::unique_ptr<Engine> collective_engine(const Comm& comm, const PosixFile& file,
                                          const Index& index, const MpiInfo& hints,
                                          CollectiveCalls& calls) {
  return std::make_unique<CollectiveEngine>(comm, file, index, hints, calls);
}

}  // namespace h5dcp
