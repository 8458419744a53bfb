#include <utility>

#include "base/wire.hpp"
#include "comm/log.hpp"
#include "comm/node.hpp"
#include "files/file_head.hpp"
#include "files/random_id.hpp"
#include "files/same_generation.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "skeleton/segments.hpp"
#include "storage/common_options.hpp"
#include "storage/hdf5_load.hpp"
#include "storage/hdf5_options.hpp"
#include "storage/node_values.hpp"
#include "storage/tensor_reads.hpp"
#include "transfer/any_on_node.hpp"
#include "transfer/engine.hpp"

namespace h5dcp {
namespace {

// What the coordinator read, as all get it.
Bytes encode_index(const Index& index) {
  WireWriter wire;
  wire.bytes(encode_record(index.record()));
  wire.bytes(index.tables());
  return wire.take();
}

Index decode_index(const Bytes& bytes) {
  WireReader wire(bytes);
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

std::vector<const ReadItem*> values_of(const LoadPlan& plan) {
  std::vector<const ReadItem*> items;
  for (const auto& item : plan.items) {
    if (item.type != LoadItemType::tensor) items.push_back(&item);
  }
  return items;
}

// The data files that `plan` reads: whether number i is one.
std::vector<bool> data_files_of(const LoadPlan& plan, const Index& index) {
  std::vector<bool> wanted(index.record().data_files + 1);
  for (const auto& item : plan.items) {
    if (item.type != LoadItemType::tensor) continue;
    const auto entry = index.find(item.storage_index.fqn);
    if (!entry || !index.in_data_files(*entry)) continue;
    const Box region{item.storage_offsets, item.lengths};
    for (const auto& part : index.parts(*entry)) {
      if (part.box.dims() == region.dims() && intersect(part.box, region)) wanted[part.file] = true;
    }
  }
  return wanted;
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
  return why_not(checkpoint_id).empty();
}

std::string Hdf5Reader::why_not(const std::string& checkpoint_id) {
  return why_no_checkpoint(checkpoint_id);
}

Metadata Hdf5Reader::read_metadata(const Comm& comm) {
  Load& load = *load_;
  const auto step = "open '" + path_ + "'";
  const CommonOptions common(comm, options_, false);
  SameGeneration same(comm.coordinator());
  for (;;) {
    const auto all = comm.tally(step, [&] {
      const Ballot ballot{.sums = {}, .maxima = common.maxima(), .values = {}};
      if (!comm.is_coordinator()) return ballot;
      load.files = CheckpointFiles(PosixFile(path_, PosixFile::Mode::read));
      load.index = read_index(load.files.own());
      if (options_.transfer == Transfer::collective) {
        check_collective(load.index.record());
        check_metadata(load.files.own(), load.index);
      }
      return ballot;
    });
    common.check(comm, step, all);
    const Bytes shared = comm.broadcast(
        step, comm.is_coordinator() ? encode_index(load.index) : Bytes(), comm.coordinator());
    Metadata metadata;
    const auto others = comm.tally(step, [&] {
      if (!comm.is_coordinator()) {
        load.index = decode_index(shared);
        load.files = CheckpointFiles(PosixFile(path_, PosixFile::Mode::read));
        if (!same.is(decode_record(start_of(load.files.own())).generation,
                     load.index.record().generation)) {
          return Ballot{.sums = {1}};
        }
      }
      load.files.expect(load.index.record());
      metadata = metadata_of(load.index, path_);
      metadata.storage_meta.load_id = std::to_string(random_id());
      return Ballot{};
    });
    if (others.sums[0] == 0) return metadata;
  }
}

bool Hdf5Reader::open_data(const Comm& comm, const LoadPlan& plan) {
  const Load& load = *load_;
  if (load.index.record().data_files == 0) return true;
  const auto step = "open the data files of '" + path_ + "'";
  connect_node(comm);
  const auto gone = comm.tally(step, [&] {
    // Ranks that read together open what any of them wants.
    NodeSession session(comm, step);
    auto wanted = data_files_of(plan, load.index);
    if (is_shared(options_.transfer)) wanted = any_on_node(session, wanted);
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t number = 0; number < wanted.size(); ++number) {
      if (wanted[number]) numbers.push_back(number);
    }
    return Ballot{.sums = {load.files.open_ahead(numbers) ? 0U : 1U}};
  });
  return gone.sums[0] == 0;
}

void Hdf5Reader::set_up_storage_reader(const Metadata& /*metadata*/, bool /*is_coordinator*/) {}

void Hdf5Reader::read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) {
  Load& load = *load_;
  const auto step = "read from '" + path_ + "'";
  const bool collective = options_.transfer == Transfer::collective;
  connect_node(comm);
  TensorReads reads(load.files, load.index, planner, piece_bytes(options_), options_.checksums,
                    is_shared(options_.transfer) ? NodeSession::ranks_of_node(comm) : 0);
  ToRead wanted;
  MpiInfo hints;
  const auto all = comm.tally(step, [&] {
    {
      NodeSession session(comm, step);
      read_values(session, load.files.own(), load.index, values_of(plan), planner);
    }
    if (collective) hints = MpiInfo(comm.options().hints, options_.hints);
    for (const auto& item : plan.items) {
      if (item.type == LoadItemType::tensor) reads.add(item);
    }
    const auto passes = reads.part_into_passes();
    wanted = reads.to_read(0);
    return Ballot{.sums = {}, .maxima = {passes}, .values = {}};
  });
  const auto engine =
      collective
          ? collective_engine(comm, load.files, load.index, hints, load.calls)
          : agreed(comm, node_engine(comm, load.files, options_.transfer, load.index.size()));
  if (collective) reads.doubt_engine();
  const bool filtered = load.index.record().filtered.nbytes != 0;
  for (std::uint64_t pass = 0; pass < all.maxima[0]; ++pass) {
    if (pass > 0) comm.agree(step, [&] { wanted = reads.to_read(pass); });
    engine->read(step, wanted, reads);
    if (filtered) comm.agree(step, [&] { reads.read_filtered(); });
  }
  if (collective) warn_of_wrong_reads(comm, step, reads.read_wrong());
}

CollectiveCalls Hdf5Reader::collective_calls() const {
  return load_ ? load_->calls : CollectiveCalls{};
}

}  // namespace h5dcp
