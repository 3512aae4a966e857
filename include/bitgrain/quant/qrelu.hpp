#pragma once

#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/quant/any_quantizer.hpp"
#include "bitgrain/quant/batch_norm_quantize.hpp"
#include "bitgrain/quant/float.hpp"
#include "bitgrain/quant/site.hpp"

namespace bitgrain {

/// The nonlinearity and the activation quantizer in one: an unsigned quantizer clips negative values itself. With the
/// Float quantizer it is a plain ReLU. The tensor it makes, and its bits in an Allocation, carry this module's name.
template <template <class> class A, class T = float>
class QReLU : public QuantSiteModule<A<T>> {
 public:
  using Base = QuantSiteModule<A<T>>;

  explicit QReLU(const QuantizerSpec& spec) : Base(spec, A<T>(spec)) {}
  QReLU(const QuantizerSpec& spec, A<T> quantizer) : Base(spec, std::move(quantizer)) {}

  /// x of any shape, pre-activations.
  Var<T> forward(const Var<T>& x) override {
    Var<T> y = this->quantize(x);
    if (y.quant()) trace<T>("quantize", {x}, y);
    return y;
  }
  /// forward(bn(x)), or forward(bn(x) + residual), as one op that writes nothing but codes; an undefined Var when the
  /// ops must run one by one: in evaluation, under a trace, for a quantizer that is not a step and its rule.
  Var<T> after_batch_norm(BatchNorm2d<T>& bn, const Var<T>& x, const Var<T>& residual) {
    if (!bn.training() || Trace<T>::current() != nullptr) return {};
    const auto quantizer = this->uniform(x.shape(), [&] {
      return batch_norm_moments(x, bn.weight(), bn.bias(), bn.epsilon(), residual,
                                this->spec().grid == Grid::kUnsigned);
    });
    if (!quantizer || quantizer->step.numel() != 1 || !detail::quantizes_to_bytes(quantizer->options)) return {};
    return batch_norm_quantize_train(x, bn.weight(), bn.bias(), bn.running_mean(), bn.running_var(), bn.momentum(),
                                     bn.epsilon(), residual, quantizer->step, quantizer->options);
  }
  /// Whether it is a ReLU and nothing else now: in full precision, and nobody looks at the tensor.
  bool is_plain_relu() {
    if (this->spec().grid != Grid::kUnsigned || QuantObserver<T>::current() != nullptr) return false;
    if constexpr (std::same_as<A<T>, AnyQuantizer<T>>)
      return this->quantizer().template get<Float<T>>() != nullptr;
    else
      return std::same_as<A<T>, Float<T>>;
  }
  std::string describe() const override { return detail::concat("QReLU(", this->bits(), " bits)"); }
};

}  // namespace bitgrain
