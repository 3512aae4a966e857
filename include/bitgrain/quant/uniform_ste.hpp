#pragma once

#include <cmath>

#include "bitgrain/quant/fake_quantize.hpp"
#include "bitgrain/quant/quantizer.hpp"
#include "bitgrain/quant/step_init.hpp"

namespace bitgrain {

/// How UniformSte finds its clipping range.
enum class RangeRule : std::uint8_t {
  kMinMax,      ///< the largest magnitude
  kPercentile,  ///< a quantile of the magnitudes
  kMse,         ///< least squared error
};

struct UniformSteOptions {
  RangeRule range = RangeRule::kMinMax;
  double percentile = 0.999;  ///< for kPercentile
  double momentum = 0.1;      ///< of the running activation step, as in batch norm
};

/// Uniform quantization with the straight-through estimator and a range taken from the data (Jacob et al.,
/// "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018;
/// symmetric form).
///
/// Weights: the step follows the current weights at every call. Activations: while training or calibrating a running
/// average of the batches' steps; fixed otherwise. Nothing is trained; the activation step is stored ("step").
template <class T = float>
class UniformSte {
 public:
  using Scalar = T;

  explicit UniformSte(const QuantizerSpec& spec, const UniformSteOptions& options = {})
      : spec_(spec), options_(options), step_(Tensor<T>(Shape{spec.channels}, T{0}), false) {
    check_bits(spec.bits, spec.name);
    if (spec_.role == QuantRole::kWeights && spec_.grid == Grid::kSigned) spec_.grid = Grid::kSymmetric;
  }

  Var<T> operator()(const Var<T>& x) {
    if (spec_.role == QuantRole::kWeights || gathering_ || !initialised()) gather(x.value());
    return fake_quantize(x, step_, fake_quantize_options(spec_));
  }

  /// See quant/quantizer.hpp.
  std::optional<UniformQuantization<T>> uniform(const Shape&) const {
    if (spec_.role == QuantRole::kWeights || gathering_ || !initialised()) return std::nullopt;
    return UniformQuantization<T>{step_, fake_quantize_options(spec_)};
  }

  int bits() const { return spec_.bits; }
  void set_bits(int bits) {
    check_bits(bits, spec_.name);
    if (bits == spec_.bits) return;
    spec_.bits = bits;
    step_.mutable_value().fill(T{0});
  }
  std::vector<QuantParameter<T>> parameters() const { return {{"step", step_, false}}; }
  void set_training(bool on) { gathering_ = on; }
  void calibrate(bool on) { gathering_ = on; }
  bool initialised() const { return step_.value()[0] != T{0}; }
  const Var<T>& step() const { return step_; }

 private:
  void gather(const Tensor<T>& x) {
    const CodeRange range = code_range(spec_.grid, spec_.bits);
    const std::int64_t n = x.numel() / spec_.channels;
    const bool first = !initialised();
    T* step = step_.mutable_value().mutable_data();
    for (std::int64_t c = 0; c < spec_.channels; ++c) {
      const T* values = x.data() + c * n;
      double s = 0;
      if (spec_.bits == 1 && spec_.role == QuantRole::kWeights)
        s = value_moments(n, values, false).mean_abs;  // the least-squares scale of a sign (Rastegari et al. 2016)
      else if (options_.range == RangeRule::kMse)
        s = mse_step(n, values, range);
      else
        s = percentile_step(n, values, options_.range == RangeRule::kMinMax ? 1.0 : options_.percentile, range);
      if (!(s > 0) || !std::isfinite(s)) s = 1;
      const bool running = spec_.role == QuantRole::kActivations && !first;
      step[c] = static_cast<T>(
          running ? (1 - options_.momentum) * static_cast<double>(step[c]) + options_.momentum * s : s);
    }
  }

  QuantizerSpec spec_;
  UniformSteOptions options_;
  Var<T> step_;
  bool gathering_ = true;
};

}  // namespace bitgrain
