#pragma once

#include <string>

#include "bitgrain/nn/init.hpp"
#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/linear.hpp"

namespace bitgrain {

/// Fully connected layer: [N,in] to [N,out], y = x w^T + bias. Parameters: weight [out,in]; bias [out], which does
/// not decay, unless `bias` is false. Until `initialize` runs they hold PyTorch's default distribution from fixed
/// streams.
template <class T>
class Linear : public Module<T> {
 public:
  Linear(std::int64_t in, std::int64_t out, bool bias = true) : in_(in), out_(out) {
    BITGRAIN_CHECK(in >= 1 && out >= 1, "Linear: features must be at least 1, got ", in, " -> ", out);
    Tensor<T> weight(Shape{out, in});
    fan_in_uniform(weight, RandomStream(0, "Linear.weight"), in);
    weight_ = Var<T>(std::move(weight), true);
    this->register_parameter("weight", weight_);
    if (!bias) return;
    Tensor<T> shift(Shape{out});
    fan_in_uniform(shift, RandomStream(0, "Linear.bias"), in);
    bias_ = Var<T>(std::move(shift), true);
    this->register_parameter("bias", bias_, false);
  }

  Var<T> forward(const Var<T>& x) override { return linear(x, weight_, bias_); }
  std::string describe() const override {
    return detail::concat("Linear(", in_, " -> ", out_, bias_.defined() ? ", bias" : "", ")");
  }

  Var<T>& weight() { return weight_; }
  const Var<T>& weight() const { return weight_; }
  /// Undefined when the layer has none.
  Var<T>& bias() { return bias_; }
  const Var<T>& bias() const { return bias_; }
  std::int64_t in_features() const { return in_; }
  std::int64_t out_features() const { return out_; }

 private:
  std::int64_t in_, out_;
  Var<T> weight_, bias_;
};

}  // namespace bitgrain
