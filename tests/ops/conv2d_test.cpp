#include "bitgrain/ops/conv2d.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("conv2d: values of a 2x2 kernel, by hand") {
  // One image 2x3 of one channel, two filters, padding 0.
  const auto x = var({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const auto w = var({2, 2, 2, 1}, {1, 0, 0, 1, /**/ 0, 1, -1, 0});
  const auto bias = var({2}, {10, 20});
  const auto y = conv2d(x, w, bias, Window2d::square(2));
  CHECK(y.shape() == Shape{1, 1, 2, 2});
  // Filter 0: x[0,0] + x[1,1] = 6 and 8; filter 1: x[0,1] - x[1,0] = -2 and -2. Channels last.
  CHECK(list(y) == Values{16, 18, 18, 18});
  CHECK(list(conv2d(x, w, Var<double>(), Window2d::square(2))) == Values{6, -2, 8, -2});
}

TEST_CASE("conv2d: padding is zero and stride picks every other pixel, by hand") {
  const auto x = var({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto w = var({1, 3, 3, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  const auto y = conv2d(x, w, Var<double>(), Window2d::square(3, 2, 1));
  CHECK(y.shape() == Shape{1, 2, 2, 1});
  CHECK(list(y) == Values{12, 16, 24, 28});
}

TEST_CASE("conv2d: gradients over strides, paddings, dilations, groups and rectangular windows") {
  struct Case {
    const char* what;
    Shape x, w;
    Window2d window;
    std::int64_t groups;
    bool bias;
  };
  Window2d rectangular;
  rectangular.kernel_h = 3, rectangular.kernel_w = 2, rectangular.stride_h = 1, rectangular.stride_w = 2;
  rectangular.pad_h = 2, rectangular.pad_w = 1, rectangular.dilation_h = 2, rectangular.dilation_w = 1;
  const std::vector<Case> cases = {
      {"3x3 same", {2, 4, 5, 3}, {4, 3, 3, 3}, Window2d::square(3, 1, 1), 1, true},
      {"3x3 stride 2", {1, 6, 5, 2}, {3, 3, 3, 2}, Window2d::square(3, 2, 1), 1, true},
      {"1x1 stride 2, no bias", {2, 5, 4, 3}, {2, 1, 1, 3}, Window2d::square(1, 2), 1, false},
      {"dilation 2", {1, 6, 6, 2}, {2, 3, 3, 2}, Window2d::square(3, 1, 2, 2), 1, true},
      {"5x5 valid", {1, 6, 7, 1}, {2, 5, 5, 1}, Window2d::square(5), 1, true},
      {"rectangular", {2, 5, 6, 2}, {3, 3, 2, 2}, rectangular, 1, true},
      {"two groups", {1, 4, 4, 4}, {6, 3, 3, 2}, Window2d::square(3, 1, 1), 2, true},
      {"depthwise", {2, 4, 4, 5}, {5, 3, 3, 1}, Window2d::square(3, 1, 1), 5, true},
      {"depthwise with two filters per channel, stride 2",
       {1, 5, 5, 3},
       {6, 3, 3, 1},
       Window2d::square(3, 2, 1),
       3,
       true},
      {"17 to 9 channels (ragged vectors)", {1, 3, 3, 17}, {9, 3, 3, 17}, Window2d::square(3, 1, 1), 1, true},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    const Var<double> x = random_var(c.x, 1), w = random_var(c.w, 2);
    const auto inputs = c.bias ? std::vector{x, w, random_var({c.w[0]}, 3)} : std::vector{x, w};
    check_gradients(
        [&c](const auto& in) {
          return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Var<double>(), c.window, c.groups);
        },
        inputs);
  }
}

TEST_CASE("conv2d: the shared backward serves another forward") {
  // An op that computes the same convolution in its own way and borrows the gradients.
  const auto f = [](const std::vector<Var<double>>& in) {
    const ConvGeometry g = conv2d_geometry(in[0].shape(), in[1].shape(), Window2d::square(3, 1, 1));
    Tensor<double> y(Shape{g.batch, g.out_h(), g.out_w(), g.out_channels});
    kernels::conv2d_forward(g, in[0].value().data(), in[1].value().data(), nullptr, y.mutable_data());
    return make_result<double>("other", y, {in[0], in[1]}, conv2d_backward(g, in[0], in[1], Var<double>()));
  };
  check_gradients(f, {random_var({1, 3, 4, 2}, 1), random_var({2, 3, 3, 2}, 2)});
}

TEST_CASE("conv2d: the trace holds x, w, bias and the geometry") {
  const auto x = random_var({2, 4, 6, 4}, 1), w = random_var({6, 3, 1, 2}, 2), bias = random_var({6}, 3);
  Window2d window;
  window.kernel_h = 3;
  window.stride_w = 2;
  Var<double> y;
  const auto record = traced([&] { y = conv2d(x, w, bias, window, 2); });
  CHECK(record.op == "conv2d");
  REQUIRE(record.inputs.size() == 3);
  CHECK(record.inputs[0].id() == x.id());
  CHECK(record.inputs[1].id() == w.id());
  CHECK(record.inputs[2].id() == bias.id());
  CHECK(record.output.id() == y.id());
  const ConvGeometry& g = record.attributes.conv;
  CHECK(g.batch == 2);
  CHECK(g.in_h == 4);
  CHECK(g.in_w == 6);
  CHECK(g.in_channels == 4);
  CHECK(g.out_channels == 6);
  CHECK(g.groups == 2);
  CHECK(g.window == window);
  const auto bare = traced([&] { conv2d(x, w, Var<double>(), window, 2); });
  CHECK_FALSE(bare.inputs[2].defined());
}

TEST_CASE("conv2d: codes are dropped") {
  const auto x = with_codes(random_var({1, 3, 3, 1}, 1));
  CHECK(conv2d(x, random_var({1, 3, 3, 1}, 2), Var<double>(), Window2d::square(3)).quant() == nullptr);
}

TEST_CASE("conv2d: shapes that do not fit are named") {
  const auto x = random_var({1, 5, 5, 4}, 1), w = random_var({6, 3, 3, 4}, 2);
  const auto window = Window2d::square(3);
  const Var<double> none;
  CHECK(names(error_of([&] { conv2d(random_var({5, 5, 4}, 1), w, none, window); }), {"conv2d", "[5,5,4]"}));
  CHECK(names(error_of([&] { conv2d(x, random_var({6, 36}, 1), none, window); }), {"conv2d", "[6,36]"}));
  CHECK(names(error_of([&] {
                conv2d(x, random_var({6, 3, 3, 3}, 1), none, window);
              }),
              {"conv2d", "[1,5,5,4]", "[6,3,3,3]"}));
  CHECK(names(error_of([&] { conv2d(x, w, none, Window2d::square(5)); }), {"conv2d", "[6,3,3,4]", "5x5"}));
  CHECK(names(error_of([&] { conv2d(x, w, none, window, 3); }), {"conv2d", "3 groups"}));
  CHECK(names(error_of([&] { conv2d(x, w, none, window, 2); }), {"conv2d", "2 input channels", "[6,3,3,4]"}));
  CHECK(names(error_of([&] { conv2d(x, w, random_var({5}, 1), window); }), {"conv2d", "bias", "[6]", "[5]"}));
  CHECK(names(error_of([&] { conv2d(none, w, none, window); }), {"conv2d", "x", "undefined"}));
  CHECK(names(error_of([&] { conv2d(x, none, none, window); }), {"conv2d", "w", "undefined"}));
  CHECK(names(error_of([&] {
                conv2d(x, random_var({6, 7, 7, 4}, 1), none, Window2d::square(7));
              }),
              {"conv2d", "7x7", "5x5"}));
}
