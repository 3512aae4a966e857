#include "bitgrain/optim/one_cycle.hpp"

#include <doctest/doctest.h>

#include "bitgrain/optim/adam.hpp"

namespace bitgrain {
namespace {

struct Known {
  std::int64_t step;
  double rate, momentum;
};

// Values of PyTorch's formula (torch.optim.lr_scheduler.OneCycleLR, anneal_strategy cos, two phases), computed apart
// from this code.
TEST_CASE("one-cycle gives PyTorch's rates and momenta over 100 steps") {
  const OneCycle schedule{.max_rate = 0.1, .steps = 100};
  for (const Known& k : {Known{0, 0.0040000000000000036, 0.95}, Known{10, 0.029516394846410082, 0.92342042203498953},
                         Known{29, 0.1, 0.85}, Known{30, 0.099949653528452434, 0.85005034667293422},
                         Known{50, 0.079389345057573196, 0.87061073738537631}, Known{99, 4e-07, 0.95}}) {
    CAPTURE(k.step);
    CHECK(schedule(k.step).learning_rate == doctest::Approx(k.rate).epsilon(1e-12));
    CHECK(*schedule(k.step).momentum == doctest::Approx(k.momentum).epsilon(1e-12));
  }
}

TEST_CASE("one-cycle agrees with PyTorch when the top lies between two steps") {
  const OneCycle schedule{.max_rate = 1.0, .steps = 7};
  for (const Known& k : {Known{0, 0.04, 0.95}, Known{1, 0.98055662733495863, 0.85202535131927515},
                         Known{2, 0.91904437626971058, 0.85809559475540798},
                         Known{3, 0.67268383648054508, 0.88273174727893455}, Known{6, 4e-06, 0.95}}) {
    CAPTURE(k.step);
    CHECK(schedule(k.step).learning_rate == doctest::Approx(k.rate).epsilon(1e-12));
    CHECK(*schedule(k.step).momentum == doctest::Approx(k.momentum).epsilon(1e-12));
  }
}

TEST_CASE("steps after the cycle keep the last values, and tiny cycles are finite") {
  const OneCycle schedule{.max_rate = 1.0, .steps = 7};
  CHECK(schedule(7).learning_rate == schedule(6).learning_rate);
  CHECK(schedule(1000).momentum == schedule(6).momentum);
  for (std::int64_t steps = 1; steps <= 5; ++steps)
    for (const double rise : {0.0, 0.25, 0.5, 1.0})
      for (std::int64_t step = 0; step < steps; ++step) {
        const double rate = OneCycle{.max_rate = 1.0, .steps = steps, .rise = rise}(step).learning_rate;
        CAPTURE(steps);
        CAPTURE(rise);
        CHECK(rate >= 1.0 / 25 / 1e4 * (1 - 1e-9));
        CHECK(rate <= 1.0);
      }
}

TEST_CASE("one-cycle drives the rate and the momentum of an optimizer, or leaves the momentum alone") {
  Adam<float> adam({});
  apply_schedule(OneCycle{.max_rate = 0.1, .steps = 100}, 29, adam);
  CHECK(adam.learning_rate() == doctest::Approx(0.1));
  CHECK(adam.momentum() == doctest::Approx(0.85));
  CHECK_FALSE(OneCycle{.steps = 100, .cycle_momentum = false}(3).momentum.has_value());
}

TEST_CASE("a rising share outside 0..1 is refused") {
  CHECK_THROWS_AS((OneCycle{.steps = 5, .rise = 1.5}(0)), Error);
}

}  // namespace
}  // namespace bitgrain
