#include "bitgrain/ops/scale.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("scale: a learned scalar multiplies everything and collects its gradient") {
  const auto x = var({3}, {1, 2, 3}), s = var({}, {2});
  const auto y = scale(x, s);
  CHECK(list(y) == Values{2, 4, 6});
  y.backward(Tensor<double>({3}, {1.0, 10.0, 100.0}));
  CHECK(list(s.grad()) == Values{321});
  CHECK(list(x.grad()) == Values{2, 20, 200});
}

TEST_CASE("scale: gradients, the scalar of rank 0 or 1") {
  const auto f = [](const auto& in) { return scale(in[0], in[1]); };
  check_gradients(f, {random_var({3, 5, 2}, 1), random_var({}, 2)});
  check_gradients(f, {random_var({40}, 1), random_var({1}, 2)});
}

TEST_CASE("scale: traced, codes dropped, shapes named") {
  const auto x = random_var({2, 3}, 1), s = random_var({1}, 2);
  CHECK(traced([&] { scale(x, s); }).op == "scale");
  CHECK(scale(with_codes(x), s).quant() == nullptr);
  CHECK(names(error_of([&] { scale(x, random_var({3}, 1)); }), {"scale", "[3]"}));
}
