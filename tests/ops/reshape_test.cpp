#include "bitgrain/ops/reshape.hpp"

#include "bitgrain/ops/relu.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("reshape: the same storage under another shape, one extent inferred") {
  const auto x = random_var({2, 3, 4}, 1);
  const auto y = reshape(x, {4, -1});
  CHECK(y.shape() == Shape{4, 6});
  CHECK(y.value().data() == x.value().data());
  CHECK(reshape(x, Shape{24}).shape() == Shape{24});
  CHECK(reshape(var({1}, {2}), Shape{}).shape() == Shape{});
}

TEST_CASE("reshape: gradients, also when the next op works in place") {
  check_gradients([](const auto& in) { return reshape(in[0], {6, 2}); }, {random_var({2, 3, 2}, 1)});
  check_gradients([](const auto& in) { return relu(reshape(relu(in[0]), {-1})); }, {random_var({2, 3, 2}, 1)});
}

TEST_CASE("reshape: codes pass on, steps per channel do not") {
  const auto x = with_codes(var({2}, {0.25, 3.75}));
  const auto y = reshape(x, {2, 1});
  REQUIRE(y.quant() == x.quant());
  CHECK(y.codes().codes[1] == 15);
  CHECK(y.codes().codes.shape() == Shape{2, 1});
  CHECK(reshape(with_channel_codes(random_var({2, 2}, 1)), {4}).quant() == nullptr);
}

TEST_CASE("reshape: traced, what does not fit is named") {
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { reshape(x, {3, 2}); }).op == "reshape");
  CHECK(names(error_of([&] { reshape(x, Shape{4}); }), {"reshape", "[2,3]", "[4]"}));
  CHECK(names(error_of([&] { reshape(x, {4, -1}); }), {"reshape", "[2,3]"}));
  CHECK(names(error_of([&] { reshape(Var<double>(), {4}); }), {"reshape", "undefined"}));
}
