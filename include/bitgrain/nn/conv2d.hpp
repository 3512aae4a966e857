#pragma once

#include <string>

#include "bitgrain/nn/init.hpp"
#include "bitgrain/nn/module.hpp"
#include "bitgrain/nn/window_text.hpp"
#include "bitgrain/ops/conv2d.hpp"

namespace bitgrain {

/// 2-D convolution layer: [N,H,W,in] to [N,Ho,Wo,out]. Parameters: weight [out,Kh,Kw,in/groups]; bias [out], which
/// does not decay, unless `bias` is false. Until `initialize` runs they hold PyTorch's default distribution from
/// fixed streams.
template <class T>
class Conv2d : public Module<T> {
 public:
  /// Throws Error unless `groups` divides both channel counts and the window is one.
  Conv2d(std::int64_t in, std::int64_t out, const Window2d& window, bool bias = true, std::int64_t groups = 1)
      : in_(in), out_(out), window_(window), groups_(groups) {
    detail::check_window("Conv2d", window);
    BITGRAIN_CHECK(in >= 1 && out >= 1 && groups >= 1 && in % groups == 0 && out % groups == 0,
                   "Conv2d: groups must divide the channels, got ", in, " input and ", out, " output channels in ",
                   groups, " groups");
    Tensor<T> weight(Shape{out, window.kernel_h, window.kernel_w, in / groups});
    const std::int64_t fan_in = fan_of(weight.shape()).in;
    fan_in_uniform(weight, RandomStream(0, "Conv2d.weight"), fan_in);
    weight_ = Var<T>(std::move(weight), true);
    this->register_parameter("weight", weight_);
    if (!bias) return;
    Tensor<T> shift(Shape{out});
    fan_in_uniform(shift, RandomStream(0, "Conv2d.bias"), fan_in);
    bias_ = Var<T>(std::move(shift), true);
    this->register_parameter("bias", bias_, false);
  }

  Var<T> forward(const Var<T>& x) override { return conv2d(x, weight_, bias_, window_, groups_); }
  std::string describe() const override {
    return detail::concat("Conv2d(", in_, " -> ", out_, ", ", window_text(window_),
                          groups_ > 1 ? detail::concat(", groups ", groups_) : "", bias_.defined() ? ", bias" : "",
                          ")");
  }

  Var<T>& weight() { return weight_; }
  const Var<T>& weight() const { return weight_; }
  /// Undefined when the layer has none.
  Var<T>& bias() { return bias_; }
  const Var<T>& bias() const { return bias_; }
  std::int64_t in_channels() const { return in_; }
  std::int64_t out_channels() const { return out_; }
  const Window2d& window() const { return window_; }
  std::int64_t groups() const { return groups_; }

 private:
  std::int64_t in_, out_;
  Window2d window_;
  std::int64_t groups_;
  Var<T> weight_, bias_;
};

}  // namespace bitgrain
