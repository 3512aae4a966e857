#pragma once

/// Whether a list of values and ops is a network that can be run: every index, shape, type, code and constant is
/// checked, and so is every sum that could overflow. Whoever builds, loads or runs an IntegerNetwork calls
/// `validate`, so that the engine, the interpreter and the exporters need no checks of their own.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/report.hpp"
#include "bitgrain/deploy/grid_fields.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/requantize.hpp"
#include "bitgrain/deploy/value_bounds.hpp"

namespace bitgrain::deploy {

/// Limits on the size of a network. They keep a nonsensical file from asking for memory without end.
inline constexpr std::size_t kMaxValues = 1 << 16;
inline constexpr std::int64_t kMaxExtent = 1 << 24;         ///< of any height, width, kernel, stride, padding
inline constexpr std::int64_t kMaxElements = 1 << 28;       ///< of one value, padding included
inline constexpr std::int64_t kMaxTotalChannels = 1 << 20;  ///< over all values
inline constexpr std::int64_t kMaxImageChannels = 4096;     ///< of value 0, which has a table per channel

/// "u8", "s8", "s32", "f32".
inline const char* type_name(ValueType type) {
  constexpr const char* kNames[] = {"u8", "s8", "s32", "f32"};
  return type <= ValueType::kF32 ? kNames[static_cast<int>(type)] : "unknown";
}

namespace detail {

// An op in messages: "op 3 (convolution 'conv1')".
template <class Op>
struct OpLabel {
  std::size_t index;
  const Op& op;

  void append_to(Report& report) const {
    constexpr const char* kKinds[] = {"convolution", "requantization", "affine", "max pool",
                                      "sum pool",    "subsample-pad",  "flatten"};
    report.append("op ");
    report.append(index);
    report.append(" (");
    report.append(kKinds[op.index()]);
    std::visit(
        [&](const auto& o) {
          if constexpr (requires { o.layer; }) {
            report.append(" '");
            report.append(o.layer);
            report.append("'");
          }
        },
        op);
    report.append(")");
  }
};

// A shape in messages: "4x4x16".
struct ShapeLabel {
  std::int64_t height, width, channels;
  void append_to(Report& report) const {
    report.append(height);
    report.append("x");
    report.append(width);
    report.append("x");
    report.append(channels);
  }
};

template <class Network>
class Validator {
  using Value = ValueOf<Network>;
  using Op = OpOf<Network>;

 public:
  Validator(const Network& net, Report& report) : net_(net), report_(report), bound_(net.values.size()) {
    std::fill_n(bound_.data(), net.values.size(), -1);
  }

  bool run() {
    BITGRAIN_EXPECT(report_, net_.arithmetic <= Arithmetic::kFloat, "arithmetic number ",
                    static_cast<int>(net_.arithmetic), " does not exist");
    BITGRAIN_EXPECT(
        report_, !net_.ops.empty() && net_.values.size() == net_.ops.size() + 1 && net_.values.size() <= kMaxValues,
        "a network needs 1 to ", kMaxValues - 1, " ops and one value more than ops, got ", net_.ops.size(),
        " ops and ", net_.values.size(), " values");
    for (std::size_t i = 0; i < net_.values.size(); ++i)
      if (!check_value(i)) return false;
    if (!check_input()) return false;
    bound_[0] = code_bound(net_.values[0]);
    for (op_ = 0; op_ < net_.ops.size(); ++op_) {
      const int output = op_output(net_.ops[op_]);
      BITGRAIN_EXPECT(report_, output > 0 && static_cast<std::size_t>(output) < net_.values.size(), label(), ": ",
                      "its output must be one of the values 1 .. ", net_.values.size() - 1, ", got ", output);
      BITGRAIN_EXPECT(report_, bound(output) < 0, label(), ": value ", output, " '", value(output).name,
                      "' is made a second time");
      const std::int64_t made = std::visit([&](const auto& op) { return check_op(op); }, net_.ops[op_]);
      if (made < 0) return false;
      bound_[static_cast<std::size_t>(output)] = made;
    }
    const std::int64_t outputs = value(net_.output()).numel();
    BITGRAIN_EXPECT(report_, net_.classes.empty() || static_cast<std::int64_t>(net_.classes.size()) == outputs,
                    "there are ", net_.classes.size(), " class names for ", outputs, " outputs");
    return true;
  }

 private:
  bool in_floats() const { return net_.arithmetic == Arithmetic::kFloat; }
  const Value& value(int index) const { return net_.values[static_cast<std::size_t>(index)]; }
  std::int64_t bound(int index) const { return bound_[static_cast<std::size_t>(index)]; }
  OpLabel<Op> label() const { return {op_, net_.ops[op_]}; }
  static ShapeLabel shape_of(const Value& v) { return {v.height, v.width, v.channels}; }
  static bool is_code(ValueType type) { return type == ValueType::kU8 || type == ValueType::kS8; }

  bool check_value(std::size_t i) {
    const Value& v = net_.values[i];
    BITGRAIN_EXPECT(
        report_,
        v.height >= 1 && v.width >= 1 && v.channels >= 1 && v.height <= kMaxExtent && v.width <= kMaxExtent &&
            v.channels <= kMaxTotalChannels && v.height * v.width <= kMaxElements && v.numel() <= kMaxElements,
        "value ", i, " '", v.name, "': the shape ", shape_of(v), " is not between 1 and ", kMaxElements, " elements");
    total_channels_ += v.channels;
    BITGRAIN_EXPECT(report_, total_channels_ <= kMaxTotalChannels, "value ", i, " '", v.name, "': more than ",
                    kMaxTotalChannels, " channels in all");
    BITGRAIN_EXPECT(report_, v.type <= ValueType::kF32, "value ", i, " '", v.name, "': type number ",
                    static_cast<int>(v.type), " does not exist");
    const bool fits = i == 0 ? is_code(v.type) : in_floats() == (v.type == ValueType::kF32);
    BITGRAIN_EXPECT(report_, fits, "value ", i, " '", v.name, "': ", type_name(v.type), " is not what ",
                    i == 0        ? "an input is"
                    : in_floats() ? "float arithmetic makes"
                                  : "integer arithmetic makes");
    const int most = is_code(v.type) ? 8 : 32, least = is_code(v.type) ? 1 : 32;
    BITGRAIN_EXPECT(report_, v.bits >= least && v.bits <= most, "value ", i, " '", v.name, "': ", type_name(v.type),
                    " has ", least, " to ", most, " bits, got ", v.bits);
    BITGRAIN_EXPECT(report_, std::isfinite(v.step) && v.step > 0, "value ", i, " '", v.name,
                    "': the step must be positive and finite, got ", v.step);
    const CodeRange range = code_range(v);
    BITGRAIN_EXPECT(report_, v.zero_point >= range.low && v.zero_point <= range.high, "value ", i, " '", v.name,
                    "': the zero point ", v.zero_point, " is not among the codes ", range.low, " .. ", range.high);
    return true;
  }

  bool check_input() const {
    const Value& v = net_.values[0];
    const auto& codes = net_.input.codes;
    BITGRAIN_EXPECT(report_, v.channels <= kMaxImageChannels, "an image has at most ", kMaxImageChannels,
                    " channels, got ", v.channels);
    BITGRAIN_EXPECT(report_, static_cast<std::int64_t>(codes.size()) == v.channels * 256,
                    "the input table needs 256 codes for ", v.channels, " channels, got ", codes.size(), " codes");
    const CodeRange range = code_range(v);
    for (std::size_t i = 0; i < codes.size(); ++i)
      BITGRAIN_EXPECT(report_, codes[i] >= range.low && codes[i] <= range.high, "the input table maps byte ", i % 256,
                      " of channel ", i / 256, " to ", codes[i], ", not among the codes ", range.low, " .. ",
                      range.high);
    return true;
  }

  // A value that this op reads: made before, and of a type that the arithmetic allows here.
  const Value* input(int index, bool allow_sums = false) const {
    BITGRAIN_EXPECT(report_, index >= 0 && static_cast<std::size_t>(index) < net_.values.size() && bound(index) >= 0,
                    label(), ": it reads value ", index, ", which no earlier op makes");
    const Value& v = value(index);
    BITGRAIN_EXPECT(report_, in_floats() || is_code(v.type) || allow_sums, label(), ": it reads codes, but value ",
                    index, " '", v.name, "' is ", type_name(v.type));
    return &v;
  }
  bool check_type(const Value& out, ValueType expected) const {
    if (in_floats()) return true;  // all values but the input are floats
    BITGRAIN_EXPECT(report_, out.type == expected, label(), ": it makes ", type_name(expected), ", but value '",
                    out.name, "' is ", type_name(out.type));
    return true;
  }
  bool check_shape(const Value& v, std::int64_t height, std::int64_t width, std::int64_t channels,
                   const char* which) const {
    BITGRAIN_EXPECT(report_, v.height == height && v.width == width && v.channels == channels, label(), ": its ",
                    which, " must be ", height, "x", width, "x", channels, ", but value '", v.name, "' is ",
                    shape_of(v));
    return true;
  }
  // Codes that are only moved keep their meaning.
  bool check_passed_on(const Value& in, const Value& out) const {
    if (in_floats()) return true;
    BITGRAIN_EXPECT(
        report_, out.type == in.type && out.bits == in.bits && out.step == in.step && out.zero_point == in.zero_point,
        label(), ": ", "it passes codes on, but value '", out.name, "' (", type_name(out.type), ", ", out.bits,
        " bits, step ", out.step, ", zero point ", out.zero_point, ") differs from '", in.name, "' (",
        type_name(in.type), ", ", in.bits, " bits, step ", in.step, ", zero point ", in.zero_point, ")");
    return true;
  }
  template <class Geometry>
  bool check_window(const Geometry& g, std::int64_t channels) const {
    const Window2d& w = g.window;
    for (const std::int64_t extent : {g.in_h, g.in_w, channels, w.kernel_h, w.kernel_w, w.stride_h, w.stride_w,
                                      w.pad_h, w.pad_w, w.dilation_h, w.dilation_w})
      BITGRAIN_EXPECT(report_, extent >= 0 && extent <= kMaxExtent, label(), ": the extent ", extent,
                      " is not in 0 .. ", kMaxExtent);
    BITGRAIN_EXPECT(report_, g.batch == 1, label(), ": the batch must be 1, got ", g.batch);
    BITGRAIN_EXPECT(
        report_,
        (g.in_h + 2 * w.pad_h) * (g.in_w + 2 * w.pad_w) <= kMaxElements / std::max<std::int64_t>(channels, 1),
        label(), ": the padded input has more than ", kMaxElements, " elements");
    return g.check(label(), report_);
  }

  std::int64_t check_op(const ConvOf<Network>& op) const {
    const Value* const in = input(op.input);
    const Value& out = value(op.output);
    const ConvGeometry& g = op.geometry;
    if (in == nullptr || !check_window(g, g.in_channels) ||
        !check_shape(*in, g.in_h, g.in_w, g.in_channels, "input") ||
        !check_shape(out, g.out_h(), g.out_w(), g.out_channels, "output") || !check_type(out, ValueType::kS32))
      return -1;
    const auto& w = op.weights;
    // Kernels of at most 2^24 x 2^24, but no more weights than there are codes: compared without overflow.
    const std::int64_t taps = g.window.kernel_h * g.window.kernel_w;
    const auto count = static_cast<std::int64_t>(w.codes.size());
    const std::int64_t per_tap = g.out_channels * g.group_in();
    BITGRAIN_EXPECT(report_, count % per_tap == 0 && count / per_tap == taps, label(), ": it has ", w.codes.size(),
                    " weights for ", g.out_channels, " output channels of ", g.window.kernel_h, "x",
                    g.window.kernel_w, "x", g.group_in());
    if (!check_codes(w)) return -1;
    const std::size_t steps = w.step.size();
    BITGRAIN_EXPECT(report_,
                    (steps == 0 && !in_floats()) || steps == 1 || steps == static_cast<std::size_t>(g.out_channels),
                    label(), ": it needs one weight step or one per output channel, got ", steps, " for ",
                    g.out_channels, " channels");
    for (std::size_t i = 0; i < steps; ++i)
      BITGRAIN_EXPECT(report_, std::isfinite(w.step[i]) && w.step[i] > 0, label(),
                      ": weight steps must be positive and finite, got ", w.step[i]);
    if (in_floats()) return 0;
    const std::int64_t largest = accumulator_bound(op, *in);
    BITGRAIN_EXPECT(report_, largest < kAccumulatorLimit, label(), ": an accumulator can reach ", largest,
                    ", which does not fit 32 bits: fewer products per output or fewer bits are needed");
    return largest;
  }

  // Packed codes were found on their grid when they were read.
  template <class Weights>
  bool check_codes(const Weights&) const {
    return true;
  }
  bool check_codes(const WeightCodes& w) const {
    const GridFields fields(w.grid, w.bits, w.codes);
    for (std::size_t i = 0; i < w.codes.size(); ++i)
      BITGRAIN_EXPECT(report_, fields.field(w.codes[i]) != GridFields::kNone, label(), ": weight ", i,
                      " has the code ", int{w.codes[i]}, ", which the ", to_string(w.grid), " grid of ", w.bits,
                      " bits does not have");
    return true;
  }

  std::int64_t check_op(const RequantizeOf<Network>& op) const {
    BITGRAIN_EXPECT(report_, !in_floats(), label(), ": float arithmetic has no requantization");
    const Value& out = value(op.output);
    const auto channels = static_cast<std::size_t>(out.channels);
    const CodeRange range = code_range(out);
    BITGRAIN_EXPECT(report_, op.low <= op.high && op.low >= range.low && op.high <= range.high, label(),
                    ": the codes ", op.low, " .. ", op.high, " are not within ", range.low, " .. ", range.high,
                    " of value '", out.name, "'");
    BITGRAIN_EXPECT(report_, !op.terms.empty() && op.terms.size() <= kMaxTerms, label(), ": it needs 1 to ",
                    kMaxTerms, " terms, got ", op.terms.size());
    BITGRAIN_EXPECT(report_, op.bias.size() == channels && op.shift.size() == channels, label(), ": it needs ",
                    channels, " biases and shifts, got ", op.bias.size(), " and ", op.shift.size());
    for (std::size_t t = 0; t < op.terms.size(); ++t) {
      const auto& term = op.terms[t];
      const Value* const in = input(term.value, true);
      if (in == nullptr || !check_shape(*in, out.height, out.width, out.channels, "term")) return -1;
      BITGRAIN_EXPECT(report_, term.multiplier.size() == channels, label(), ": it needs ", channels,
                      " multipliers, got ", term.multiplier.size());
    }
    for (std::size_t c = 0; c < channels; ++c) {
      BITGRAIN_EXPECT(report_, op.shift[c] <= kMaxShift, label(), ": channel ", c, ": the shift is at most ",
                      kMaxShift, ", got ", int{op.shift[c]});
      WorstCase worst;
      worst.add(magnitude(op.bias[c]));
      BITGRAIN_EXPECT(report_, magnitude(op.bias[c]) < static_cast<std::uint64_t>(kBiasLimit), label(), ": channel ",
                      c, ": the bias must stay below 2^61, got ", op.bias[c]);
      for (std::size_t t = 0; t < op.terms.size(); ++t) {
        const auto& term = op.terms[t];
        BITGRAIN_EXPECT(report_, term.multiplier[c] != INT32_MIN, label(), ": channel ", c,
                        ": the multiplier -2^31 is too large");
        worst.add_product(magnitude(term.multiplier[c]), magnitude(bound(term.value)));
      }
      BITGRAIN_EXPECT(report_, worst.fits(), label(), ": channel ", c, ": the sum of the terms can reach 2^63");
    }
    return std::max(std::abs(std::int64_t{op.low}), std::abs(std::int64_t{op.high}));
  }

  std::int64_t check_op(const AffineOf<Network>& op) const {
    BITGRAIN_EXPECT(report_, in_floats(), label(), ": integer arithmetic has no affine op");
    const Value& out = value(op.output);
    const auto channels = static_cast<std::size_t>(out.channels);
    BITGRAIN_EXPECT(report_, !op.terms.empty() && op.terms.size() <= kMaxTerms, label(), ": it needs 1 to ",
                    kMaxTerms, " terms, got ", op.terms.size());
    BITGRAIN_EXPECT(report_, op.shift.size() == channels, label(), ": it needs ", channels, " shifts, got ",
                    op.shift.size());
    BITGRAIN_EXPECT(report_, op.low <= op.high, label(), ": the clip ", op.low, " .. ", op.high, " is empty");
    const auto finite = [](const auto& constants) {
      bool all = true;
      for (std::size_t c = 0; c < constants.size(); ++c) all = all && std::isfinite(constants[c]);
      return all;
    };
    BITGRAIN_EXPECT(report_, finite(op.shift), label(), ": its shifts must be finite");
    for (std::size_t t = 0; t < op.terms.size(); ++t) {
      const auto& term = op.terms[t];
      const Value* const in = input(term.value);
      if (in == nullptr || !check_shape(*in, out.height, out.width, out.channels, "term")) return -1;
      BITGRAIN_EXPECT(report_, term.scale.size() == channels && finite(term.scale), label(), ": it needs ", channels,
                      " finite scales, got ", term.scale.size());
    }
    return 0;
  }

  std::int64_t check_op(const MaxPoolOp& op) const {
    const Value* const in = check_pool(op.input, op.output, op.geometry);
    if (in == nullptr || !check_passed_on(*in, value(op.output))) return -1;
    return bound(op.input);
  }

  std::int64_t check_op(const SumPoolOp& op) const {
    const Value* const in = check_pool(op.input, op.output, op.geometry);
    if (in == nullptr || !check_type(value(op.output), ValueType::kS32)) return -1;
    const Window2d& w = op.geometry.window;
    BITGRAIN_EXPECT(report_, in->zero_point == 0 || (w.pad_h == 0 && w.pad_w == 0), label(),
                    ": padding adds nothing to a sum, so it needs codes of zero point 0, got ", in->zero_point);
    if (in_floats()) return 0;
    // The window is within the padded input, which has at most kMaxElements: no overflow.
    const std::int64_t largest = sum_bound(op, *in);
    BITGRAIN_EXPECT(report_, largest < kAccumulatorLimit, label(), ": a sum can reach ", largest,
                    ", which does not fit 32 bits");
    return largest;
  }

  const Value* check_pool(int from, int to, const PoolGeometry& g) const {
    const Value* const in = input(from);
    const bool fits = in != nullptr && check_window(g, g.channels) &&
                      check_shape(*in, g.in_h, g.in_w, g.channels, "input") &&
                      check_shape(value(to), g.out_h(), g.out_w(), g.channels, "output");
    return fits ? in : nullptr;
  }

  std::int64_t check_op(const SubsamplePadOp& op) const {
    const Value* const in = input(op.input);
    if (in == nullptr) return -1;
    const Value& out = value(op.output);
    BITGRAIN_EXPECT(report_,
                    op.stride >= 1 && op.stride <= kMaxExtent && op.pad_before >= 0 && op.pad_before <= kMaxExtent &&
                        op.pad_after >= 0 && op.pad_after <= kMaxExtent,
                    label(), ": the stride must be at least 1 and the padding at least 0, got stride ", op.stride,
                    ", padding ", op.pad_before, " and ", op.pad_after);
    if (!check_shape(out, (in->height - 1) / op.stride + 1, (in->width - 1) / op.stride + 1,
                     in->channels + op.pad_before + op.pad_after, "output") ||
        !check_passed_on(*in, out))
      return -1;
    return bound(op.input);
  }

  std::int64_t check_op(const FlattenOp& op) const {
    const Value* const in = input(op.input, true);
    if (in == nullptr || !check_shape(value(op.output), 1, 1, in->numel(), "output") ||
        !check_passed_on(*in, value(op.output)))
      return -1;
    return bound(op.input);
  }

  const Network& net_;
  Report& report_;
  Scratch<std::int64_t> bound_;  // largest |element| of each value; -1: not made yet
  std::int64_t total_channels_ = 0;
  std::size_t op_ = 0;
};

}  // namespace detail

/// Whether `network`, an IntegerNetwork or a PackedNetwork, can be run; if not, `report` names value or op, layer,
/// what was expected and what came.
template <class Network>
bool check_network(const Network& network, Report& report) {
  return detail::Validator<Network>(network, report).run();
}

/// Throws Error unless `network` can be run.
inline void validate(const IntegerNetwork& network) {
  char text[1024];
  Report report(text);
  if (!check_network(network, report)) raise(text);
}

}  // namespace bitgrain::deploy
