#include "bitgrain/nn/float_layers.hpp"

#include <doctest/doctest.h>

#include <type_traits>

#include "bitgrain/nn/relu6.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("the family's layers are the plain layers with options in front") {
  const FloatLayers<>::Options options;
  FloatLayers<>::Conv2d conv(options, 3, 8, Window2d::square(3, 2, 1));
  CHECK(conv.describe() == "Conv2d(3 -> 8, 3x3, stride 2, padding 1, bias)");
  CHECK(FloatLayers<>::Linear(options, 3, 8, false).describe() == "Linear(3 -> 8)");
  CHECK(std::is_base_of_v<ReLU<float>, FloatLayers<>::ReLU>);
  CHECK(std::is_same_v<FloatLayers<double>::ConvBnAct::Scalar, double>);
  FloatLayers<>::GlobalAvgPool pool(options);
  CHECK(pool(Var<float>(Tensor<float>(Shape{1, 2, 2, 5}, 1.0F))).shape() == Shape{1, 5});
}

// A family from outside the library: its nonlinearity is ReLU6, its options count what they made.
struct CountingLayers {
  using Scalar = float;
  struct Options {
    int* made = nullptr;
  };
  struct Conv2d : bitgrain::Conv2d<float> {
    Conv2d(const Options& o, std::int64_t in, std::int64_t out, const Window2d& w, bool bias = true,
           std::int64_t groups = 1)
        : bitgrain::Conv2d<float>(in, out, w, bias, groups) {
      ++*o.made;
    }
  };
  struct ReLU : ReLU6<float> {
    explicit ReLU(const Options& o) { *o.made += 100; }
  };
  using ConvBnAct = ConvBnActBlock<Conv2d, ReLU>;
};

TEST_CASE("a family from outside builds the composites from its own layers and receives its options") {
  int made = 0;
  CountingLayers::ConvBnAct block(CountingLayers::Options{&made}, 1, 1, Window2d::square(1));
  CHECK(made == 101);
  block.set_training(false);
  block.bn().bias().mutable_value().fill(50.0F);
  CHECK(block(Var<float>(Tensor<float>(Shape{1, 1, 1, 1}, 0.0F))).item() == 6.0F);
}

}  // namespace
}  // namespace bitgrain
