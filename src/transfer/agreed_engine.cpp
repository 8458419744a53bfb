#include <utility>

#include "transfer/engine.hpp"

namespace h5dcp {
namespace {

class AgreedEngine : public Engine {
 public:
  AgreedEngine(Comm comm, std::unique_ptr<Engine> engine)
      : comm_(std::move(comm)), engine_(std::move(engine)) {}

  void write(std::string_view step, const std::vector<Piece>& pieces, const Describe& describe,
             const std::function<const void*(std::size_t)>& data) override {
    comm_.agree(step, [&] { engine_->write(step, pieces, describe, data); });
  }

  void read(std::string_view step, const ToRead& wanted, Receiver& receiver) override {
    comm_.agree(step, [&] { engine_->read(step, wanted, receiver); });
  }

 private:
  Comm comm_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

std::unique_ptr<Engine> agreed(const Comm& comm, std::unique_ptr<Engine> engine) {
  return std::make_unique<AgreedEngine>(comm, std::move(engine));
}

}  // namespace h5dcp
