#pragma once

#include <cmath>

#include "bitgrain/quant/fake_quantize.hpp"
#include "bitgrain/quant/quantizer.hpp"
#include "bitgrain/quant/step_init.hpp"

namespace bitgrain {

/// How Lsq scales the gradient of its step, N being the number of values that share the step.
enum class LsqGradientScale : std::uint8_t {
  kPerImage,  ///< 1/sqrt(N Qp), N without the batch: the paper
  kPerBatch,  ///< 1/sqrt(N Qp), N with the batch: what some released code does
  kNone,      ///< 1
};

/// How Lsq chooses its first step from data.
enum class LsqInit : std::uint8_t {
  kMeanAbs,     ///< 2 E|v| / sqrt(Qp): LSQ
  kThreeSigma,  ///< max(|mu - 3 sd|, |mu + 3 sd|) / 2^(b-1): LSQ+ and LIMPQ, for weights
};

struct LsqOptions {
  LsqGradientScale gradient_scale = LsqGradientScale::kPerImage;
  LsqInit weight_init = LsqInit::kMeanAbs;
  double min_step = 1e-8, max_step = HUGE_VAL;
};

/// Learned step size quantization (Esser, McKinstry, Bablani, Appuswamy, Modha: "Learned step size quantization",
/// ICLR 2020), per tensor or per output channel:
///
///     y = s * round(clamp(x / s, Qn, Qp)),   dy/dx = 1 inside the clip, else 0          (eq. 1, 2, 5)
///     dy/ds = round(x/s) - x/s inside, Qn or Qp outside, times g = 1/sqrt(N Qp)         (eq. 3; section 2.2)
///
/// Weights: Qn = -2^(b-1), Qp = 2^(b-1) - 1, at one bit +-s with Qp := 1. Activations after ReLU: 0 .. 2^b - 1.
/// The step is initialised by the first tensor that comes by; a stored step of 0 means "not yet".
template <class T = float>
class Lsq {
 public:
  using Scalar = T;

  explicit Lsq(const QuantizerSpec& spec, const LsqOptions& options = {})
      : spec_(spec), options_(options), step_(Tensor<T>(Shape{spec.channels}, T{0}), true) {
    check_bits(spec.bits, spec.name);
  }

  Var<T> operator()(const Var<T>& x) {
    if (!initialised()) initialise(x.value());
    return fake_quantize(x, step_, options_for(x.shape()));
  }
  /// See quant/quantizer.hpp.
  std::optional<UniformQuantization<T>> uniform(const Shape& shape) const {
    if (!initialised()) return std::nullopt;
    return UniformQuantization<T>{step_, options_for(shape)};
  }

  int bits() const { return spec_.bits; }
  /// Changes the width; the step is initialised anew by the next tensor if the width differs.
  void set_bits(int bits) {
    check_bits(bits, spec_.name);
    if (bits == spec_.bits) return;
    spec_.bits = bits;
    step_.mutable_value().fill(T{0});
  }
  std::vector<QuantParameter<T>> parameters() const { return {{"step", step_, false}}; }

  const Var<T>& step() const { return step_; }
  bool initialised() const { return step_.value()[0] != T{0}; }

  /// Sets the step of every channel.
  void set_step(double step) {
    BITGRAIN_CHECK(step > 0 && std::isfinite(step), "site '", spec_.name, "': the step must be positive, got ", step);
    step_.mutable_value().fill(static_cast<T>(step));
  }
  /// Chooses the first step from `x`, LsqOptions::weight_init says how.
  void initialise(const Tensor<T>& x) {
    const std::int64_t rows = spec_.channels, n = x.numel() / rows;
    T* step = step_.mutable_value().mutable_data();
    for (std::int64_t c = 0; c < rows; ++c) step[c] = first_step(value_moments(n, x.data() + c * n, rectifies()));
  }
  /// See quant/quantizer.hpp.
  bool wants_moments() const { return !initialised() && spec_.channels == 1; }
  void initialise(const ValueMoments& moments) { step_.mutable_value().mutable_data()[0] = first_step(moments); }

 private:
  bool rectifies() const { return spec_.grid == Grid::kUnsigned; }
  T first_step(const ValueMoments& m) const {
    const double qp = static_cast<double>(code_range(spec_.grid, spec_.bits).high);
    const double s = spec_.role == QuantRole::kWeights && options_.weight_init == LsqInit::kThreeSigma
                         ? std::max(std::abs(m.mean - 3 * m.deviation), std::abs(m.mean + 3 * m.deviation)) /
                               std::ldexp(1.0, spec_.bits - 1)
                         : 2 * m.mean_abs / std::sqrt(qp);
    return static_cast<T>(std::isfinite(s) && s > 0 ? std::max(s, options_.min_step) : 1.0);
  }
  FakeQuantizeOptions options_for(const Shape& shape) const {
    FakeQuantizeOptions o = fake_quantize_options(spec_);
    o.min_step = options_.min_step;
    o.max_step = options_.max_step;
    o.step_gradient_scale = gradient_scale(shape);
    return o;
  }
  double gradient_scale(const Shape& shape) const {
    if (options_.gradient_scale == LsqGradientScale::kNone) return 1;
    double n = static_cast<double>(shape.numel()) / static_cast<double>(spec_.channels);
    if (spec_.role == QuantRole::kActivations && options_.gradient_scale == LsqGradientScale::kPerImage)
      n /= static_cast<double>(shape[0]);
    return 1 / std::sqrt(n * static_cast<double>(code_range(spec_.grid, spec_.bits).high));
  }

  QuantizerSpec spec_;
  LsqOptions options_;
  Var<T> step_;
};

}  // namespace bitgrain
