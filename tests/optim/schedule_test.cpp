#include "bitgrain/optim/schedule.hpp"

#include <doctest/doctest.h>

#include "bitgrain/optim/sgd.hpp"

namespace bitgrain {
namespace {

double rate(const Schedule& schedule, std::int64_t step) { return schedule(step).learning_rate; }

TEST_CASE("step schedule multiplies at every period") {
  const Schedule s = StepLr{.learning_rate = 0.8, .every = 3, .factor = 0.5};
  CHECK(rate(s, 0) == 0.8);
  CHECK(rate(s, 2) == 0.8);
  CHECK(rate(s, 3) == doctest::Approx(0.4));
  CHECK(rate(s, 8) == doctest::Approx(0.2));
}

TEST_CASE("multi-step schedule drops exactly at its milestones") {
  const Schedule s = MultiStepLr{.learning_rate = 0.1, .milestones = {80, 120}};
  CHECK(rate(s, 79) == 0.1);
  CHECK(rate(s, 80) == doctest::Approx(0.01));
  CHECK(rate(s, 119) == doctest::Approx(0.01));
  CHECK(rate(s, 120) == doctest::Approx(0.001));
  CHECK(rate(s, 5000) == doctest::Approx(0.001));
}

TEST_CASE("cosine schedule starts at its rate, is half way down in the middle and stays at the final rate") {
  const Schedule s = CosineLr{.learning_rate = 0.04, .steps = 90, .final_rate = 1e-5};
  CHECK(rate(s, 0) == doctest::Approx(0.04).epsilon(1e-15));
  CHECK(rate(s, 45) == doctest::Approx((0.04 + 1e-5) / 2).epsilon(1e-12));
  CHECK(rate(s, 30) == doctest::Approx(1e-5 + (0.04 - 1e-5) * 0.75).epsilon(1e-12));  // (1 + cos 60 deg) / 2
  CHECK(rate(s, 90) == doctest::Approx(1e-5).epsilon(1e-12));
  CHECK(rate(s, 91) == doctest::Approx(1e-5).epsilon(1e-12));
}

TEST_CASE("warm-up rises linearly to the first rate of the schedule it wraps, which then runs from its own start") {
  const Schedule s = Warmup{StepLr{.learning_rate = 0.5, .every = 10}, 5};
  for (int k = 1; k <= 5; ++k) CHECK(rate(s, k - 1) == doctest::Approx(0.1 * k));
  CHECK(rate(s, 5) == 0.5);
  CHECK(rate(s, 14) == 0.5);
  CHECK(rate(s, 15) == doctest::Approx(0.05));
  const Schedule half = Warmup{ConstantLr{1.0}, 2, 0.5};
  CHECK(rate(half, 0) == doctest::Approx(0.75));
  CHECK(rate(half, 1) == doctest::Approx(1.0));
  CHECK(rate(Warmup{ConstantLr{1.0}, 0}, 0) == 1.0);
}

TEST_CASE("a schedule is a pure function: asking for steps in another order gives the same values") {
  const Schedule s = Warmup{CosineLr{.learning_rate = 0.1, .steps = 50}, 5};
  const double late = rate(s, 40), early = rate(s, 2);
  CHECK(rate(s, 2) == early);
  CHECK(rate(s, 40) == late);
}

TEST_CASE("apply_schedule sets the learning rate and leaves the momentum alone unless the schedule has one") {
  Sgd<float> sgd({}, {.momentum = 0.9});
  apply_schedule(ConstantLr{0.25}, 0, sgd);
  CHECK(sgd.learning_rate() == 0.25);
  CHECK(sgd.momentum() == 0.9);
  apply_schedule([](std::int64_t step) { return SchedulePoint{0.125, 0.1 * static_cast<double>(step)}; }, 5, sgd);
  CHECK(sgd.learning_rate() == 0.125);
  CHECK(sgd.momentum() == 0.5);
}

TEST_CASE("a schedule of no steps is refused") {
  CHECK_THROWS_AS(rate(CosineLr{.steps = 0}, 0), Error);
  CHECK_THROWS_AS(rate(StepLr{.every = 0}, 0), Error);
}

}  // namespace
}  // namespace bitgrain
