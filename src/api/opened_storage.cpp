#include "api/opened_storage.hpp"

#include <utility>

#include "api/choose_storage.hpp"

namespace h5dcp {
namespace {

// A reader by DCP's contract: every rank reads for itself.
class EachForItself : public ParallelStorageReader {
 public:
  explicit EachForItself(StorageReader& storage) : storage_(storage) {}

  void reset(const std::optional<std::string>& checkpoint_id) override {
    storage_.reset(checkpoint_id);
  }
  void set_up_storage_reader(const Metadata& metadata, bool is_coordinator) override {
    storage_.set_up_storage_reader(metadata, is_coordinator);
  }
  LoadPlan prepare_local_plan(LoadPlan plan) override {
    return storage_.prepare_local_plan(std::move(plan));
  }
  Metadata read_metadata(const Comm& comm) override {
    Metadata metadata;
    comm.agree("open", [&] { metadata = storage_.read_metadata(); });
    return metadata;
  }
  void read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) override {
    comm.agree("read", [&] { storage_.read_data(plan, planner); });
  }

 private:
  StorageReader& storage_;
};

}  // namespace

void OpenedStorage::choose(const LoadArguments& arguments) {
  storage_ = arguments.storage_reader;
  if (storage_ == nullptr) {
    own_ = choose_reader(arguments.backends, arguments.checkpoint_id);
    storage_ = own_.get();
  }
  parallel_ = dynamic_cast<ParallelStorageReader*>(storage_);
  if (parallel_ != nullptr) return;
  coordinated_ = &dynamic_cast<StorageReader&>(*storage_);
  adapter_ = std::make_unique<EachForItself>(*coordinated_);
  parallel_ = adapter_.get();
}

std::vector<LoadPlan> OpenedStorage::prepare_global_plan(std::vector<LoadPlan> plans) {
  return coordinated_ == nullptr ? plans : coordinated_->prepare_global_plan(std::move(plans));
}

}  // namespace h5dcp
