#include "hdf5/turn.hpp"

#include <atomic>

namespace h5dcp::hdf5 {
namespace {

std::recursive_mutex& turns() {
  static std::recursive_mutex mutex;
  return mutex;
}

std::atomic_flag collective_turn;

}  // namespace

Turn::Turn() : lock_(turns()) {
  H5Eget_auto2(H5E_DEFAULT, &handler_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Turn::~Turn() {
  H5Eset_auto2(H5E_DEFAULT, handler_, data_);
}

CollectiveTurn::CollectiveTurn() : has_begun_(!collective_turn.test_and_set()) {}

CollectiveTurn::~CollectiveTurn() {
  if (has_begun_) collective_turn.clear();
}

}  // namespace h5dcp::hdf5
