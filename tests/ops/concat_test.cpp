#include "bitgrain/ops/concat.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("concat: along the first, the last and a middle axis") {
  const auto a = var({1, 2}, {1, 2}), b = var({2, 2}, {3, 4, 5, 6}), c = var({2, 1}, {7, 8});
  CHECK(list(concat<double>({a, b}, 0)) == Values{1, 2, 3, 4, 5, 6});
  CHECK(list(concat<double>({b, c}, -1)) == Values{3, 4, 7, 5, 6, 8});
  const auto d = var({2, 1, 2}, {1, 2, 3, 4}), e = var({2, 2, 2}, {5, 6, 7, 8, 9, 10, 11, 12});
  const auto y = concat<double>({d, e}, 1);
  CHECK(y.shape() == Shape{2, 3, 2});
  CHECK(list(y) == Values{1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12});
  CHECK(list(concat<double>({a}, 0)) == Values{1, 2});
}

TEST_CASE("concat: gradients along every axis, with an empty part, with one part twice") {
  for (const int axis : {0, 1, 2}) {
    const auto with = [axis](std::int64_t extent) {
      return Shape{axis == 0 ? extent : 2, axis == 1 ? extent : 3, axis == 2 ? extent : 4};
    };
    check_gradients([axis](const auto& in) { return concat<double>(in, axis); },
                    {random_var(with(2), 1), random_var(with(1), 2), random_var(with(5), 3)});
  }
  check_gradients([](const auto& in) { return concat<double>({in[0], in[0]}, 1); }, {random_var({3, 2}, 1)});
  check_gradients(
      [](const auto& in) {
        return concat<double>({in[0], Var<double>(Tensor<double>(Shape{3, 0}))}, 1);
      },
      {random_var({3, 2}, 1)});
}

TEST_CASE("concat: traced, codes dropped, what does not fit is named") {
  const auto a = random_var({2, 3}, 1), b = random_var({2, 2}, 2);
  const auto record = traced([&] { concat<double>({a, b}, 1); });
  CHECK(record.op == "concat");
  REQUIRE(record.inputs.size() == 2);
  CHECK(record.inputs[1].id() == b.id());
  CHECK(concat<double>({with_codes(a), with_codes(a)}, 0).quant() == nullptr);
  CHECK(names(error_of([&] { concat<double>({a, b}, 0); }), {"concat", "[2,3]", "[2,2]"}));
  CHECK(names(error_of([&] { concat<double>({a, random_var({2}, 1)}, 0); }), {"concat", "[2,3]", "[2]"}));
  CHECK(names(error_of([&] { concat<double>({a, b}, 2); }), {"concat", "axis 2", "[2,3]"}));
  CHECK(names(error_of([&] { concat<double>({a, b}, -3); }), {"concat", "axis -3"}));
  CHECK(names(error_of([&] { concat<double>({}, 0); }), {"concat", "at least one"}));
  CHECK(names(error_of([&] { concat<double>({a, Var<double>()}, 0); }), {"concat", "undefined"}));
}
