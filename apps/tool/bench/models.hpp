// The tensors of models, with the names that Hugging Face gives them and the sizes of their
// published configurations.

#pragma once

#include <string>
#include <vector>

#include "h5dcp/tensor.hpp"

namespace tool::benchmark {

struct ModelTensor {
  std::string fqn;
  h5dcp::DType dtype = h5dcp::DType::bfloat16;
  h5dcp::Extents sizes;
};

std::vector<ModelTensor> llama3_8b();     // 291 tensors, 8.03 billion parameters
std::vector<ModelTensor> mixtral_8x7b();  // 995 tensors, 46.7 billion
// 45,395 tensors, of which 44,544 are of routed experts, 671 billion. Without the layer that
// predicts a second token.
std::vector<ModelTensor> deepseek_v3();

}  // namespace tool::benchmark
