#pragma once

#include "bitgrain/ops/relu.hpp"
#include "bitgrain/quant/quantizer.hpp"

namespace bitgrain {

/// No quantization: weights pass through, unsigned activations go through ReLU. Emits no codes. With it as activation
/// quantizer a network is "weights only": evaluated in float with weights = step * code.
template <class T = float>
class Float {
 public:
  using Scalar = T;
  explicit Float(const QuantizerSpec& spec) : rectify_(spec.grid == Grid::kUnsigned) {}
  Var<T> operator()(const Var<T>& x) { return rectify_ ? relu(x) : x; }
  int bits() const { return 32; }
  /// Nothing to set: stays at 32.
  void set_bits(int) {}
  std::vector<QuantParameter<T>> parameters() const { return {}; }

 private:
  bool rectify_;
};

}  // namespace bitgrain
