#include "bitgrain/ops/sigmoid.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("sigmoid: values, also far out") {
  const auto y = sigmoid(var({5}, {0, 1, -1, 800, -800}));
  CHECK(y.value()[0] == doctest::Approx(0.5).epsilon(1e-14));
  CHECK(y.value()[1] == doctest::Approx(0.7310585786300049).epsilon(1e-14));
  CHECK(y.value()[2] == doctest::Approx(0.2689414213699951).epsilon(1e-14));
  CHECK(y.value()[3] == 1);
  CHECK(y.value()[4] == doctest::Approx(0).epsilon(1e-14));
}

TEST_CASE("sigmoid: gradients, trace, codes dropped") {
  check_gradients([](const auto& in) { return sigmoid(in[0]); }, {random_var({3, 7}, 1, -4, 4)});
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { sigmoid(x); }).op == "sigmoid");
  CHECK(sigmoid(with_codes(x)).quant() == nullptr);
}
