#include "bitgrain/optim/optim.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

TEST_CASE("optim.hpp brings every optimizer, schedule and clipping rule: each moves a parameter downhill") {
  const auto moved = [](auto make) {
    Var<double> w(Tensor<double>({1}, 1.0), true);
    w.add_grad(Tensor<double>({1}, 3.0));
    std::vector<Module<double>::Parameter> parameters{{"w", w, true}};
    clip_grad_norm(parameters, 1.0);
    CHECK(w.grad()[0] == doctest::Approx(1.0).epsilon(1e-5));
    auto optimizer = make(parameters);
    apply_schedule<double>(OneCycle{.max_rate = 0.1, .steps = 10, .cycle_momentum = false}, 2, *optimizer);
    optimizer->step();
    return w.value()[0] < 1.0;
  };
  CHECK(moved([](auto p) { return std::make_unique<Sgd<double>>(p); }));
  CHECK(moved([](auto p) { return std::make_unique<Adam<double>>(p); }));
  CHECK(moved([](auto p) { return std::make_unique<AdamW<double>>(p); }));
}
