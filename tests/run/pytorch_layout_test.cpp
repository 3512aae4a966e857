// The order of PyTorch's tensors, spelled out on networks small enough to count.
#include "bitgrain/run/pytorch_layout.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "bitgrain/nn/conv2d.hpp"
#include "bitgrain/nn/flatten.hpp"
#include "bitgrain/nn/linear.hpp"
#include "bitgrain/nn/relu.hpp"

using namespace bitgrain;

namespace {
Tensor<float> counting(const Shape& shape) {
  Tensor<float> t(shape);
  std::iota(t.mutable_data(), t.mutable_data() + t.numel(), 0.0F);
  return t;
}
struct Net final : Module<float> {
  Net() {
    register_module("conv", conv_);
    register_module("flatten", flatten_);
    register_module("act", act_);
    register_module("first", first_);
    register_module("second", second_);
  }
  Var<float> forward(const Var<float>& x) override { return second_(first_(act_(flatten_(conv_(x))))); }
  Conv2d<float> conv_{3, 4, Window2d{2, 1}};
  Flatten<float> flatten_;
  ReLU<float> act_;
  Linear<float> first_{2 * 3 * 4, 24};
  Linear<float> second_{24, 2};
};
}  // namespace

TEST_CASE("convolution weights are OIHW there") {
  Net net;
  const PyTorchLayout layout(net, {3, 3, 3});
  const Tensor<float> ours = counting({4, 2, 1, 3});
  CHECK(layout.shape_there("conv.weight", ours.shape()) == Shape{4, 3, 2, 1});
  CHECK(layout.shape_there("conv.bias", {4}) == Shape{4});
  const Tensor<float> theirs = layout.to_pytorch("conv.weight", ours);
  CHECK(theirs.shape() == Shape{4, 3, 2, 1});
  for (std::int64_t o = 0; o < 4; ++o)
    for (std::int64_t h = 0; h < 2; ++h)
      for (std::int64_t i = 0; i < 3; ++i) CHECK(theirs[(o * 3 + i) * 2 + h] == ours[(o * 2 + h) * 3 + i]);
}

TEST_CASE("a linear layer behind a flatten reads its image channel by channel there, also behind a nonlinearity") {
  Net net;
  const PyTorchLayout layout(net, {3, 3, 3});
  const Tensor<float> ours = counting({24, 24});
  const Tensor<float> theirs = layout.to_pytorch("first.weight", ours);
  for (std::int64_t c = 0; c < 4; ++c)
    for (std::int64_t h = 0; h < 2; ++h)
      for (std::int64_t w = 0; w < 3; ++w)
        CHECK(theirs[5 * 24 + c * 6 + h * 3 + w] == ours[5 * 24 + (h * 3 + w) * 4 + c]);
  const Tensor<float> back = layout.from_pytorch("first.weight", theirs, ours.shape());
  CHECK(std::equal(back.data(), back.data() + back.numel(), ours.data()));
}

TEST_CASE("everything else stays as it is, and so do the numbers of the network") {
  Net net;
  const float before = net.first_.weight().value()[7];
  const PyTorchLayout layout(net, {3, 3, 3});
  const Tensor<float> t = counting({2, 24});
  CHECK(layout.to_pytorch("second.weight", t)[25] == 25.0F);
  CHECK(layout.from_pytorch("second.bias", counting({2}), {2})[1] == 1.0F);
  CHECK(net.first_.weight().value()[7] == before);
}
