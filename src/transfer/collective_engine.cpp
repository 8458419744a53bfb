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
#include "base/file_size_signal.hpp"
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

// Selects the elements of `piece` in the dataset.
void select(hid_t space, const Piece& piece) {
  const std::string action = "select a hyperslab";
  ok(H5Sselect_none(space), action);
  auto op = H5S_SELECT_SET;
  for (const auto& box : piece.boxes) {
    if (box.dims() == 0) {  // a scalar has no hyperslabs
      ok(H5Sselect_all(space), action);
      return;
    }
    const auto slab = hyperslab_of(box);
    ok(H5Sselect_hyperslab(space, op, slab.start.data(), slab.stride.data(), slab.count.data(),
                           slab.block.data()),
       action);
    op = H5S_SELECT_OR;
  }
}

// So many elements in memory, one after the other, of which all are selected.
hdf5::Dataspace packed_space(hsize_t elements) {
  const hsize_t room = std::max<hsize_t>(elements, 1);
  hdf5::Dataspace memory(H5Screate_simple(1, &room, nullptr), "describe memory");
  if (elements == 0) ok(H5Sselect_none(memory.get()), "describe memory");
  return memory;
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

struct OpenDataset {
  std::uint64_t number;
  std::string name;
  hdf5::Dataset dataset;
  hdf5::Datatype type;
  hdf5::Dataspace space;    // its elements, of which each call selects some
  hdf5::Dataspace nothing;  // memory of which nothing is selected
};

// The file and what is open of it: all ranks open and close these together, also while an exception
// leaves agree(), as that leaves it on all. When some rank does not come, HDF5 would wait for it
// there as well: then all of it is leaked.
class SharedFile {
 public:
  SharedFile(const Comm& comm, std::string step, std::string path)
      : watchdog_(comm, std::move(step), path), path_(std::move(path)) {}
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;
  ~SharedFile() {
    for (auto& opened : datasets_) drop(opened.dataset, "H5Dclose");
    drop(file_, "H5Fclose");
    drop(access_, "H5Pclose");
  }

  // Calls HDF5, which may wait for other ranks there. `name()` says what it is.
  template <class Call>
  void together(const std::function<std::string()>& name, const Call& call) {
    const FileSizeSignalBlock block;  // MPI-IO writes by itself
    watchdog_.watch(name, call);
  }

  const hdf5::File& get() const { return file_; }
  std::vector<OpenDataset>& datasets() { return datasets_; }

  // Rank-local. Says how the file will be opened.
  void prepare() { access_ = {H5Pcreate(H5P_FILE_ACCESS), what()}; }

  // Duplicates the communicator, and once more when the file is opened.
  void set_comm(MPI_Comm comm, MPI_Info hints) {
    together([] { return "H5Pset_fapl_mpio"; },
             [&] { ok(H5Pset_fapl_mpio(access_.get(), comm, hints), what()); });
  }

  void open(unsigned flags) {
    together([] { return "H5Fopen"; },
             [&] {
               file_ = {H5Fopen(path_.c_str(), flags, access_.get()), what()};
             });
  }

  void close(OpenDataset& opened) {
    together([&] { return "H5Dclose of '" + opened.name + "'"; },
             [&] { opened.dataset.close("close a dataset of '" + path_ + "'"); });
  }
  void close() {
    together([] { return "H5Fclose"; }, [this] { file_.close("close '" + path_ + "'"); });
  }

 private:
  std::string what() const { return "open '" + path_ + "' through MPI-IO"; }

  template <class Owner>
  void drop(Owner& owner, const char* call) {
    if (owner.get() < 0) return;
    if (watchdog_.comm_is_broken()) {
      static_cast<void>(owner.release());  // leaked on purpose
    } else {
      together([call] { return call; }, [&owner] { owner = Owner(); });
    }
  }

  Watchdog watchdog_;
  const std::string path_;
  hdf5::PropertyList access_;
  hdf5::File file_;
  std::vector<OpenDataset> datasets_;
};

class CollectiveEngine : public Engine {
 public:
  CollectiveEngine(Comm comm, const CheckpointFiles& files, const Index& index,
                   const MpiInfo& hints, CollectiveCalls& calls)
      : comm_(std::move(comm)),
        files_(files),
        file_(files.own()),
        index_(index),
        hints_(hints),
        calls_(calls) {}

  void write(std::string_view step, const std::vector<Piece>& pieces, const Describe& describe,
             const std::function<const void*(std::size_t)>& data) override {
    const auto move = [&](std::size_t i, const Call& call, FirstError& error) {
      const void* packed = nullptr;
      const bool mine = i < pieces.size();
      const auto about = [&](const Work& work) {
        return error.attempt([&] {
          with_late_context([&] { return mine ? "write " + describe(i) : "write nothing"; }, work);
        });
      };
      if (mine && !about([&] { packed = data(i); })) call.select_none();
      about([&] {
        const auto status = call.make(
            "H5Dwrite", [&](auto... arguments) { return H5Dwrite(arguments..., packed); });
        if (status < 0) {
          // MPI-IO does not say why, and most often it is this.
          hdf5::fail("collective H5Dwrite to '" + file_.path() + "'" + bytes_free(file_.path()));
        }
        count(call.transfer);
      });
    };
    if (run(step, pieces, H5F_ACC_RDWR, move)) return;
    comm_.agree(step, [&] {
      throw Error(ErrorCode::io, "'" + file_.path() +
                                     "' was removed or replaced while it was being written: does "
                                     "another program clean up there?");
    });
  }

  void read(std::string_view step, const ToRead& wanted, Receiver& receiver) override {
    const auto& pieces = wanted.pieces;
    const auto move = [&](std::size_t i, const Call& call, FirstError& error) {
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
        const auto status =
            call.make("H5Dread", [&](auto... arguments) { return H5Dread(arguments..., packed); });
        ok(status, "collective H5Dread from '" + file_.path() + "'");
        count(call.transfer);
      });
      if (have && done) error.attempt([&] { receiver.took(i, packed, false); });
    };
    if (run(step, pieces, H5F_ACC_RDONLY, move)) return;
    // Another save has replaced what is open, and MPI-IO only opens by name.
    agreed(comm_, node_engine(comm_, files_, Transfer::direct, index_.size()))
        ->read(step, wanted, receiver);
  }

 private:
  using Work = std::function<void()>;

  // What a collective transfer is given.
  struct Call {
    SharedFile& file;
    const OpenDataset& opened;
    hid_t memory, transfer;

    // Makes the call, whatever rank it waits for. Returns its status.
    template <class Transfer>
    herr_t make(const char* what, const Transfer& transfer_call) const {
      herr_t status = -1;
      file.together([&] { return std::string("collective ") + what + " of '" + opened.name + "'"; },
                    [&] {
                      status = transfer_call(opened.dataset.get(), opened.type.get(), memory,
                                             opened.space.get(), transfer);
                    });
      return status;
    }

    void select_none() const {
      H5Sselect_none(memory);
      H5Sselect_none(opened.space.get());
    }
  };

  // Opens the file on all ranks and makes as many calls for each dataset as the rank with the most
  // pieces there needs: `move(i, ...)` with i = pieces.size() where this rank has none. Returns
  // false, and makes no call, if the name leads to another file by now.
  //
  // Between two calls in which HDF5 communicates, a rank does nothing that can fail, or goes on all
  // the same and keeps the error for the next agree().
  template <class Move>
  bool run(std::string_view step, const std::vector<Piece>& pieces, unsigned flags,
           const Move& move) {
    const hdf5::CollectiveTurn together;
    std::optional<hdf5::Turn> turn;  // outlives what it is for
    std::optional<SharedFile> file;
    hdf5::PropertyList transfer;
    std::vector<std::uint64_t> mine;  // calls for each dataset
    comm_.agree(step, [&] {
      refuse(together);
      mine.resize(index_.size());
      for (const auto& piece : pieces) ++mine.at(piece.target.number);
      turn.emplace();
      file.emplace(comm_, std::string(step), file_.path());
      file->prepare();
      transfer = collective_transfer();
    });
    const auto rounds = comm_.max(step, mine);
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t number = 0; number < rounds.size(); ++number) {
      if (rounds[number] > 0) numbers.push_back(number);
    }

    if (numbers.empty()) return true;

    comm_.agree(step, [&] { file->set_comm(comm_.get(), hints_.get()); });
    const auto replaced = comm_.tally(step, [&] {
      try {
        file->open(flags);
      } catch (const Error&) {
        if (!files_.is_replaced()) throw;
      }
      return Ballot{.sums = {files_.is_replaced() ? 1U : 0U}};
    });
    if (replaced.sums[0] > 0) return false;
    FirstError error;
    std::size_t next = 0;
    for (std::size_t first = 0; first < numbers.size(); first += kDatasetsAtOnce) {
      // No rank may find out alone that it cannot take part: the others would wait for it for ever.
      comm_.agree(step, [&] {
        error.rethrow();
        file->datasets().clear();
        const auto last = std::min(numbers.size(), first + kDatasetsAtOnce);
        for (auto n = first; n < last; ++n) open_dataset(*file, numbers[n]);
      });
      for (auto& opened : file->datasets()) {
        const auto number = opened.number;
        for (std::uint64_t round = 0; round < rounds[number]; ++round) {
          std::size_t i = round < mine[number] ? next++ : pieces.size();
          hdf5::Dataspace packed;
          const bool have = i < pieces.size() && error.attempt([&] {
            select(opened.space.get(), pieces[i]);
            packed = packed_space(static_cast<hsize_t>(H5Sget_select_npoints(opened.space.get())));
          });
          const Call call{*file, opened, have ? packed.get() : opened.nothing.get(),
                          transfer.get()};
          if (!have) {
            i = pieces.size();
            call.select_none();
          }
          move(i, call, error);
        }
        error.attempt([&] { file->close(opened); });
      }
    }
    error.attempt([&] { file->close(); });
    comm_.agree(step, [&] { error.rethrow(); });
    return true;
  }

  static void refuse(const hdf5::CollectiveTurn& turn) {
    if (turn.has_begun()) return;
    throw Error(ErrorCode::invalid_argument,
                "Transfer::collective: another thread of this process is inside of HDF5's "
                "collective calls, and only one at a time can be");
  }

  // Throws Error{corrupt} if the dataset is not what the index says: a selection that HDF5 refuses
  // on one rank is the same as a rank that cannot take part.
  void open_dataset(SharedFile& file, std::uint64_t number) const {
    const auto row = index_.row(number);
    auto name = dataset_path(index_.fqn(number), index_.is_prefix(number));
    const auto what = "open dataset '" + name + "' of '" + file_.path() + "'";
    auto& opened = file.datasets().emplace_back();
    opened.number = number;
    opened.name = std::move(name);
    file.together(
        [&] { return "H5Dopen of '" + opened.name + "'"; },
        [&] {
          opened.dataset = {H5Dopen2(file.get().get(), opened.name.c_str(), H5P_DEFAULT), what};
        });
    opened.type = hdf5::datatype_of(index_.dtype(number));
    opened.space = {H5Dget_space(opened.dataset.get()), what};
    opened.nothing = packed_space(0);
    const hdf5::Datatype stored(H5Dget_type(opened.dataset.get()), what);
    if (H5Dget_offset(opened.dataset.get()) != row.address ||
        H5Tequal(stored.get(), opened.type.get()) <= 0 ||
        sizes_of(opened.space.get()) != index_.sizes(number)) {
      throw Error(ErrorCode::corrupt, what + ": it is not what the index says");
    }
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

  static hdf5::PropertyList collective_transfer() {
    hdf5::PropertyList list(H5Pcreate(H5P_DATASET_XFER), "ask for collective transfers");
    ok(H5Pset_dxpl_mpio(list.get(), H5FD_MPIO_COLLECTIVE), "ask for collective transfers");
    return list;
  }

  void count(hid_t transfer) {
    H5D_mpio_actual_io_mode_t mode = H5D_MPIO_NO_COLLECTIVE;
    ok(H5Pget_mpio_actual_io_mode(transfer, &mode), "ask how data were moved");
    ++(mode == H5D_MPIO_NO_COLLECTIVE ? calls_.independent : calls_.collective);
  }

  Comm comm_;
  const CheckpointFiles& files_;
  const PosixFile& file_;
  const Index& index_;
  const MpiInfo& hints_;
  CollectiveCalls& calls_;
};

}  // namespace

std::unique_ptr<Engine> collective_engine(const Comm& comm, const CheckpointFiles& files,
                                          const Index& index, const MpiInfo& hints,
                                          CollectiveCalls& calls) {
  return std::make_unique<CollectiveEngine>(comm, files, index, hints, calls);
}

}  // namespace h5dcp
