#include "bitgrain/ops/relu_max_pool2d.hpp"

#include "bitgrain/base/random.hpp"
#include "bitgrain/ops/mul.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

namespace {
// Windows of 2x2 that touch, which run as one op, and others, which run as two.
const std::vector<Window2d>& relu_max_windows() {
  static const std::vector<Window2d> windows{Window2d::square(2, 2), Window2d::square(3, 2, 1),
                                             Window2d::square(2, 1)};
  return windows;
}
}  // namespace

TEST_CASE("relu_max_pool2d: values, and no gradient where the largest is not positive") {
  // Two windows of a 4x2 image: -5 -1 -2 0 has no positive element.
  const auto x = var({1, 4, 2, 1}, {1, 2, 3, 3, -5, -1, -2, 0});
  const auto y = relu_max_pool2d(x, Window2d::square(2, 2));
  CHECK(y.shape() == Shape{1, 2, 1, 1});
  CHECK(list(y) == Values{3, 0});
  y.backward(Tensor<double>(y.shape(), {7.0, 8.0}));
  CHECK(list(x.grad()) == Values{0, 0, 7, 0, 0, 0, 0, 0});
}

TEST_CASE("relu_max_pool2d: gradients, of even and odd images and of windows that run as two ops") {
  for (const Window2d& window : relu_max_windows())
    for (const Shape& shape : {Shape{2, 4, 6, 3}, Shape{1, 5, 7, 19}})
      check_gradients([&](const auto& in) { return relu_max_pool2d(in[0], window); }, {random_var(shape, 1)});
}

TEST_CASE("relu_max_pool2d: the same bits as relu, then max_pool2d, in float") {
  RandomStream random(1, "relu_max_pool2d");
  for (const Window2d& window : relu_max_windows())
    for (const Shape& shape : {Shape{3, 6, 4, 32}, Shape{2, 7, 5, 21}}) {
      Tensor<float> values(shape);
      for (float& v : values.mutable_values()) v = static_cast<float>(random.below(7)) - 3.0F;
      const Var<float> one(values, true), two(values, true);
      const auto y = relu_max_pool2d(one, window), expected = max_pool2d(relu(two), window);
      Tensor<float> dy(y.shape());
      for (float& v : dy.mutable_values()) v = static_cast<float>(random.uniform(-1, 1));
      y.backward(dy.clone());
      expected.backward(dy.clone());
      const auto same = [](const Tensor<float>& a, const Tensor<float>& b) {
        return a.shape() == b.shape() && std::equal(a.values().begin(), a.values().end(), b.values().begin());
      };
      CHECK(same(y.value(), expected.value()));
      CHECK(same(one.grad(), two.grad()));
    }
}

TEST_CASE("relu_max_pool2d: backward needs neither the input nor the result") {
  const auto x = random_var({1, 4, 4, 2}, 1);
  Var<double> y = relu_max_pool2d(x * 1, Window2d::square(2, 2));
  for (double& v : y.mutable_value().mutable_values()) v = -1;  // an op that had saved it would throw
  y.backward(Tensor<double>(y.shape(), 1.0));
  CHECK(x.grad().defined());
}

TEST_CASE("relu_max_pool2d: a trace sees the two ops; codes do not pass a ReLU") {
  const auto x = random_var({2, 4, 6, 3}, 1);
  Trace<double> trace;
  const auto y = relu_max_pool2d(x, Window2d::square(2, 2));
  REQUIRE(trace.records.size() == 2);
  CHECK(trace.records[0].op == "relu");
  CHECK(trace.records[1].op == "max_pool2d");
  CHECK(trace.records[1].attributes.pool == PoolGeometry{2, 4, 6, 3, Window2d::square(2, 2)});
  CHECK(relu_max_pool2d(with_codes(x), Window2d::square(2, 2)).quant() == nullptr);
}

TEST_CASE("relu_max_pool2d: what does not fit is named") {
  CHECK(names(error_of([] {
                relu_max_pool2d(random_var({2, 3}, 1), Window2d::square(2));
              }),
              {"relu_max_pool2d", "[2,3]"}));
  CHECK(names(error_of([] {
                relu_max_pool2d(random_var({1, 2, 2, 1}, 1), Window2d::square(3));
              }),
              {"relu_max_pool2d", "3x3", "2x2"}));
}
