#include "bitgrain/ops/max_pool2d.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("max_pool2d: values, and the gradient goes to the first of equals") {
  // 4x2 image of one channel.
  const auto x = var({1, 4, 2, 1}, {1, 2, 3, 3, -5, -1, -2, -4});
  const auto y = max_pool2d(x, Window2d::square(2, 2));
  CHECK(y.shape() == Shape{1, 2, 1, 1});
  CHECK(list(y) == Values{3, -1});
  y.backward(Tensor<double>(y.shape(), {7.0, 8.0}));
  CHECK(list(x.grad()) == Values{0, 0, 7, 0, 0, 8, 0, 0});
}

TEST_CASE("max_pool2d: padding never wins") {
  const auto x = var({1, 1, 1, 2}, {-3, -4});
  CHECK(list(max_pool2d(x, Window2d::square(3, 1, 1))) == Values{-3, -4});
}

TEST_CASE("max_pool2d: gradients over overlaps, paddings, dilations and rectangular windows") {
  Window2d rectangular;
  rectangular.kernel_h = 3, rectangular.kernel_w = 2, rectangular.stride_h = 2, rectangular.pad_h = 1;
  for (const Window2d& window : {Window2d::square(2, 2), Window2d::square(3, 2, 1), Window2d::square(3, 1, 1),
                                 Window2d::square(2, 1, 0, 2), rectangular})
    check_gradients([&](const auto& in) { return max_pool2d(in[0], window); }, {random_var({2, 5, 6, 3}, 1)});
  check_gradients([](const auto& in) { return max_pool2d(in[0], Window2d::square(2, 2)); },
                  {random_var({1, 4, 4, 19}, 2)});
}

TEST_CASE("max_pool2d: codes pass on, steps per channel do not") {
  const auto x = with_codes(var({1, 2, 2, 1}, {0.25, 0.5, 3.75, 0}));
  const auto y = max_pool2d(x, Window2d::square(2));
  REQUIRE(y.quant() == x.quant());
  CHECK(y.codes().codes[0] == 15);
  CHECK(max_pool2d(with_channel_codes(random_var({2, 2, 2, 1}, 1)), Window2d::square(2)).quant() == nullptr);
}

TEST_CASE("max_pool2d: the trace holds the geometry") {
  const auto x = random_var({2, 4, 6, 3}, 1);
  const auto record = traced([&] { max_pool2d(x, Window2d::square(2, 2)); });
  CHECK(record.op == "max_pool2d");
  CHECK(record.attributes.pool == PoolGeometry{2, 4, 6, 3, Window2d::square(2, 2)});
}

TEST_CASE("max_pool2d: what does not fit is named") {
  CHECK(names(error_of([] { max_pool2d(random_var({2, 3}, 1), Window2d::square(2)); }), {"max_pool2d", "[2,3]"}));
  CHECK(names(error_of([] {
                max_pool2d(random_var({1, 2, 2, 1}, 1), Window2d::square(3));
              }),
              {"max_pool2d", "3x3", "2x2"}));
  CHECK(names(error_of([] {
                max_pool2d(random_var({1, 2, 2, 1}, 1), Window2d::square(2, 1, 2));
              }),
              {"max_pool2d", "padding"}));
}

TEST_CASE("max_pool2d: bytes of codes give bytes, and no real number is made; the gradient goes to the winners") {
  Tensor<std::uint8_t> bytes(Shape{2, 5, 6, 3});
  for (std::int64_t i = 0; i < bytes.numel(); ++i) bytes.mutable_data()[i] = static_cast<std::uint8_t>(i * i % 16);
  const auto info = std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 4, {0.25}, 3});
  for (const Window2d& window : {Window2d::square(2, 2), Window2d::square(3, 2, 1)}) {
    auto x = Var<double>::of_codes(bytes, info);
    x.set_requires_grad(true);
    const Var<double> values(x.detach().value(), true);
    const auto y = max_pool2d(x, window), expected = max_pool2d(values, window);
    CHECK(y.has_code_bytes());
    CHECK(y.quant() == info);
    CHECK(list(y) == list(expected));
    const Tensor<double> seed = random_var(y.shape(), 3).value();
    y.backward(seed.clone());
    expected.backward(seed.clone());
    CHECK(list(x.grad()) == list(values.grad()));
  }
}
