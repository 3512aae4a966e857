#include "bitgrain/ops/abs.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("abs: values and gradients; the gradient at 0 is 0") {
  const auto x = var({4}, {-2, 0, 0.5, -0.25});
  const auto y = abs(x);
  CHECK(list(y) == Values{2, 0, 0.5, 0.25});
  y.backward(Tensor<double>({4}, {1.0, 2.0, 3.0, 4.0}));
  CHECK(list(x.grad()) == Values{-1, 0, 3, -4});
  check_gradients([](const auto& in) { return abs(in[0]); }, {random_var({3, 7}, 1)});
}

TEST_CASE("abs: traced, codes dropped") {
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { abs(x); }).op == "abs");
  CHECK(abs(with_codes(x)).quant() == nullptr);
}
