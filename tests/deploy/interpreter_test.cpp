#include "bitgrain/deploy/interpreter.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
using deploy_test::sums;

using Row = std::vector<std::int64_t>;

// One op on an image of size x size x channels whose bytes are its codes.
IntegerNetwork one_op(std::int64_t size, std::int64_t channels, const Value& out, const Op& op) {
  IntegerNetwork net;
  for (std::int64_t i = 0; i < channels * 256; ++i) net.input.codes.push_back(static_cast<std::int16_t>(i % 256));
  net.values = {{"image", size, size, channels, ValueType::kU8, 8, 1.0, 0}, out};
  net.ops.push_back(op);
  return net;
}
}  // namespace

TEST_CASE("convolution: hand-computed sums, padding inserts the zero point") {
  IntegerNetwork net = one_op(2, 1, sums("sum", 2, 1),
                              ConvOp{"conv",
                                     0,
                                     1,
                                     {1, 2, 2, 1, 1, Window2d::square(3, 1, 1), 1},
                                     {Grid::kSigned, 8, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {}}});
  const std::uint8_t image[] = {1, 10, 100, 200};
  CHECK(Interpreter(net).run(image)[1] ==
        Row{5 + 60 + 800 + 1800, 4 + 50 + 700 + 1600, 2 + 30 + 500 + 1200, 1 + 20 + 400 + 1000});
  net.values[0].zero_point = 3;
  CHECK(Interpreter(net).run(image)[1][0] == 5 + 60 + 800 + 1800 + 3 * (1 + 2 + 3 + 4 + 7));
}

TEST_CASE("groups, strides and dilation pick the right elements") {
  std::vector<std::uint8_t> image(32);
  std::iota(image.begin(), image.end(), std::uint8_t{0});
  const IntegerNetwork net = one_op(4, 2, sums("sum", 1, 2),
                                    ConvOp{"conv",
                                           0,
                                           1,
                                           {1, 4, 4, 2, 2, {2, 2, 2, 2, 0, 0, 3, 2}, 2},
                                           {Grid::kSigned, 8, {1, 0, 0, 1, 1, 1, 1, 1}, {}}});
  // Rows 0 and 3, columns 0 and 2: pixels 0, 2, 12, 14; channel 0 is even, channel 1 odd.
  CHECK(Interpreter(net).run(image.data())[1] == Row{0 + 28, 1 + 5 + 25 + 29});
}

TEST_CASE("requantization rounds down after the half: floor, for negative sums too, then clamps") {
  RequantizeOp op;
  op.layer = "rq";
  op.output = 1;
  op.terms = {{0, {1, -1, 3}}};
  op.bias = {2, -1, -40};
  op.shift = {2, 2, 3};
  op.low = -3;
  op.high = 20;
  Value out = sums("out", 1, 3);
  const IntegerNetwork net = one_op(1, 3, out, op);
  const std::uint8_t a[] = {5, 4, 13}, b[] = {255, 255, 0};
  CHECK(Interpreter(net).run(a)[1] == Row{1, -2, -1});  // 7 >> 2, -5 >> 2, -1 >> 3
  CHECK(Interpreter(net).run(b)[1] == Row{20, -3, -3});
}

TEST_CASE("pools, subsample-pad and flatten, by hand") {
  const std::uint8_t image[] = {1, 9, 2, 4, 3, 5, 8, 7, 6};
  Value out{"out", 3, 3, 1, ValueType::kU8, 8, 1.0, 0};
  out.height = out.width = 2;
  const Window2d window = Window2d::square(2, 2, 1);
  CHECK(Interpreter(one_op(3, 1, out, MaxPoolOp{0, 1, {1, 3, 3, 1, window}})).run(image)[1] == Row{1, 9, 8, 7});
  CHECK(Interpreter(one_op(3, 1, sums("sum", 2, 1), SumPoolOp{0, 1, {1, 3, 3, 1, window}})).run(image)[1] ==
        Row{1, 11, 12, 21});
  out.channels = 4;
  CHECK(Interpreter(one_op(3, 1, out, SubsamplePadOp{0, 1, 2, 1, 2})).run(image)[1] ==
        Row{0, 1, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 6, 0, 0});
  out.height = out.width = 1;
  out.channels = 9;
  CHECK(Interpreter(one_op(3, 1, out, FlattenOp{0, 1})).run(image)[1] == Row(std::begin(image), std::end(image)));
}

TEST_CASE("float arithmetic: weights are step * code, the input step * (code - zero point)") {
  const Interpreter interpreter(deploy_test::small_float_network());
  const std::uint8_t image[] = {10, 14, 30, 0};
  const auto values = interpreter.run_real(image);
  CHECK(values[0] == std::vector<double>{0, 2, 10, -5});
  CHECK(values[1] == std::vector<double>{0, 0, 0.5, -2, 2.5, -10, -1.25, 5});
  CHECK(values[2] == std::vector<double>{1, 0.5, 2, 2.5, 6, 10.5, 0, 0});
  CHECK_THROWS_AS(interpreter.run(image), Error);
  CHECK_THROWS_AS(Interpreter(deploy_test::small_network()).run_real(image), Error);
}

TEST_CASE("a network that is not valid is refused") {
  IntegerNetwork net = deploy_test::small_network();
  net.values[3].width = 7;
  CHECK_THROWS_AS(Interpreter{net}, Error);
}
