#include "bitgrain/ops/clip.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("clip: values and gradients; the ends themselves pass, as in PyTorch's clamp") {
  const auto x = var({5}, {-2, -1, 0.25, 2, 2.5});
  const auto y = clip(x, -1, 2);
  CHECK(list(y) == Values{-1, -1, 0.25, 2, 2});
  y.backward(Tensor<double>({5}, 3.0));
  CHECK(list(x.grad()) == Values{0, 3, 3, 3, 0});
  check_gradients([](const auto& in) { return clip(in[0], -0.3, 0.6); }, {random_var({7, 11}, 1)});
}

TEST_CASE("clip: traced with its ends, codes dropped, an empty interval is an error") {
  const auto x = random_var({2, 3}, 1);
  const auto record = traced([&] { clip(x, -0.5, 1.5); });
  CHECK(record.op == "clip");
  CHECK(record.attributes.low == -0.5);
  CHECK(record.attributes.high == 1.5);
  CHECK(clip(with_codes(x), 0, 1).quant() == nullptr);
  CHECK(names(error_of([&] { clip(x, 2, 1); }), {"clip", "2", "1"}));
}
