#include "bitgrain/ops/tanh.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("tanh: values, also far out") {
  const auto y = tanh(var({4}, {0, 1, -0.01, 500}));
  CHECK(y.value()[0] == 0);
  CHECK(y.value()[1] == doctest::Approx(0.7615941559557649).epsilon(1e-14));
  CHECK(y.value()[2] == doctest::Approx(-0.00999966667999946).epsilon(1e-14));
  CHECK(y.value()[3] == 1);
}

TEST_CASE("tanh: gradients, trace, codes dropped") {
  check_gradients([](const auto& in) { return tanh(in[0]); }, {random_var({3, 7}, 1, -3, 3)});
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { tanh(x); }).op == "tanh");
  CHECK(tanh(with_codes(x)).quant() == nullptr);
}
