#pragma once

// Valid networks of random shape for the tests of deploy: chains, residual adds of every kind, pools, linear layers,
// weights on every grid, codes of every bit-width, zero points, negative and zero multipliers.

#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/grid_fields.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/requantize.hpp"
#include "bitgrain/deploy/value_bounds.hpp"

namespace bitgrain::deploy_test {

using namespace bitgrain::deploy;

class RandomNetwork {
 public:
  RandomNetwork(std::uint64_t seed, Arithmetic arithmetic) : random_(seed, "network") {
    net_.name = "random " + std::to_string(seed);
    net_.arithmetic = arithmetic;
    add_input();
    int x = 0;
    const int blocks = 1 + static_cast<int>(random_.below(4));
    for (int b = 0; b < blocks; ++b) x = add_block(x);
    if (random_.bernoulli(0.6)) {
      x = flatten(x);
      x = normalise({convolution(x, Window2d{}, 1 + random_.below(20), 1)}, true);
    }
    if (net_.ops.empty()) normalise({x}, true);
    if (random_.bernoulli(0.3))
      for (std::int64_t i = 0; i < net_.values[static_cast<std::size_t>(net_.output())].numel(); ++i)
        net_.classes.push_back("class " + std::to_string(i));
  }
  IntegerNetwork take() { return std::move(net_); }

 private:
  bool in_floats() const { return net_.arithmetic == Arithmetic::kFloat; }
  bool chance(double p) { return random_.bernoulli(p); }
  std::int64_t pick(std::initializer_list<std::int64_t> from) {
    return from.begin()[random_.below(static_cast<std::uint32_t>(from.size()))];
  }
  const Value& value(int i) const { return net_.values[static_cast<std::size_t>(i)]; }
  int add_value(Value v) {
    v.name = "value" + std::to_string(net_.values.size());
    if (in_floats() && !net_.values.empty()) {
      v.type = ValueType::kF32;
      v.bits = 32;
      v.step = 1;
      v.zero_point = 0;
    }
    net_.values.push_back(v);
    return static_cast<int>(net_.values.size()) - 1;
  }
  void set_codes(Value& v) {
    v.type = chance(0.3) ? ValueType::kS8 : ValueType::kU8;
    v.bits = chance(0.5) ? 8 : 1 + static_cast<int>(random_.below(8));
    v.step = random_.uniform(0.01, 2.0);
    const CodeRange range = code_range(v);
    if (chance(0.3))
      v.zero_point = range.low +
                     static_cast<std::int32_t>(random_.below(static_cast<std::uint32_t>(range.high - range.low + 1)));
  }

  void add_input() {
    Value v;
    v.height = pick({1, 3, 6, 9});
    v.width = pick({1, 4, 7, 8});
    v.channels = pick({1, 2, 3, 5});
    set_codes(v);
    add_value(v);
    const CodeRange range = code_range(value(0));
    const bool identity = v.type == ValueType::kU8 && v.bits == 8 && chance(0.5), shared = chance(0.3);
    for (std::int64_t c = 0; c < v.channels; ++c)
      for (int byte = 0; byte < 256; ++byte) {
        const int span = range.high - range.low + 1;
        const int code = identity ? byte
                         : shared ? range.low + byte * span / 256
                                  : range.low + static_cast<int>(random_.below(static_cast<std::uint32_t>(span)));
        net_.input.codes.push_back(static_cast<std::int16_t>(code));
      }
  }

  WeightCodes weights(std::int64_t count, std::int64_t out) {
    WeightCodes w;
    w.bits = 1 + static_cast<int>(random_.below(8));
    w.grid = static_cast<Grid>(random_.below(6));
    std::uint8_t layout = 0;
    if (w.grid == Grid::kPow2) layout = static_cast<std::uint8_t>(random_.below(2));
    if (w.grid == Grid::kPlanes)
      layout = static_cast<std::uint8_t>(w.bits == 1 ? 4 : ((1 << (w.bits - 1)) - 1) & 0x7F);
    const GridFields fields(w.grid, w.bits, layout);
    while (static_cast<std::int64_t>(w.codes.size()) < count) {
      const std::int16_t code = fields.code(static_cast<std::uint8_t>(random_.below(1u << w.bits)));
      if (code != GridFields::kNone) w.codes.push_back(static_cast<std::int8_t>(code));
    }
    const bool per_channel = chance(0.5);
    for (std::int64_t i = 0; i < (per_channel ? out : 1); ++i)
      w.step.push_back(static_cast<float>(random_.uniform(0.001, 0.1)));
    return w;
  }

  int convolution(int x, Window2d window, std::int64_t out, std::int64_t groups) {
    ConvOp op;
    op.layer = "conv" + std::to_string(net_.ops.size());
    op.input = x;
    op.geometry = {1, value(x).height, value(x).width, value(x).channels, out, window, groups};
    op.weights = weights(op.geometry.weight_size(), out);
    Value acc;
    acc.height = op.geometry.out_h();
    acc.width = op.geometry.out_w();
    acc.channels = out;
    acc.type = ValueType::kS32;
    acc.bits = 32;
    op.output = add_value(acc);
    bounds_.resize(net_.values.size());
    if (!in_floats()) bounds_.back() = accumulator_bound(op, value(x));
    net_.ops.emplace_back(op);
    return op.output;
  }

  std::int64_t bound(int v) const {
    return value(v).type == ValueType::kS32 ? bounds_[static_cast<std::size_t>(v)] : code_bound(value(v));
  }

  // Requantizes (or clips) a sum of values to codes or logits.
  int normalise(const std::vector<int>& terms, bool logits = false) {
    Value out = value(terms[0]);
    out.zero_point = 0;
    out.step = random_.uniform(0.01, 2.0);
    set_codes(out);
    if (logits) {
      out.type = ValueType::kS32;
      out.bits = 32;
      out.zero_point = 0;
    }
    const int output = add_value(out);
    if (in_floats()) {
      affine(terms, output);
      return output;
    }
    const CodeRange range = code_range(out);
    const double span = logits ? 1e6 : 2.0 * (range.high - range.low + 1);
    const auto channels = static_cast<std::size_t>(out.channels);
    std::vector<ScaledTerm> scaled;
    for (const int term : terms) {
      ScaledTerm s{term, {}, bound(term)};
      const double unit = span / static_cast<double>(std::max<std::int64_t>(s.bound, 1));
      const bool one_ratio = chance(0.3);
      for (std::size_t c = 0; c < (one_ratio ? 1 : channels); ++c)
        s.scale.push_back(chance(0.1) ? 0.0 : unit * random_.normal() * std::exp2(random_.uniform(-2.0, 2.0)));
      scaled.push_back(s);
    }
    std::vector<double> shift;
    for (std::size_t c = 0; c < channels; ++c)
      shift.push_back(range.low / 2.0 * (logits ? 1e-6 : 1.0) + span / 4 * random_.normal());
    std::int32_t low = range.low, high = range.high;
    if (!logits && chance(0.2)) low += (high - low) / 3;
    RequantizeOp op = make_requantize("rq" + std::to_string(net_.ops.size()), output, scaled, shift, low, high);
    if (chance(0.2)) scramble(op);
    bounds_.resize(net_.values.size());
    bounds_.back() = std::int64_t{1} << 31;
    net_.ops.emplace_back(op);
    return output;
  }

  // Constants as no real network would have them, still within the bounds.
  void scramble(RequantizeOp& op) {
    for (std::size_t c = 0; c < op.bias.size(); ++c) {
      const int n = static_cast<int>(random_.below(47));
      op.shift[c] = static_cast<std::uint8_t>(n);
      op.bias[c] = static_cast<std::int64_t>(random_.normal() * std::exp2(n + 4.0));
      for (auto& term : op.terms)
        term.multiplier[c] = static_cast<std::int32_t>(random_.next_bits()) >> random_.below(20) >> op.terms.size();
    }
  }

  void affine(const std::vector<int>& terms, int output) {
    AffineOp op;
    op.layer = "affine" + std::to_string(net_.ops.size());
    op.output = output;
    const bool clip = chance(0.5);
    op.low = clip ? 0.0f : -std::numeric_limits<float>::infinity();
    op.high = clip && chance(0.5) ? 6.0f : std::numeric_limits<float>::infinity();
    const auto channels = static_cast<std::size_t>(value(output).channels);
    for (std::size_t c = 0; c < channels; ++c) op.shift.push_back(static_cast<float>(random_.normal()));
    for (const int term : terms) {
      op.terms.push_back({term, {}});
      for (std::size_t c = 0; c < channels; ++c)
        op.terms.back().scale.push_back(static_cast<float>(random_.normal() * 0.5));
    }
    net_.ops.emplace_back(op);
  }

  template <class PoolOp>
  int pool(int x, bool sums) {
    PoolOp op;
    op.input = x;
    Value v = value(x);
    op.geometry = {1, v.height, v.width, v.channels, {}};
    if (chance(0.3)) {
      op.geometry.window.kernel_h = v.height;
      op.geometry.window.kernel_w = v.width;
    } else {
      op.geometry.window = Window2d::square(2 + random_.below(2), 1 + random_.below(2), random_.below(2));
      if (sums && v.zero_point != 0) op.geometry.window.pad_h = op.geometry.window.pad_w = 0;
      if (op.geometry.out_h() < 1 || op.geometry.out_w() < 1) op.geometry.window = Window2d{};
    }
    v.height = op.geometry.out_h();
    v.width = op.geometry.out_w();
    if (sums) {
      v.type = ValueType::kS32;
      v.bits = 32;
      v.zero_point = 0;
    }
    op.output = add_value(v);
    bounds_.resize(net_.values.size());
    if constexpr (std::is_same_v<PoolOp, SumPoolOp>)
      if (!in_floats()) bounds_.back() = sum_bound(op, value(x));
    net_.ops.emplace_back(op);
    return op.output;
  }

  int subsample(int x, std::int64_t stride, std::int64_t before, std::int64_t after) {
    Value v = value(x);
    SubsamplePadOp op{x, 0, stride, before, after};
    v.height = (v.height - 1) / stride + 1;
    v.width = (v.width - 1) / stride + 1;
    v.channels += before + after;
    op.output = add_value(v);
    net_.ops.emplace_back(op);
    return op.output;
  }

  int flatten(int x) {
    Value v = value(x);
    v.channels = v.numel();
    v.height = v.width = 1;
    const int output = add_value(v);
    bounds_.resize(net_.values.size());
    if (!in_floats()) bounds_.back() = bound(x);
    net_.ops.emplace_back(FlattenOp{x, output});
    return output;
  }

  int add_block(int x) {
    const Value in = value(x);
    const std::int64_t out = pick({1, 3, 8, 16, 17, 20});
    const Window2d same = Window2d::square(3, 1, 1);
    switch (random_.below(9)) {
      case 0:  // any convolution
      case 1: {
        Window2d window{pick({1, 2, 3}), pick({1, 2, 3}), pick({1, 2}), pick({1, 2}), pick({0, 1}), pick({0, 1}), 1,
                        pick({1, 1, 2})};
        const ConvGeometry g{1, in.height, in.width, in.channels, out, window, 1};
        if (g.out_h() < 1 || g.out_w() < 1) window = Window2d{};
        return normalise({convolution(x, window, out, 1)});
      }
      case 2:  // depthwise, then pointwise
        x = normalise({convolution(x, same, in.channels * pick({1, 2}), in.channels)});
        return normalise({convolution(x, Window2d{}, out, 1)});
      case 3: {  // residual block, identity shortcut
        const int y = normalise({convolution(x, same, out, 1)});
        return normalise({convolution(y, same, in.channels, 1), x});
      }
      case 4: {  // residual block, shortcut B: two accumulators
        const Window2d half = Window2d::square(3, 2, 1), pointwise = Window2d::square(1, 2);
        const int shortcut = convolution(x, pointwise, out, 1);
        return normalise({shortcut, convolution(x, half, out, 1)});
      }
      case 5: {  // residual block, shortcut A
        const Window2d half = Window2d::square(3, 2, 1);
        const int y = normalise({convolution(x, half, in.channels + 4, 1)});
        const int shortcut = subsample(x, 2, 2, 2);
        return normalise({convolution(y, same, in.channels + 4, 1), shortcut});
      }
      case 6: {  // one pre-activation, two codes: the shortcut keeps more bits than the branch
        const int acc = convolution(x, same, out, 1);
        const int branch = normalise({acc}), shortcut = normalise({acc});
        return normalise({convolution(branch, same, out, 1), shortcut});
      }
      case 7:
        return pool<MaxPoolOp>(x, false);
      default:
        return normalise({pool<SumPoolOp>(x, true)});
    }
  }

  RandomStream random_;
  IntegerNetwork net_;
  std::vector<std::int64_t> bounds_;
};

inline IntegerNetwork random_network(std::uint64_t seed, Arithmetic arithmetic = Arithmetic::kInteger) {
  return RandomNetwork(seed, arithmetic).take();
}

/// Raw bytes of `count` images for a network.
inline std::vector<std::uint8_t> random_images(const IntegerNetwork& net, std::int64_t count, std::uint64_t seed) {
  RandomStream random(seed, "images");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count * net.values[0].numel()));
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random.below(256));
  return bytes;
}

}  // namespace bitgrain::deploy_test
