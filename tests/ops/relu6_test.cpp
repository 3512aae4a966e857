#include "bitgrain/ops/relu6.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("relu6: values and gradients; nothing passes at the ends") {
  const auto x = var({6}, {-1, 0, 0.5, 5.5, 6, 7});
  const auto y = relu6(x);
  CHECK(list(y) == Values{0, 0, 0.5, 5.5, 6, 6});
  y.backward(Tensor<double>({6}, 1.0));
  CHECK(list(x.grad()) == Values{0, 0, 1, 1, 0, 0});
  check_gradients([](const auto& in) { return relu6(in[0]); }, {random_var({4, 13}, 1, -3, 9)});
}

TEST_CASE("relu6: traced with its ends, codes dropped") {
  const auto x = random_var({2, 3}, 1);
  const auto record = traced([&] { relu6(x); });
  CHECK(record.op == "relu6");
  CHECK(record.attributes.low == 0);
  CHECK(record.attributes.high == 6);
  CHECK(relu6(with_codes(x)).quant() == nullptr);
}
