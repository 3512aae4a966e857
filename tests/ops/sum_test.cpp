#include "bitgrain/ops/sum.hpp"

#include "bitgrain/base/parallel.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("sum: a scalar, of any rank, of nothing") {
  const auto y = sum(var({2, 2}, {1, 2, 3, 4}));
  CHECK(y.shape() == Shape{});
  CHECK(y.item() == 10);
  CHECK(sum(var({}, {7})).item() == 7);
  CHECK(sum(Var<double>(Tensor<double>(Shape{0, 3}))).item() == 0);
}

TEST_CASE("sum: gradients, trace, codes dropped") {
  check_gradients([](const auto& in) { return sum(in[0]); }, {random_var({2, 3, 4, 2}, 1)});
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { sum(x); }).op == "sum");
  CHECK(sum(with_codes(x)).quant() == nullptr);
}

TEST_CASE("sum: the same bits at one and at two threads") {
  Tensor<float> t({100003});
  RandomStream random(1, "sum");
  for (float& v : t.mutable_values()) v = static_cast<float>(random.normal());
  const Var<float> x(t);
  const int before = num_threads();
  set_num_threads(1);
  const float one = sum(x).item();
  set_num_threads(2);
  const float two = sum(x).item();
  set_num_threads(before);
  CHECK(one == two);
}
