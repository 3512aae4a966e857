#pragma once

/// Learning-rate schedules. Each is a pure function of the step, counted from 0: nothing to store in a checkpoint,
/// and a resumed run continues where it was. A step may be an update or an epoch, as the caller likes.
///
///     const Schedule schedule = Warmup{CosineLr{.learning_rate = 0.1, .steps = 950}, 50};
///     apply_schedule(schedule, step, optimizer);

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <optional>
#include <vector>

#include "bitgrain/optim/optimizer.hpp"

namespace bitgrain {

/// What a schedule says for one step. Without a momentum the optimizer keeps the one it has.
struct SchedulePoint {
  double learning_rate = 0;
  std::optional<double> momentum = {};
};

/// Any schedule: a function from the step to the learning rate.
using Schedule = std::function<SchedulePoint(std::int64_t step)>;

/// Sets the optimizer to what `schedule` says for `step`.
template <class T>
void apply_schedule(const Schedule& schedule, std::int64_t step, Optimizer<T>& optimizer) {
  const SchedulePoint point = schedule(step);
  optimizer.set_learning_rate(point.learning_rate);
  if (point.momentum) optimizer.set_momentum(*point.momentum);
}

struct ConstantLr {
  double learning_rate = 0.1;
  SchedulePoint operator()(std::int64_t) const { return {learning_rate, {}}; }
};

/// learning_rate * factor^floor(step / every).
struct StepLr {
  double learning_rate = 0.1;
  std::int64_t every = 30;
  double factor = 0.1;

  SchedulePoint operator()(std::int64_t step) const {
    BITGRAIN_CHECK(every >= 1, "StepLr needs a period of at least 1 step, got ", every);
    return {learning_rate * std::pow(factor, static_cast<double>(step / every)), {}};
  }
};

/// learning_rate * factor^(number of milestones reached); the step of a milestone already has the new rate.
struct MultiStepLr {
  double learning_rate = 0.1;
  std::vector<std::int64_t> milestones = {};
  double factor = 0.1;

  SchedulePoint operator()(std::int64_t step) const {
    const auto reached = std::count_if(milestones.begin(), milestones.end(), [step](auto m) { return m <= step; });
    return {learning_rate * std::pow(factor, static_cast<double>(reached)), {}};
  }
};

/// Half a cosine from learning_rate at step 0 to final_rate at step `steps` and after it (Loshchilov and Hutter,
/// "SGDR", ICLR 2017, one period).
struct CosineLr {
  double learning_rate = 0.1;
  std::int64_t steps = 1;
  double final_rate = 0.0;

  SchedulePoint operator()(std::int64_t step) const {
    BITGRAIN_CHECK(steps >= 1, "CosineLr needs at least 1 step, got ", steps);
    const double done = std::clamp(static_cast<double>(step) / static_cast<double>(steps), 0.0, 1.0);
    return {final_rate + (learning_rate - final_rate) * 0.5 * (1 + std::cos(std::numbers::pi * done)), {}};
  }
};

/// `steps` steps of linear rise, then `schedule` from its own step 0: the k-th step (from 1) of the rise has
/// first_factor + (1 - first_factor) k / steps of the rate that `schedule` starts with.
struct Warmup {
  Schedule schedule = {};
  std::int64_t steps = 0;
  double first_factor = 0.0;

  SchedulePoint operator()(std::int64_t step) const {
    if (step >= steps) return schedule(step - steps);
    SchedulePoint point = schedule(0);
    const double risen = static_cast<double>(step + 1) / static_cast<double>(steps);
    point.learning_rate *= first_factor + (1 - first_factor) * risen;
    return point;
  }
};

}  // namespace bitgrain
