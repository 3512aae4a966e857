#pragma once

/// Layers whose weights go through a quantizer. The integer codes of their input come with the input.

#include "bitgrain/quant/integer_conv2d.hpp"
#include "bitgrain/quant/integer_linear.hpp"
#include "bitgrain/quant/site.hpp"

namespace bitgrain {

/// What QConv2d and QLinear share: the float weights, the bias, the input's codes.
template <class Q>
class QWeightLayer : public QuantSiteModule<Q> {
 public:
  using T = typename Q::Scalar;

  std::int64_t weight_count() const override { return weight_.numel(); }
  Var<T> weights() const override { return weight_; }
  const Var<T>& bias() const { return bias_; }
  /// Whether the last forward pass received integer codes; a layer that does not runs in float.
  bool received_codes() const { return received_codes_; }
  /// In strict mode an input without codes is an error.
  void set_strict(bool strict) { strict_ = strict; }

 protected:
  QWeightLayer(const QuantizerSpec& spec, Q quantizer, const Shape& weights, bool bias)
      : QuantSiteModule<Q>(spec, std::move(quantizer)), weight_(Tensor<T>(weights, T{0}), true) {
    this->register_parameter("weight", weight_);
    if (bias) {
      bias_ = Var<T>(Tensor<T>(Shape{weights[0]}, T{0}), true);
      this->register_parameter("bias", bias_, false);
    }
  }
  Var<T> quantized_weights(const Var<T>& x) {
    received_codes_ = x.quant() != nullptr;
    BITGRAIN_CHECK(
        received_codes_ || !strict_, "layer '", this->name(),
        "' received no integer codes: something between it and the last quantizer drops them (strict mode)");
    return this->quantize(weight_);
  }

  Var<T> weight_, bias_;

 private:
  bool strict_ = false, received_codes_ = false;
};

/// Convolution, x [N,H,W,I] -> [N,Ho,Wo,O], weights [O,Kh,Kw,I/groups] through W.
template <template <class> class W, class T = float>
class QConv2d : public QWeightLayer<W<T>> {
 public:
  QConv2d(const QuantizerSpec& spec, W<T> quantizer, std::int64_t in, std::int64_t out, const Window2d& window,
          bool bias = true, std::int64_t groups = 1)
      : QWeightLayer<W<T>>(spec, std::move(quantizer), {out, window.kernel_h, window.kernel_w, in / groups}, bias),
        window_(window),
        groups_(groups) {}

  Var<T> forward(const Var<T>& x) override {
    const Var<T> w = this->quantized_weights(x);
    // A convolution without bias is one that batch norm follows.
    const bool for_batch_norm = this->training() && !this->bias_.defined();
    return integer_conv2d(x, w, this->bias_, window_, groups_, for_batch_norm);
  }
  std::string describe() const override {
    const Shape& w = this->weight_.shape();
    return detail::concat("QConv2d(", w[3] * groups_, " -> ", w[0], ", ", w[1], "x", w[2], ", stride ",
                          window_.stride_h, ", ", this->bits(), " bits)");
  }

 private:
  Window2d window_;
  std::int64_t groups_;
};

/// Linear layer, x [N,K] -> [N,O], weights [O,K] through W.
template <template <class> class W, class T = float>
class QLinear : public QWeightLayer<W<T>> {
 public:
  QLinear(const QuantizerSpec& spec, W<T> quantizer, std::int64_t in, std::int64_t out, bool bias = true)
      : QWeightLayer<W<T>>(spec, std::move(quantizer), {out, in}, bias) {}

  Var<T> forward(const Var<T>& x) override {
    const Var<T> w = this->quantized_weights(x);
    return integer_linear(x, w, this->bias_);
  }
  std::string describe() const override {
    const Shape& w = this->weight_.shape();
    return detail::concat("QLinear(", w[1], " -> ", w[0], ", ", this->bits(), " bits)");
  }
};

}  // namespace bitgrain
