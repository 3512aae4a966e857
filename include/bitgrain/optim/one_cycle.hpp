#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "bitgrain/optim/schedule.hpp"

namespace bitgrain {

/// The one-cycle policy (Smith and Topin, "Super-convergence", 2018) with the shape and the defaults of PyTorch's
/// OneCycleLR: half a cosine from max_rate / start_division up to max_rate at step `rise * steps - 1`, then half a
/// cosine down to max_rate / start_division / final_division at step `steps - 1`. The momentum runs the other way,
/// high - low - high. Later steps keep the last values.
struct OneCycle {
  double max_rate = 0.1;
  std::int64_t steps = 1;
  double rise = 0.3;  ///< share of the steps that rises
  double start_division = 25.0;
  double final_division = 1e4;
  bool cycle_momentum = true;  ///< Adam: beta1
  double low_momentum = 0.85, high_momentum = 0.95;

  SchedulePoint operator()(std::int64_t step) const {
    BITGRAIN_CHECK(steps >= 1, "OneCycle needs at least 1 step, got ", steps);
    BITGRAIN_CHECK(rise >= 0 && rise <= 1, "OneCycle: the rising share must be in [0, 1], got ", rise);
    BITGRAIN_CHECK(start_division > 0 && final_division > 0, "OneCycle: divisions must be above 0, got ",
                   start_division, " and ", final_division);
    const double first = max_rate / start_division, last = first / final_division;
    const double at = static_cast<double>(step < steps ? step : steps - 1);
    const double top = rise * static_cast<double>(steps) - 1, end = static_cast<double>(steps - 1);
    const bool rising = at <= top;
    const double done = rising ? share(at, 0, top) : share(at, top, end);
    SchedulePoint point;
    point.learning_rate = rising ? half_cosine(first, max_rate, done) : half_cosine(max_rate, last, done);
    if (cycle_momentum)
      point.momentum =
          rising ? half_cosine(high_momentum, low_momentum, done) : half_cosine(low_momentum, high_momentum, done);
    return point;
  }

 private:
  static double share(double at, double begin, double end) { return end > begin ? (at - begin) / (end - begin) : 1; }
  static double half_cosine(double from, double to, double done) {
    return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
};

}  // namespace bitgrain
