#pragma once

#include <map>
#include <string>

#include "bitgrain/nn/init.hpp"
#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// Rules for weight tensors; nn/init.hpp has the formulas.
enum class WeightInit { kFanInUniform, kKaimingNormal, kKaimingUniform, kXavierNormal, kXavierUniform };

struct InitializeOptions {
  WeightInit convolution = WeightInit::kKaimingNormal;
  WeightInit linear = WeightInit::kFanInUniform;
  FanMode fan = FanMode::kIn;  ///< of the Kaiming rules
  bool zero_bias = false;      ///< biases 0 instead of uniform within 1 / sqrt(fan_in)
};

namespace detail {
template <class T>
void initialize_weight(Tensor<T>& weight, const RandomStream& stream, WeightInit rule, FanMode fan) {
  switch (rule) {
    case WeightInit::kFanInUniform:
      return fan_in_uniform(weight, stream, fan_of(weight.shape()).in);
    case WeightInit::kKaimingNormal:
      return kaiming_normal(weight, stream, fan);
    case WeightInit::kKaimingUniform:
      return kaiming_uniform(weight, stream, fan);
    case WeightInit::kXavierNormal:
      return xavier_normal(weight, stream);
    case WeightInit::kXavierUniform:
      return xavier_uniform(weight, stream);
  }
}
}  // namespace detail

/// Gives a model its starting state. Every tensor draws from the stream (seed, full name), so that adding a layer or
/// changing the order leaves the others as they are. What happens goes by the last part of a name:
///
/// - "weight" [O,Kh,Kw,I] and [O,I]: by `options`; "weight" [C] (batch norm): 1
/// - "bias": uniform within 1 / sqrt(fan_in of the weight beside it), or 0 beside a weight [C]
/// - buffers "running_mean": 0, "running_var": 1
/// - random streams (dropout) start again at (seed, full name)
///
/// Everything else, the parameters of quantizers say, is left alone.
template <class T>
void initialize(Module<T>& model, std::uint64_t seed, const InitializeOptions& options = {}) {
  const auto ends_with = [](const std::string& name, const std::string& last) {
    return name == last || name.ends_with("." + last);
  };
  const std::string kWeight = "weight", kBias = "bias";
  std::map<std::string, Shape> weights;  // shape of "<prefix>weight" by prefix
  auto parameters = model.parameters();
  for (const auto& p : parameters)
    if (ends_with(p.name, kWeight)) weights[p.name.substr(0, p.name.size() - kWeight.size())] = p.var.shape();

  for (auto& p : parameters) {
    const RandomStream stream(seed, p.name);
    Tensor<T>& value = p.var.mutable_value();
    const int rank = value.shape().rank();
    if (ends_with(p.name, kWeight)) {
      if (rank == 4) detail::initialize_weight(value, stream, options.convolution, options.fan);
      if (rank == 2) detail::initialize_weight(value, stream, options.linear, options.fan);
      if (rank == 1) value.fill(T{1});
    } else if (ends_with(p.name, kBias)) {
      const auto weight = weights.find(p.name.substr(0, p.name.size() - kBias.size()));
      if (weight == weights.end()) continue;
      if (weight->second.rank() < 2 || options.zero_bias)
        value.fill(T{0});
      else
        fan_in_uniform(value, stream, fan_of(weight->second).in);
    }
  }
  for (auto& b : model.buffers()) {
    if (ends_with(b.name, "running_mean")) b.tensor.fill(T{0});
    if (ends_with(b.name, "running_var")) b.tensor.fill(T{1});
  }
  for (auto& s : model.random_streams()) *s.stream = RandomStream(seed, s.name);
}

}  // namespace bitgrain
