#include "h5dcp/dlpack.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "any_box.hpp"
#include "base/dlpack_abi.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

using dlpack::Code;

// An array of another library, by either struct: 4 x 3 int32, row-major, 0 to 11.
template <typename Managed>
struct Foreign {
  std::array<std::int32_t, 12> numbers{};
  std::array<std::int64_t, 2> shape{4, 3};
  std::array<std::int64_t, 2> strides{3, 1};
  int deleted = 0;
  Managed managed{};

  Foreign() {
    std::iota(numbers.begin(), numbers.end(), 0);
    managed.tensor = {numbers.data(), dlpack::kCpu,   0, 2, {Code::signed_integer, 32, 1},
                      shape.data(),   strides.data(), 0};
    managed.context = this;
    managed.deleter = [](Managed* self) { ++static_cast<Foreign*>(self->context)->deleted; };
    if constexpr (requires { managed.major; }) managed.major = 1;
  }
};

template <typename Managed>
class Dlpack : public testing::Test {
 protected:
  Foreign<Managed> foreign;
};
using Forms = testing::Types<DLManagedTensor, DLManagedTensorVersioned>;
TYPED_TEST_SUITE(Dlpack, Forms);

TYPED_TEST(Dlpack, BecomesAViewOfItsMemory) {
  const TensorView view = from_dlpack(&this->foreign.managed);
  EXPECT_EQ(view.data, this->foreign.numbers.data());
  EXPECT_EQ(view.dtype, DType::int32);
  EXPECT_EQ(view.sizes, (Extents{4, 3}));
  EXPECT_EQ(view.strides, (Extents{3, 1}));
  EXPECT_FALSE(view.read_only);
}

TYPED_TEST(Dlpack, IsDeletedOnceWithTheLastView) {
  TensorView view = from_dlpack(&this->foreign.managed);
  TensorView part = narrow(view, {{1, 1}, {2, 2}});
  view = {};
  EXPECT_EQ(this->foreign.deleted, 0);
  part = {};
  EXPECT_EQ(this->foreign.deleted, 1);
}

TYPED_TEST(Dlpack, MayHaveNoDeleter) {
  this->foreign.managed.deleter = nullptr;
  EXPECT_NE(from_dlpack(&this->foreign.managed).keepalive, nullptr);
}

TYPED_TEST(Dlpack, LiesInMemoryAsItsStridesSay) {
  struct Case {
    const char* why;
    std::int32_t ndim;
    std::array<std::int64_t, 2> shape, strides;
    std::uint64_t byte_offset;
    std::vector<std::int32_t> expected;
  };
  const Case cases[] = {
      {"transposed", 2, {3, 4}, {1, 3}, 0, {0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}},
      {"from the sixth on", 2, {2, 3}, {3, 1}, 24, {6, 7, 8, 9, 10, 11}},
      {"every second, backwards", 1, {3, 0}, {-2, 0}, 44, {11, 9, 7}},
      {"one number again and again", 2, {2, 2}, {0, 0}, 8, {2, 2, 2, 2}},
      {"a scalar", 0, {}, {}, 12, {3}},
      {"nothing", 2, {0, 3}, {3, 1}, 0, {}},
  };
  for (const auto& c : cases) {
    Foreign<TypeParam> array;
    array.shape = c.shape;
    array.strides = c.strides;
    array.managed.tensor.ndim = c.ndim;
    array.managed.tensor.byte_offset = c.byte_offset;
    const TensorView view = from_dlpack(&array.managed);
    std::vector<std::int32_t> numbers(static_cast<std::size_t>(numel(view.sizes)));
    copy_elements(view, contiguous_view(numbers.data(), view.sizes));
    EXPECT_EQ(numbers, c.expected) << c.why;
  }
}

TYPED_TEST(Dlpack, IsRowMajorWithoutStrides) {
  this->foreign.managed.tensor.strides = nullptr;
  EXPECT_EQ(from_dlpack(&this->foreign.managed).strides, (Extents{3, 1}));
}

TYPED_TEST(Dlpack, NeedsNoShapeWithoutDimensionsAndNoMemoryWithoutElements) {
  auto& tensor = this->foreign.managed.tensor;
  tensor.ndim = 0;
  tensor.shape = tensor.strides = nullptr;
  EXPECT_EQ(from_dlpack(&this->foreign.managed).sizes, Extents{});
  tensor.ndim = 1;
  tensor.shape = this->foreign.shape.data();
  this->foreign.shape[0] = 0;
  tensor.data = nullptr;
  EXPECT_EQ(from_dlpack(&this->foreign.managed).data, nullptr);
}

TYPED_TEST(Dlpack, IsRefusedAndNotDeleted) {
  struct Case {
    std::function<void(TypeParam&)> change;
    ErrorCode code;
    const char* message;
  };
  const Case cases[] = {
      {[](auto& m) { m.tensor.device_type = 2, m.tensor.device_id = 3; }, ErrorCode::unsupported,
       "it is on CUDA device 3, not on the CPU"},
      {[](auto& m) { m.tensor.device_type = 99; }, ErrorCode::unsupported,
       "it is on a device of type 99, number 0, not on the CPU"},
      {[](auto& m) { m.tensor.dtype.lanes = 4; }, ErrorCode::unsupported,
       "no DType for elements of type code 0, 32 bits, 4 lanes"},
      {[](auto& m) {
         m.tensor.dtype = {Code{17}, 4, 1};
       },
       ErrorCode::unsupported, "no DType for elements of type code 17, 4 bits, 1 lanes"},
      {[](auto& m) { m.tensor.ndim = -1; }, ErrorCode::invalid_argument,
       "-1 dimensions without a shape"},
      {[](auto& m) { m.tensor.shape = nullptr; }, ErrorCode::invalid_argument,
       "2 dimensions without a shape"},
      {[](auto& m) { m.tensor.data = nullptr; }, ErrorCode::invalid_argument,
       "[4, 3] without memory"},
      {[](auto& m) { m.tensor.shape[1] = -3; }, ErrorCode::invalid_argument,
       "sizes [4, -3]: one is negative"},
  };
  for (const auto& c : cases) {
    Foreign<TypeParam> array;
    c.change(array.managed);
    try {
      from_dlpack(&array.managed);
      ADD_FAILURE() << "no error: " << c.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), c.code);
      EXPECT_EQ(error.what(), std::string("view a DLPack array: ") + c.message);
    }
    EXPECT_EQ(array.deleted, 0) << c.message;
  }
  EXPECT_THROW(from_dlpack(static_cast<TypeParam*>(nullptr)), Error);
}

TEST(DlpackVersioned, SaysWhatIsReadOnly) {
  Foreign<DLManagedTensorVersioned> foreign;
  foreign.managed.flags = dlpack::kReadOnly;
  const TensorView view = from_dlpack(&foreign.managed);
  EXPECT_TRUE(view.read_only);
  EXPECT_TRUE(narrow(view, {{0, 0}, {1, 1}}).read_only);
  EXPECT_THROW(to_dlpack(view), Error);
  DLManagedTensorVersioned* const array = to_dlpack_versioned(view);
  EXPECT_EQ(array->flags, dlpack::kReadOnly);
  array->deleter(array);
}

TEST(DlpackVersioned, IsRefusedIfItsLayoutIsUnknown) {
  Foreign<DLManagedTensorVersioned> foreign;
  foreign.managed.major = 2;
  foreign.managed.minor = 5;
  try {
    from_dlpack(&foreign.managed);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_STREQ(error.what(),
                 "view a DLPack array: it has version 2.5 of DLPack; known is version 1");
  }
  EXPECT_EQ(foreign.deleted, 0);
}

// Every DType beside what DLPack calls it, by hand.
TEST(DlpackExport, HasTheDTypesOfDlpack) {
  const std::pair<DType, dlpack::DataType> cases[] = {
      {DType::float32, {Code{2}, 32, 1}},
      {DType::float64, {Code{2}, 64, 1}},
      {DType::bfloat16, {Code{4}, 16, 1}},
      {DType::int64, {Code{0}, 64, 1}},
      {DType::float16, {Code{2}, 16, 1}},
      {DType::float8_e5m2, {Code{12}, 8, 1}},
      {DType::float8_e4m3fn, {Code{10}, 8, 1}},
      {DType::float8_e5m2fnuz, {Code{13}, 8, 1}},
      {DType::float8_e4m3fnuz, {Code{11}, 8, 1}},
      {DType::float8_e8m0fnu, {Code{14}, 8, 1}},
      {DType::int8, {Code{0}, 8, 1}},
      {DType::int16, {Code{0}, 16, 1}},
      {DType::int32, {Code{0}, 32, 1}},
      {DType::uint8, {Code{1}, 8, 1}},
      {DType::uint16, {Code{1}, 16, 1}},
      {DType::uint32, {Code{1}, 32, 1}},
      {DType::uint64, {Code{1}, 64, 1}},
      {DType::boolean, {Code{6}, 8, 1}},
      {DType::complex32, {Code{5}, 32, 1}},
      {DType::complex64, {Code{5}, 64, 1}},
      {DType::complex128, {Code{5}, 128, 1}},
  };
  EXPECT_EQ(std::size(cases), kDTypes);
  for (const auto& [dtype, expected] : cases) {
    DLManagedTensor* const array = to_dlpack(allocate(dtype, {2}));
    EXPECT_EQ(array->tensor.dtype, expected) << to_string(dtype);
    EXPECT_EQ(from_dlpack(array).dtype, dtype);  // and deletes it
  }
}

TEST(DlpackExport, RefusesAnUnsoundView) {
  TensorView view = allocate(DType::int8, {2});
  view.strides = {};
  EXPECT_THROW(to_dlpack(view), Error);
  EXPECT_THROW(to_dlpack_versioned(contiguous_view(nullptr, DType::int8, {2})), Error);
}

// Imports `array`, which was exported from `view`, whose memory nobody else holds.
template <typename Managed>
void check_it_comes_back(Managed* array, const TensorView& view) {
  RC_ASSERT(view.keepalive.use_count() == 2);  // the view's and the array's
  TensorView back = from_dlpack(array);
  RC_ASSERT((back.data == (numel(view.sizes) > 0 ? view.data : nullptr)));
  RC_ASSERT(back.dtype == view.dtype);
  RC_ASSERT(back.sizes == view.sizes);
  RC_ASSERT(back.strides == view.strides);
  RC_ASSERT(back.read_only == view.read_only);
  RC_ASSERT(view.keepalive.use_count() == 2);
  back = {};
  RC_ASSERT(view.keepalive.use_count() == 1);
}

RC_GTEST_PROP(DlpackExport, ComesBackAsItWas, ()) {
  const auto dtype = static_cast<DType>(*rc::gen::inRange(0, int{kDTypes}));
  TensorView view = allocate(DType::int64, {1});  // nobody looks into it
  view = contiguous_view(view.data, dtype, *test::any_sizes(8, 5), view.keepalive);
  for (auto& stride : view.strides) stride = *rc::gen::inRange<std::int64_t>(-9, 9);
  check_it_comes_back(to_dlpack(view), view);
  view.read_only = *rc::gen::arbitrary<bool>();
  check_it_comes_back(to_dlpack_versioned(view), view);
}

}  // namespace
}  // namespace h5dcp
