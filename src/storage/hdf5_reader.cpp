#include <utility>

#include "base/wire.hpp"
#include "comm/log.hpp"
#include "comm/node.hpp"
#include "files/random_id.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "skeleton/segments.hpp"
#include "storage/hdf5_load.hpp"
#include "storage/hdf5_options.hpp"
#include "storage/tensor_reads.hpp"
#include "storage/values.hpp"
#include "transfer/engine.hpp"

namespace h5dcp {
namespace {

// What the coordinator read, as all get it.
Bytes encode_index(const Index& index, Transfer transfer) {
  WireWriter wire;
  wire.varint(static_cast<std::uint64_t>(transfer));
  wire.bytes(encode_record(index.record()));
  wire.bytes(index.tables());
  return wire.take();
}

Index decode_index(const Bytes& bytes, Transfer mine, int coordinator) {
  WireReader wire(bytes);
  check_transfer(mine, Transfer{static_cast<std::uint8_t>(wire.varint())}, coordinator);
  const Record record = decode_record(wire.bytes());
  return {record, wire.bytes()};
}

// HDF5 would believe its metadata without looking: what they are is only known from the record.
void check_metadata(const PosixFile& file, const Index& index) {
  const auto damaged = damaged_segments(file, other_bytes(index), index.record());
  if (damaged.empty()) return;
  throw Error(ErrorCode::corrupt, "HDF5 metadata: " + std::to_string(damaged.front().nbytes) +
                                      " bytes at " + std::to_string(damaged.front().address) +
                                      " do not match their checksum");
}

// HDF5 reads virtual datasets only independently; what lies in chunks is at no one address; and of
// what has no checksums nobody could tell whether MPI-IO has read it right.
void check_collective(const Record& record) {
  const auto refuse = [](const char* what) {
    throw Error(ErrorCode::unsupported, std::string("Transfer::collective reads no checkpoint ") +
                                            what + ": the others do");
  };
  if (record.chunked) refuse("with chunks of shards");
  if (record.data_files > 0) refuse("with data files");
  if (record.unhashed) refuse("without checksums");
}

// Collective. The coordinator alone logs, for all ranks.
void warn_of_wrong_reads(const Comm& comm, const std::string& step, std::uint64_t parts) {
  const auto all = comm.sum(step, {parts})[0];
  if (all == 0 || !comm.is_coordinator()) return;
  log(comm, LogLevel::warning, step,
      step + ": MPI-IO returned wrong bytes for " + std::to_string(all) +
          (all == 1 ? " part of a tensor" : " parts of tensors") +
          ", and pread the right ones, which were used: the file is sound. "
          "Hdf5Options::transfer other than Transfer::collective does without MPI-IO");
}

void check_same_file(const PosixFile& file, const Index& index, int coordinator) {
  Bytes start(kRecordBytes);
  file.read(start.data(), start.size(), 0);
  if (decode_record(start).generation == index.record().generation) return;
  throw Error(ErrorCode::io,
              "not the file that rank " + std::to_string(coordinator) +
                  " read: it was replaced just now, or the ranks see different file systems");
}

}  // namespace

Hdf5Reader::Hdf5Reader(std::string path, Hdf5Options options)
    : path_(std::move(path)), options_(std::move(options)) {
  check_options(options_);
}

Hdf5Reader::~Hdf5Reader() = default;

void Hdf5Reader::reset(const std::optional<std::string>& checkpoint_id) {
  if (checkpoint_id) path_ = *checkpoint_id;
  load_ = std::make_unique<Load>();
  if (path_.empty()) throw Error(ErrorCode::invalid_argument, "load: no checkpoint id is given");
}

bool Hdf5Reader::validate_checkpoint_id(const std::string& checkpoint_id) {
  return is_file_path(checkpoint_id);
}

Metadata Hdf5Reader::read_metadata(const Comm& comm) {
  Load& load = *load_;
  const auto step = "open '" + path_ + "'";
  comm.agree(step, [&] {
    if (!comm.is_coordinator()) return;
    load.files = CheckpointFiles(PosixFile(path_, PosixFile::Mode::read));
    load.index = read_index(load.files.own());
    if (options_.transfer == Transfer::collective) {
      check_collective(load.index.record());
      check_metadata(load.files.own(), load.index);
    }
  });
  const Bytes shared = comm.broadcast(
      step, comm.is_coordinator() ? encode_index(load.index, options_.transfer) : Bytes(),
      comm.coordinator());
  Metadata metadata;
  comm.agree(step, [&] {
    if (!comm.is_coordinator()) {
      load.index = decode_index(shared, options_.transfer, comm.coordinator());
      load.files = CheckpointFiles(PosixFile(path_, PosixFile::Mode::read));
      check_same_file(load.files.own(), load.index, comm.coordinator());
    }
    load.files.expect(load.index.record());
    metadata = metadata_of(load.index, path_);
    metadata.storage_meta.load_id = std::to_string(random_id());
  });
  return metadata;
}

void Hdf5Reader::set_up_storage_reader(const Metadata& /*metadata*/, bool /*is_coordinator*/) {}

void Hdf5Reader::read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) {
  Load& load = *load_;
  const auto step = "read from '" + path_ + "'";
  const bool collective = options_.transfer == Transfer::collective;
  if (!collective) connect_node(comm);
  TensorReads reads(load.files, load.index, planner, piece_bytes(options_), options_.checksums,
                    is_shared(options_.transfer) ? NodeSession::ranks_of_node(comm) : 0);
  ToRead wanted;
  MpiInfo hints;
  comm.agree(step, [&] {
    if (collective) hints = MpiInfo(comm.options().hints, options_.hints);
    for (const auto& item : plan.items) {
      if (item.type == LoadItemType::tensor) {
        reads.add(item);
        continue;
      }
      const auto entry = load.index.find(item.storage_index.fqn);
      if (!entry) {
        throw Error(ErrorCode::not_found, "'" + item.storage_index.fqn + "' is not here");
      }
      planner.load_bytes(item, read_value(load.files.own(), load.index, *entry));
    }
    wanted = reads.to_read();
  });
  const auto engine =
      collective
          ? collective_engine(comm, load.files.own(), load.index, hints, load.calls)
          : agreed(comm, node_engine(comm, load.files, options_.transfer, load.index.size()));
  if (collective) reads.doubt_engine();
  engine->read(step, wanted, reads);
  if (collective) warn_of_wrong_reads(comm, step, reads.read_wrong());
  if (load.index.record().filtered.nbytes == 0) return;
  comm.agree(step, [&] { reads.read_filtered(); });
}

CollectiveCalls Hdf5Reader::collective_calls() const {
  return load_ ? load_->calls : CollectiveCalls{};
}

}  // namespace h5dcp
