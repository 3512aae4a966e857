#include "bitgrain/ops/grad_precision.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/nn/init.hpp"
#include "bitgrain/ops/conv2d.hpp"

using namespace bitgrain;

namespace {

// The gradients of a convolution with respect to x and w, in either precision.
template <class T>
std::pair<std::vector<T>, std::vector<T>> gradients(GradPrecision precision) {
  set_grad_precision(precision);
  Tensor<T> x(Shape{2, 6, 6, 16}), w(Shape{16, 3, 3, 16}), seed(Shape{2, 6, 6, 16});
  int i = 0;
  for (Tensor<T>* t : {&x, &w, &seed}) fill_normal(*t, RandomStream(++i, "grad precision"), 0.0, 1.0);
  const Var<T> input(x, true), weight(w, true);
  conv2d(input, weight, Var<T>(), Window2d::square(3, 1, 1)).backward(seed);
  set_grad_precision(GradPrecision::fp32);
  const auto values = [](const Var<T>& v) {
    return std::vector<T>(v.grad().values().begin(), v.grad().values().end());
  };
  return {values(input), values(weight)};
}

}  // namespace

TEST_CASE("gradients of convolutions are calculated in float unless bf16 is asked for") {
  CHECK(grad_precision() == GradPrecision::fp32);
  const auto in_float = gradients<float>(GradPrecision::fp32), in_bf16 = gradients<float>(GradPrecision::bf16);
  CHECK(in_float.first != in_bf16.first);
  CHECK(in_float.second != in_bf16.second);
  // 144 and 72 products of standard normal numbers: about 2^-8 of their magnitude.
  for (std::size_t i = 0; i < in_float.first.size(); ++i)
    CHECK(std::abs(in_float.first[i] - in_bf16.first[i]) < 0.3F);
  for (std::size_t i = 0; i < in_float.second.size(); ++i)
    CHECK(std::abs(in_float.second[i] - in_bf16.second[i]) < 0.3F);
}

TEST_CASE("the precision of gradients does not touch convolutions of double") {
  CHECK(gradients<double>(GradPrecision::fp32) == gradients<double>(GradPrecision::bf16));
}
