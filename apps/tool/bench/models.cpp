#include "models.hpp"

#include <cstdint>
#include <utility>

namespace tool::benchmark {
namespace {

using h5dcp::DType;
using h5dcp::Extents;

class Tensors {
 public:
  void add(std::string fqn, Extents sizes, DType dtype = DType::bfloat16) {
    all_.push_back({std::move(fqn), dtype, std::move(sizes)});
  }
  std::vector<ModelTensor> take() { return std::move(all_); }

 private:
  std::vector<ModelTensor> all_;
};

// config.json of meta-llama/Meta-Llama-3-8B and mistralai/Mixtral-8x7B-v0.1, by its names.
struct LlamaConfig {
  std::int64_t vocab_size;
  int num_hidden_layers = 32;
  std::int64_t hidden_size = 4096;
  std::int64_t num_attention_heads = 32;
  std::int64_t num_key_value_heads = 8;
  std::int64_t intermediate_size = 14'336;
  std::int64_t num_local_experts = 0;  // 0: a single MLP
};

constexpr LlamaConfig kLlama3{.vocab_size = 128'256};
constexpr LlamaConfig kMixtral{.vocab_size = 32'000, .num_local_experts = 8};

// config.json of deepseek-ai/DeepSeek-V3.
struct DeepseekConfig {
  std::int64_t vocab_size = 129'280;
  int num_hidden_layers = 61;
  int first_k_dense_replace = 3;  // layers with a single MLP
  std::int64_t hidden_size = 7168;
  std::int64_t intermediate_size = 18'432;
  std::int64_t moe_intermediate_size = 2048;
  std::int64_t n_routed_experts = 256;
  std::int64_t n_shared_experts = 1;
  std::int64_t num_attention_heads = 128;
  std::int64_t q_lora_rank = 1536;
  std::int64_t kv_lora_rank = 512;
  std::int64_t qk_nope_head_dim = 128;
  std::int64_t qk_rope_head_dim = 64;
  std::int64_t v_head_dim = 128;
};

constexpr DeepseekConfig kDeepseek;

void add_norms(Tensors& tensors, const std::string& layer, std::int64_t hidden) {
  tensors.add(layer + "input_layernorm.weight", {hidden});
  tensors.add(layer + "post_attention_layernorm.weight", {hidden});
}

void add_mlp(Tensors& tensors, const std::string& mlp, std::int64_t hidden, std::int64_t inner) {
  tensors.add(mlp + "gate_proj.weight", {inner, hidden});
  tensors.add(mlp + "up_proj.weight", {inner, hidden});
  tensors.add(mlp + "down_proj.weight", {hidden, inner});
}

void add_experts(Tensors& tensors, const std::string& moe, const LlamaConfig& config) {
  const auto hidden = config.hidden_size;
  const auto inner = config.intermediate_size;
  tensors.add(moe + "gate.weight", {config.num_local_experts, hidden});
  for (std::int64_t i = 0; i < config.num_local_experts; ++i) {
    const auto expert = moe + "experts." + std::to_string(i);
    tensors.add(expert + ".w1.weight", {inner, hidden});
    tensors.add(expert + ".w2.weight", {hidden, inner});
    tensors.add(expert + ".w3.weight", {inner, hidden});
  }
}

// Attention with grouped keys and values.
void add_attention(Tensors& tensors, const std::string& attention, const LlamaConfig& config) {
  const auto hidden = config.hidden_size;
  const auto grouped = hidden / config.num_attention_heads * config.num_key_value_heads;
  tensors.add(attention + "q_proj.weight", {hidden, hidden});
  tensors.add(attention + "k_proj.weight", {grouped, hidden});
  tensors.add(attention + "v_proj.weight", {grouped, hidden});
  tensors.add(attention + "o_proj.weight", {hidden, hidden});
}

// Multi-head latent attention.
void add_attention(Tensors& tensors, const std::string& attention, const DeepseekConfig& config) {
  const auto hidden = config.hidden_size;
  const auto heads = config.num_attention_heads;
  const auto query = config.qk_nope_head_dim + config.qk_rope_head_dim;
  const auto key_value = config.qk_nope_head_dim + config.v_head_dim;
  tensors.add(attention + "q_a_proj.weight", {config.q_lora_rank, hidden});
  tensors.add(attention + "q_a_layernorm.weight", {config.q_lora_rank});
  tensors.add(attention + "q_b_proj.weight", {heads * query, config.q_lora_rank});
  tensors.add(attention + "kv_a_proj_with_mqa.weight",
              {config.kv_lora_rank + config.qk_rope_head_dim, hidden});
  tensors.add(attention + "kv_a_layernorm.weight", {config.kv_lora_rank});
  tensors.add(attention + "kv_b_proj.weight", {heads * key_value, config.kv_lora_rank});
  tensors.add(attention + "o_proj.weight", {hidden, heads * config.v_head_dim});
}

void add_experts(Tensors& tensors, const std::string& mlp, const DeepseekConfig& config) {
  const auto hidden = config.hidden_size;
  const auto inner = config.moe_intermediate_size;
  tensors.add(mlp + "gate.weight", {config.n_routed_experts, hidden});
  tensors.add(mlp + "gate.e_score_correction_bias", {config.n_routed_experts}, DType::float32);
  for (std::int64_t i = 0; i < config.n_routed_experts; ++i) {
    add_mlp(tensors, mlp + "experts." + std::to_string(i) + ".", hidden, inner);
  }
  add_mlp(tensors, mlp + "shared_experts.", hidden, inner * config.n_shared_experts);
}

std::string layer_name(int number) {
  return "model.layers." + std::to_string(number) + ".";
}

// All of a model; `add_inner(tensors, layer, number)` adds what follows the attention of a layer.
template <class Config, class AddInner>
std::vector<ModelTensor> model(const Config& config, const AddInner& add_inner) {
  Tensors tensors;
  const auto hidden = config.hidden_size;
  tensors.add("model.embed_tokens.weight", {config.vocab_size, hidden});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const auto layer = layer_name(i);
    add_attention(tensors, layer + "self_attn.", config);
    add_inner(tensors, layer, i);
    add_norms(tensors, layer, hidden);
  }
  tensors.add("model.norm.weight", {hidden});
  tensors.add("lm_head.weight", {config.vocab_size, hidden});
  return tensors.take();
}

std::vector<ModelTensor> llama(const LlamaConfig& config) {
  return model(config, [&](Tensors& tensors, const std::string& layer, int /*number*/) {
    if (config.num_local_experts == 0) {
      add_mlp(tensors, layer + "mlp.", config.hidden_size, config.intermediate_size);
    } else {
      add_experts(tensors, layer + "block_sparse_moe.", config);
    }
  });
}

}  // namespace

std::vector<ModelTensor> llama3_8b() {
  return llama(kLlama3);
}

std::vector<ModelTensor> mixtral_8x7b() {
  return llama(kMixtral);
}

std::vector<ModelTensor> deepseek_v3() {
  return model(kDeepseek, [](Tensors& tensors, const std::string& layer, int number) {
    if (number < kDeepseek.first_k_dense_replace) {
      add_mlp(tensors, layer + "mlp.", kDeepseek.hidden_size, kDeepseek.intermediate_size);
    } else {
      add_experts(tensors, layer + "mlp.", kDeepseek);
    }
  });
}

}  // namespace tool::benchmark
