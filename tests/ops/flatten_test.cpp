#include "bitgrain/ops/flatten.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("flatten: [N, rest] of any rank, in memory order") {
  const auto x = random_var({2, 3, 4, 5}, 1);
  CHECK(flatten(x).shape() == Shape{2, 60});
  CHECK(flatten(x).value().data() == x.value().data());
  CHECK(flatten(random_var({3}, 1)).shape() == Shape{3, 1});
  CHECK(flatten(random_var({3, 2}, 1)).shape() == Shape{3, 2});
  CHECK(flatten(Var<double>(Tensor<double>(Shape{0, 2, 3}))).shape() == Shape{0, 6});
  check_gradients([](const auto& in) { return flatten(in[0]); }, {random_var({2, 3, 2}, 1)});
}

TEST_CASE("flatten: codes pass on, steps per channel do not; traced; rank 0 refused") {
  const auto x = with_codes(var({1, 2, 1}, {0.25, 3.75}));
  CHECK(flatten(x).quant() == x.quant());
  CHECK(flatten(with_channel_codes(random_var({2, 2}, 1))).quant() == nullptr);
  CHECK(traced([&] { flatten(x); }).op == "flatten");
  CHECK(names(error_of([] { flatten(var({}, {1})); }), {"flatten", "[]"}));
}
