#pragma once

/// Choosing step sizes from data.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "bitgrain/tensor/qtensor.hpp"

namespace bitgrain {

/// Moments of n values in double; `rectified` takes max(x, 0) for x.
struct ValueMoments {
  double mean = 0, deviation = 0, mean_abs = 0, max_abs = 0;
};

/// Gathers the moments of values that arrive a part at a time. The same sums as of all at once.
class MomentSums {
 public:
  template <class T>
  void add(std::int64_t n, const T* x, bool rectified) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double v = rectified ? std::max(static_cast<double>(x[i]), 0.0) : static_cast<double>(x[i]);
      sum_ += v;
      sum_abs_ += std::abs(v);
      sum_squares_ += v * v;
      largest_ = std::max(largest_, std::abs(v));
    }
    count_ += n;
  }
  ValueMoments moments() const {
    const auto count = static_cast<double>(count_ > 0 ? count_ : 1);
    const double mean = sum_ / count;
    return {mean, std::sqrt(std::max(0.0, sum_squares_ / count - mean * mean)), sum_abs_ / count, largest_};
  }

 private:
  double sum_ = 0, sum_abs_ = 0, sum_squares_ = 0, largest_ = 0;
  std::int64_t count_ = 0;
};

template <class T>
ValueMoments value_moments(std::int64_t n, const T* x, bool rectified) {
  MomentSums sums;
  sums.add(n, x, rectified);
  return sums.moments();
}

/// The step whose largest code reaches the `share` quantile of |x| (share = 1: the maximum). 0 for all-zero data.
template <class T>
double percentile_step(std::int64_t n, const T* x, double share, const CodeRange& range) {
  std::vector<double> magnitude;
  magnitude.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto v = static_cast<double>(x[i]);
    magnitude.push_back(range.low < 0 ? std::abs(v) : std::max(v, 0.0));
  }
  if (magnitude.empty()) return 0;
  const auto at = static_cast<std::size_t>(std::ceil(share * static_cast<double>(magnitude.size() - 1)));
  std::nth_element(magnitude.begin(), magnitude.begin() + static_cast<std::ptrdiff_t>(at), magnitude.end());
  return magnitude[at] / std::max(1, range.high);
}

/// The step that minimises the mean squared error of clip-and-round over a grid of 80 clipping thresholds between a
/// fiftieth of the maximum and the maximum; looks at no more than 2^16 evenly spaced values.
template <class T>
double mse_step(std::int64_t n, const T* x, const CodeRange& range) {
  constexpr std::int64_t kSample = std::int64_t{1} << 16;
  const std::int64_t stride = std::max<std::int64_t>(1, n / kSample);
  const double full = percentile_step(n, x, 1.0, range);
  if (!(full > 0)) return 0;
  double best_step = full, best_error = HUGE_VAL;
  for (int k = 80; k >= 1; --k) {
    const double step = full * (0.02 + 0.98 * k / 80.0);
    double error = 0;
    for (std::int64_t i = 0; i < n; i += stride) {
      const double v = range.low < 0 ? static_cast<double>(x[i]) : std::max(static_cast<double>(x[i]), 0.0);
      const double code = range.low == -1 && range.high == 1  // one bit and ternary take what is nearer
                              ? std::clamp(std::nearbyint(v / step), -1.0, 1.0)
                              : std::clamp(std::floor(v / step + 0.5), static_cast<double>(range.low),
                                           static_cast<double>(range.high));
      error += (v - step * code) * (v - step * code);
    }
    if (error < best_error) {
      best_error = error;
      best_step = step;
    }
  }
  return best_step;
}

}  // namespace bitgrain
