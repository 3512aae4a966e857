#include "bitgrain/optim/optimizer.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

namespace {
// Writes down what the base hands to an update: learning rate and decay of each parameter.
class Recorder final : public Optimizer<double> {
 public:
  Recorder(std::vector<Parameter> parameters, double decay, const std::vector<ParameterGroup>& groups)
      : Optimizer<double>(std::move(parameters), 0.5, decay, groups, {"memory"}) {
    add_state();
  }
  double momentum() const override { return 0; }
  void set_momentum(double) override {}
  std::vector<std::string> updates;

 protected:
  Factors prepare(Slot& slot, double learning_rate) override {
    updates.push_back(slot.parameter.name + " " + std::to_string(learning_rate) + " " +
                      std::to_string(slot.weight_decay));
    return {slot.weight_decay};
  }
  void update(const Work& work, std::int64_t begin, std::int64_t end) const override {
    for (std::int64_t i = begin; i < end; ++i) work.state[0][i] += 1 + work.factors[0];
  }
};

Module<double>::Parameter parameter(const std::string& name, bool decay, bool with_gradient) {
  Var<double> var(Tensor<double>({2}, 1.0), true);
  if (with_gradient) var.add_grad(Tensor<double>({2}, 1.0));
  return {name, var, decay};
}
}  // namespace

TEST_CASE("the first group that matches gives rate and decay; parameters without a gradient are left alone") {
  const ParameterGroup steps{[](const std::string& n) { return n.ends_with("step"); }, 0.1, 0.0};
  const ParameterGroup everything{[](const std::string&) { return true; }, 2.0, {}};
  Recorder optimizer({parameter("conv.weight", true, true), parameter("conv.bias", false, true),
                      parameter("conv.step", true, true), parameter("idle", true, false)},
                     0.25, {steps, everything});
  optimizer.step();
  CHECK(optimizer.updates == std::vector<std::string>{"conv.weight 1.000000 0.250000", "conv.bias 1.000000 0.000000",
                                                      "conv.step 0.050000 0.000000"});
  optimizer.zero_grad();
  optimizer.updates.clear();
  optimizer.step(0.1);
  CHECK(optimizer.updates.empty());
  CHECK(optimizer.learning_rate() == 0.1);
}

TEST_CASE("every element of every parameter with a gradient is updated once, whatever the sizes and the threads") {
  const int threads = num_threads();
  for (const int count : {1, 3}) {
    set_num_threads(count);
    std::vector<Module<double>::Parameter> parameters;
    for (const std::int64_t size : {1, 40000, 0, 5, 16384, 7, 3}) {
      Var<double> var(Tensor<double>({size}, 1.0), true);
      if (size != 5) var.add_grad(Tensor<double>({size}, 1.0));
      parameters.push_back({std::to_string(parameters.size()), var, size != 7});
    }
    Recorder optimizer(parameters, 0.5, {});
    optimizer.step();
    for (const auto& state : optimizer.state())
      for (const double v : state.tensor.values())
        REQUIRE(v == (state.tensor.numel() == 5 ? 0 : state.tensor.numel() == 7 ? 1 : 1.5));
  }
  set_num_threads(threads);
}

TEST_CASE("one parameter under two names is refused: its updates would run at the same time") {
  const auto a = parameter("a", true, true);
  CHECK_THROWS_WITH_AS(Recorder({a, {"b", a.var, true}}, 0, {}), doctest::Contains("as 'a' and 'b'"), Error);
}

TEST_CASE("state is listed by the names of the parameters and shared with the optimizer") {
  Recorder optimizer({parameter("a", true, true), parameter("b", true, true)}, 0, {});
  const auto state = optimizer.state();
  REQUIRE(state.size() == 2);
  CHECK(state[0].name == "a.memory");
  CHECK(state[1].tensor.shape() == Shape{2});
  Tensor<double> shared = state[1].tensor;
  shared.fill(7);
  CHECK(optimizer.state()[1].tensor[0] == 7);
}

TEST_CASE("rates that make no sense and equal names are refused") {
  CHECK_THROWS_WITH_AS(Recorder({parameter("a", true, true), parameter("a", true, true)}, 0, {}),
                       doctest::Contains("two parameters called 'a'"), Error);
  CHECK_THROWS_WITH_AS(Recorder({}, -1, {}), doctest::Contains("weight decay"), Error);
  Recorder optimizer({parameter("a", true, true)}, 0, {});
  CHECK_THROWS_WITH_AS(optimizer.set_learning_rate(-0.1), doctest::Contains("learning rate"), Error);
  CHECK_THROWS_AS(optimizer.set_learning_rate(std::numeric_limits<double>::quiet_NaN()), Error);
}
