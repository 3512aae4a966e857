#include "bitgrain/ops/exp.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("exp: values") {
  const auto y = exp(var({3}, {0, 1, -2}));
  CHECK(y.value()[0] == doctest::Approx(1).epsilon(1e-14));
  CHECK(y.value()[1] == doctest::Approx(2.718281828459045).epsilon(1e-14));
  CHECK(y.value()[2] == doctest::Approx(0.1353352832366127).epsilon(1e-14));
}

TEST_CASE("exp: gradients, trace, codes dropped") {
  check_gradients([](const auto& in) { return exp(in[0]); }, {random_var({3, 7}, 1, -2, 2)});
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { exp(x); }).op == "exp");
  CHECK(exp(with_codes(x)).quant() == nullptr);
}
