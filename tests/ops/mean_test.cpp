#include "bitgrain/ops/mean.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("mean: value, gradients, trace, codes dropped") {
  const auto y = mean(var({2, 2}, {1, 2, 3, 6}));
  CHECK(y.shape() == Shape{});
  CHECK(y.item() == 3);
  check_gradients([](const auto& in) { return mean(in[0]); }, {random_var({2, 3, 4, 2}, 1)});
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { mean(x); }).op == "mean");
  CHECK(mean(with_codes(x)).quant() == nullptr);
}

TEST_CASE("mean: of nothing is an error") {
  CHECK(names(error_of([] { mean(Var<double>(Tensor<double>(Shape{0, 3}))); }), {"mean", "[0,3]"}));
}
