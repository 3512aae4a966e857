#pragma once

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
  std::string describe() const override { return detail::concat("QReLU(", this->bits(), " bits)"); }
};

}  // namespace bitgrain
