#include "bitgrain/ops/slice.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("slice: along the first axis it shares storage, along others it copies") {
  const auto x = var({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(slice(x, 0, 1, 2).value().data() == x.value().data() + 6);
  CHECK(list(slice(x, 0, 1, 2)) == Values{7, 8, 9, 10, 11, 12});
  CHECK(list(slice(x, 1, 1, 3)) == Values{3, 4, 5, 6, 9, 10, 11, 12});
  CHECK(list(slice(x, -1, 0, 1)) == Values{1, 3, 5, 7, 9, 11});
  CHECK(slice(x, 1, 2, 2).shape() == Shape{2, 0, 2});
}

TEST_CASE("slice: gradients along every axis") {
  for (const int axis : {0, 1, 2})
    check_gradients([axis](const auto& in) { return slice(in[0], axis, 1, 3); }, {random_var({4, 3, 5}, 1)});
}

TEST_CASE("slice: codes pass on, steps per channel do not") {
  const auto x = with_codes(var({1, 3}, {0.25, 0.5, 3.75}));
  const auto y = slice(x, 1, 1, 3);
  REQUIRE(y.quant() == x.quant());
  CHECK(y.codes().codes[1] == 15);
  CHECK(slice(with_channel_codes(random_var({2, 2}, 1)), 0, 1, 2).quant() == nullptr);
}

TEST_CASE("slice: traced, what does not exist is named") {
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { slice(x, 1, 0, 2); }).op == "slice");
  CHECK(names(error_of([&] { slice(x, 1, 0, 4); }), {"slice", "[0,4)", "[2,3]"}));
  CHECK(names(error_of([&] { slice(x, 0, -1, 1); }), {"slice", "[-1,1)"}));
  CHECK(names(error_of([&] { slice(x, 0, 2, 1); }), {"slice", "[2,1)"}));
  CHECK(names(error_of([&] { slice(x, 2, 0, 1); }), {"slice", "axis 2"}));
}
