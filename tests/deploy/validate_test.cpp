#include "bitgrain/deploy/validate.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "deploy/random_network.hpp"
#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
using deploy_test::small_float_network;
using deploy_test::small_network;

using Change = std::function<void(IntegerNetwork&)>;

template <class T>
T& op(IntegerNetwork& net, std::size_t i) {
  return std::get<T>(net.ops[i]);
}

// The message about the small network after a change.
std::string complaint(IntegerNetwork net, const Change& change) {
  change(net);
  try {
    validate(net);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

void check_all(const IntegerNetwork& net, const std::vector<std::pair<Change, std::string>>& cases) {
  for (const auto& [change, expected] : cases) {
    const std::string got = complaint(net, change);
    CHECK_MESSAGE(got.find(expected) != std::string::npos, "expected '", expected, "', got '", got, "'");
  }
}

constexpr auto kNan = std::numeric_limits<float>::quiet_NaN();
}  // namespace

TEST_CASE("valid networks pass") {
  validate(small_network());
  validate(small_float_network());
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    validate(deploy_test::random_network(seed));
    validate(deploy_test::random_network(seed, Arithmetic::kFloat));
  }
}

TEST_CASE("values: shape, type, bits, step and zero point are checked, naming the value") {
  using Net = IntegerNetwork;
  check_all(small_network(),
            {{[](Net& n) { n.values.clear(); }, "one value more than ops"},
             {[](Net& n) { n.ops.clear(); }, "0 ops"},
             {[](Net& n) { n.arithmetic = static_cast<Arithmetic>(2); }, "arithmetic number 2"},
             {[](Net& n) { n.values[2].height = 0; }, "value 2 'relu1': the shape 0x4x2"},
             {[](Net& n) { n.values[2].width = -3; }, "value 2 'relu1'"},
             {[](Net& n) { n.values[2].channels = std::int64_t{1} << 40; }, "value 2 'relu1'"},
             {[](Net& n) { n.values[2].height = n.values[2].width = 1 << 24; }, "value 2 'relu1'"},
             {[](Net& n) { n.values[2].type = static_cast<ValueType>(9); }, "type number 9"},
             {[](Net& n) { n.values[2].type = ValueType::kF32; }, "f32 is not what integer arithmetic makes"},
             {[](Net& n) { n.values[0].type = ValueType::kS32; }, "s32 is not what an input is"},
             {[](Net& n) { n.values[2].bits = 9; }, "u8 has 1 to 8 bits, got 9"},
             {[](Net& n) { n.values[1].bits = 31; }, "s32 has 32 to 32 bits, got 31"},
             {[](Net& n) { n.values[2].step = 0; }, "the step must be positive"},
             {[](Net& n) { n.values[2].step = HUGE_VAL; }, "the step must be positive"},
             {[](Net& n) { n.values[2].zero_point = 16; }, "the zero point 16 is not among the codes 0 .. 15"},
             {[](Net& n) { n.classes = {"a"}; }, "1 class names for 3 outputs"}});
}

TEST_CASE("the input table is checked") {
  using Net = IntegerNetwork;
  check_all(small_network(), {{[](Net& n) { n.input.codes.pop_back(); }, "256 codes for 2 channels, got 511"},
                              {[](Net& n) { n.input.codes[300] = 16; }, "byte 44 of channel 1 to 16"},
                              {[](Net& n) { n.input.codes[0] = -1; }, "not among the codes 0 .. 15"}});
}

TEST_CASE("the order of ops: everything is made once, and before it is read") {
  using Net = IntegerNetwork;
  check_all(
      small_network(),
      {{[](Net& n) { op<ConvOp>(n, 0).input = 5; }, "op 0 (convolution 'conv1'): it reads value 5"},
       {[](Net& n) { op<ConvOp>(n, 0).input = -1; }, "it reads value -1"},
       {[](Net& n) { op<ConvOp>(n, 0).input = 12; }, "it reads value 12"},
       {[](Net& n) { op<ConvOp>(n, 0).output = 0; }, "one of the values 1 .. 11, got 0"},
       {[](Net& n) { op<ConvOp>(n, 0).output = 12; }, "one of the values 1 .. 11, got 12"},
       {[](Net& n) { op<ConvOp>(n, 2).output = 1; }, "op 2 (convolution 'conv2'): value 1 'conv1' is made a second"},
       {[](Net& n) { std::swap(n.ops[0], n.ops[1]); }, "op 0 (requantization 'relu1'): it reads value 1"}});
}

TEST_CASE("convolutions: geometry, weights and the accumulator bound are checked") {
  using Net = IntegerNetwork;
  const auto window = [](Net& n) -> Window2d& { return op<ConvOp>(n, 0).geometry.window; };
  check_all(
      small_network(),
      {{[](Net& n) { op<ConvOp>(n, 0).geometry.batch = 2; }, "the batch must be 1"},
       {[](Net& n) { op<ConvOp>(n, 0).geometry.in_h = 5; }, "its input must be 5x4x2, but value 'image' is 4x4x2"},
       {[&](Net& n) { window(n).pad_h = 0; }, "its output must be 2x4x2"},
       {[&](Net& n) { window(n).stride_h = 0; }, "must be at least 1"},
       {[&](Net& n) { window(n).kernel_h = std::int64_t{1} << 60; }, "is not in 0 .. "},
       {[&](Net& n) { window(n).pad_h = window(n).pad_w = 1 << 20; }, "the padded input has more than"},
       {[](Net& n) { op<ConvOp>(n, 0).geometry.groups = 2; }, "36 weights for 2 output channels of 3x3x1"},
       {[](Net& n) { op<ConvOp>(n, 0).geometry.groups = 0; }, "groups must divide"},
       {[](Net& n) { op<ConvOp>(n, 0).geometry.out_channels = 3; }, "its output must be 4x4x3"},
       {[](Net& n) { op<ConvOp>(n, 0).weights.codes.pop_back(); }, "it has 35 weights"},
       {[](Net& n) { op<ConvOp>(n, 0).weights.codes.clear(); }, "it has 0 weights"},
       {[](Net& n) { op<ConvOp>(n, 0).weights.codes[7] = 4; },
        "weight 7 has the code 4, which the signed grid of 3 bits does not have"},
       {[](Net& n) { op<ConvOp>(n, 0).weights.bits = 0; }, "1 to 8 bits"},
       {[](Net& n) { op<ConvOp>(n, 0).weights.grid = static_cast<Grid>(7); }, "grid number 7"},
       {[](Net& n) {
          op<ConvOp>(n, 0).weights.step = {0.1f, 0.1f, 0.1f};
        },
        "got 3 for 2 channels"},
       {[](Net& n) { op<ConvOp>(n, 0).weights.step = {kNan}; }, "weight steps must be positive"},
       {[](Net& n) { n.values[1].type = ValueType::kU8, n.values[1].bits = 8; }, "it makes s32"},
       {[](Net& n) { op<ConvOp>(n, 2).input = 1; }, "it reads codes, but value 1 'conv1' is s32"}});
}

TEST_CASE("65793 products of 8 x 8 bits are allowed and one more is not") {
  const auto wide = [](std::int64_t k) {
    IntegerNetwork net;
    net.values = {{"x", 1, k / 9, 9, ValueType::kU8, 8, 1.0, 0}, deploy_test::sums("sum", 1, 1)};
    for (int i = 0; i < 9 * 256; ++i) net.input.codes.push_back(static_cast<std::int16_t>(i % 256));
    net.ops.emplace_back(ConvOp{"wide",
                                0,
                                1,
                                {1, 1, k / 9, 9, 1, {1, k / 9}, 1},
                                {Grid::kSigned, 8, std::vector<std::int8_t>(static_cast<std::size_t>(k), -128), {}}});
    return net;
  };
  static_assert(65790 % 9 == 0);
  validate(wide(65790));
  CHECK(complaint(wide(65799), [](IntegerNetwork&) {}).find("an accumulator can reach 2147679360") !=
        std::string::npos);
  // The bound counts the weights there are, not the bits they might use.
  validate([&] {
    IntegerNetwork net = wide(65799);
    for (std::size_t i = 0; i < 6; ++i) op<ConvOp>(net, 0).weights.codes[i] = 0;
    return net;
  }());
}

TEST_CASE("requantizations: terms, constants and the worst case are checked, naming layer and channel") {
  using Net = IntegerNetwork;
  const auto relu = [](Net& n) -> RequantizeOp& { return op<RequantizeOp>(n, 4); };
  check_all(small_network(),
            {{[&](Net& n) { relu(n).terms.clear(); }, "op 4 (requantization 'relu2'): it needs 1 to 16 terms, got 0"},
             {[&](Net& n) { relu(n).terms.resize(17, relu(n).terms[0]); }, "got 17"},
             {[&](Net& n) { relu(n).terms[1].value = 2; }, "its term must be 2x2x4, but value 'relu1' is 4x4x2"},
             {[&](Net& n) { relu(n).terms[1].multiplier.pop_back(); }, "it needs 4 multipliers, got 3"},
             {[&](Net& n) { relu(n).bias.pop_back(); }, "it needs 4 biases and shifts, got 3 and 4"},
             {[&](Net& n) { relu(n).shift.push_back(1); }, "got 4 and 5"},
             {[&](Net& n) { relu(n).shift[2] = 47; }, "channel 2: the shift is at most 46, got 47"},
             {[&](Net& n) { relu(n).bias[1] = kBiasLimit; }, "channel 1: the bias must stay below 2^61"},
             {[&](Net& n) { relu(n).bias[1] = INT64_MIN; }, "channel 1: the bias must stay below 2^61"},
             {[&](Net& n) { relu(n).terms[0].multiplier[3] = INT32_MIN; }, "channel 3: the multiplier -2^31"},
             {[&](Net& n) { relu(n).high = 16; }, "the codes 0 .. 16 are not within 0 .. 15"},
             {[&](Net& n) { relu(n).low = -1; }, "the codes -1 .. 15"},
             {[&](Net& n) { relu(n).low = 8, relu(n).high = 7; }, "the codes 8 .. 7"}});
  // Three logits codes of 2^31 times multipliers of 2^31 reach beyond 2^63.
  IntegerNetwork net = small_network();
  net.values.push_back(deploy_test::sums("again", 1, 3));
  RequantizeOp again = op<RequantizeOp>(net, 10);
  again.output = 12;
  for (auto& m : again.terms[0].multiplier) m = INT32_MAX;
  again.terms[0].value = 11;
  again.terms.resize(3, again.terms[0]);
  net.ops.emplace_back(again);
  CHECK(complaint(net, [](Net&) {
        }).find("op 11 (requantization 'logits'): channel 0: the sum of the terms can reach") != std::string::npos);
}

TEST_CASE("pools, subsample and flatten pass codes on under one step") {
  using Net = IntegerNetwork;
  check_all(
      small_network(),
      {{[](Net& n) { n.values[6].step = 0.3; }, "op 5 (max pool): it passes codes on"},
       {[](Net& n) { n.values[6].bits = 5; }, "5 bits"},
       {[](Net& n) { n.values[6].zero_point = 1; }, "zero point 1"},
       {[](Net& n) { op<MaxPoolOp>(n, 5).geometry.window.pad_h = 2; }, "padding must be at most half the kernel"},
       {[](Net& n) { op<MaxPoolOp>(n, 5).geometry.channels = 5; }, "its input must be 2x2x5"},
       {[](Net& n) { n.values[7].type = ValueType::kU8, n.values[7].bits = 8; }, "op 6 (sum pool): it makes s32"},
       {[](Net& n) { op<SubsamplePadOp>(n, 3).pad_before = 2; }, "op 3 (subsample-pad): its output must be 2x2x5"},
       {[](Net& n) { op<SubsamplePadOp>(n, 3).stride = 0; }, "the stride must be at least 1"},
       {[](Net& n) { op<SubsamplePadOp>(n, 3).pad_after = -1; }, "the padding at least 0"},
       {[](Net& n) { n.values[4].step = 1.5; }, "op 3 (subsample-pad): it passes codes on"},
       {[](Net& n) { n.values[9].channels = 5; }, "op 8 (flatten): its output must be 1x1x4"},
       {[](Net& n) { n.values[9].step = 9; }, "op 8 (flatten): it passes codes on"},
       {[](Net& n) {
          auto& g = op<MaxPoolOp>(n, 5).geometry;
          g.window = {2, 2, 1, 1, 1, 0, 3, 1};
          n.values[6].width = n.values[5].width - 1;
        },
        "op 5 (max pool): a window of 2x2 with dilation 3x1 lies in the padding"},
       {[](Net& n) {
          for (const int i : {5, 6}) n.values[static_cast<std::size_t>(i)].zero_point = 1;
          auto& g = op<SumPoolOp>(n, 6).geometry;
          g.window = {2, 2, 2, 2, 1, 1, 1, 1};
        },
        "it needs codes of zero point 0"},
       {[](Net& n) {
          n.ops[8] = AffineOp{};
          std::get<AffineOp>(n.ops[8]).output = 9;
        },
        "has no affine op"}});
}

TEST_CASE("float arithmetic has its own rules") {
  using Net = IntegerNetwork;
  check_all(
      small_float_network(),
      {{[](Net& n) { n.values[1].type = ValueType::kS32; }, "s32 is not what float arithmetic makes"},
       {[](Net& n) { op<ConvOp>(n, 0).weights.step.clear(); }, "one weight step or one per output channel, got 0"},
       {[](Net& n) { op<AffineOp>(n, 1).shift[0] = kNan; }, "shifts must be finite"},
       {[](Net& n) { op<AffineOp>(n, 1).shift.pop_back(); }, "it needs 2 shifts, got 1"},
       {[](Net& n) { op<AffineOp>(n, 1).terms[0].scale[1] = HUGE_VALF; }, "2 finite scales"},
       {[](Net& n) { op<AffineOp>(n, 1).terms.clear(); }, "1 to 16 terms"},
       {[](Net& n) { op<AffineOp>(n, 1).low = kNan; }, "the clip"},
       {[](Net& n) { op<AffineOp>(n, 1).high = -1; }, "the clip"},
       {[](Net& n) { n.ops[1] = RequantizeOp{"relu", 2, {}, {}, {}, 0, 1}; }, "has no requantization"}});
}
