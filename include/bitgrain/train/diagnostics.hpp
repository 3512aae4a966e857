#pragma once

/// How well each tensor of a quantized network is represented, seen on one batch.

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "bitgrain/quant/site.hpp"

namespace bitgrain {

/// One site's figures.
struct LayerDiagnostics {
  std::string site;
  QuantRole role = QuantRole::kWeights;
  int bits = 0;
  std::int64_t values = 0;
  /// Share of values outside the clipping range. Negative inputs of an unsigned quantizer are what a ReLU removes and
  /// do not count.
  double clipped_share = 0;
  /// 10 log10(sum x^2 / sum (x - y)^2) in dB, for activations after the ReLU; infinite when nothing was lost.
  double sqnr_db = 0;
  std::int64_t codes_used = 0, codes_available = 0;
  double step = 0;  ///< mean over channels
};

namespace detail {
class DiagnosticsObserver final : public QuantObserver<float> {
 public:
  std::vector<LayerDiagnostics> layers;

  Var<float> observe(const QuantSite<float>& site, const Var<float>& x, const Var<float>& y) override {
    if (!y.quant()) return y;
    const QTensor q = y.codes();
    const CodeRange range = q.info.range();
    const bool rectified = range.low >= 0;
    LayerDiagnostics d;
    d.site = site.site_name();
    d.role = site.spec().role;
    d.bits = site.bits();
    d.values = x.numel();
    d.codes_available = std::int64_t{range.high} - range.low + 1;
    const auto steps = static_cast<std::int64_t>(q.info.step.size());
    for (const double s : q.info.step) d.step += s / static_cast<double>(steps);
    double signal = 0, noise = 0;
    std::int64_t clipped = 0;
    std::set<std::int32_t> used;
    std::int32_t last = range.low - 1;
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const double step = q.info.step_of(i / (x.numel() / steps));
      double v = static_cast<double>(x.value()[i]);
      if (rectified && v < 0) v = 0;
      const double quotient = v / step + q.info.zero_point;
      clipped += quotient < range.low - 0.5 || quotient > range.high + 0.5;
      const double error = v - static_cast<double>(y.value()[i]);
      signal += v * v;
      noise += error * error;
      if (q.codes[i] != last) used.insert(last = q.codes[i]);
    }
    d.clipped_share = static_cast<double>(clipped) / static_cast<double>(std::max<std::int64_t>(1, x.numel()));
    d.sqnr_db = noise > 0 ? 10 * std::log10(signal / noise) : HUGE_VAL;
    d.codes_used = static_cast<std::int64_t>(used.size());
    layers.push_back(d);
    return y;
  }
};
}  // namespace detail

/// The figures of every site that emits codes, for one batch of inputs. Runs a forward pass in evaluation mode and
/// leaves the model there.
inline std::vector<LayerDiagnostics> diagnose(Module<float>& model, const Var<float>& x) {
  model.set_training(false);
  const NoGrad no_grad;
  detail::DiagnosticsObserver observer;
  model(x);
  return std::move(observer.layers);
}

}  // namespace bitgrain
