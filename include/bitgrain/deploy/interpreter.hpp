#pragma once

/// The independent witness of the engine: one image, one number at a time, exactly as integer_network.hpp defines the
/// ops. It shares no kernel and no epilogue with the engine, packs nothing, fuses nothing and rounds by division.
/// Networks in float arithmetic are computed in double.

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/validate.hpp"

namespace bitgrain::deploy {

class Interpreter {
 public:
  /// Throws Error if the network is not valid.
  explicit Interpreter(IntegerNetwork network) : net_(std::move(network)) { validate(net_); }

  const IntegerNetwork& network() const { return net_; }

  /// Every value of one image of raw bytes [H,W,C]: codes, accumulators and sums, in the order of the network's
  /// values. Throws Error in float arithmetic.
  std::vector<std::vector<std::int64_t>> run(const std::uint8_t* image) const {
    BITGRAIN_CHECK(net_.arithmetic == Arithmetic::kInteger, "network '", net_.name,
                   "' is in float arithmetic: its values are read by run_real");
    return all_values<std::int64_t>(image);
  }

  /// Every value of one image as real numbers, for networks in float arithmetic; the input as step * (code - zero
  /// point). Throws Error in integer arithmetic.
  std::vector<std::vector<double>> run_real(const std::uint8_t* image) const {
    BITGRAIN_CHECK(net_.arithmetic == Arithmetic::kFloat, "network '", net_.name,
                   "' is in integer arithmetic: its values are read by run");
    return all_values<double>(image);
  }

 private:
  template <class T>
  using Values = std::vector<std::vector<T>>;

  const Value& value(int index) const { return net_.values[static_cast<std::size_t>(index)]; }
  template <class T>
  static std::vector<T>& at(Values<T>& values, int index) {
    return values[static_cast<std::size_t>(index)];
  }
  static std::size_t index(const Value& v, std::int64_t y, std::int64_t x, std::int64_t c) {
    return static_cast<std::size_t>((y * v.width + x) * v.channels + c);
  }
  // What stands for real 0 in value v.
  template <class T>
  static T zero(const Value& v) {
    return std::is_same_v<T, double> ? T{0} : static_cast<T>(v.zero_point);
  }

  template <class T>
  Values<T> all_values(const std::uint8_t* image) const {
    Values<T> values(net_.values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i].resize(static_cast<std::size_t>(net_.values[i].numel()));
    const Value& in = net_.values[0];
    for (std::size_t i = 0; i < values[0].size(); ++i) {
      const std::size_t channel = i % static_cast<std::size_t>(in.channels);
      const std::int16_t code = net_.input.codes[channel * 256 + image[i]];
      if constexpr (std::is_same_v<T, double>)
        values[0][i] = in.step * (code - in.zero_point);
      else
        values[0][i] = code;
    }
    for (const Op& op : net_.ops) std::visit([&](const auto& o) { apply(o, values); }, op);
    return values;
  }

  template <class T>
  void apply(const ConvOp& op, Values<T>& values) const {
    const std::vector<T>& x = at(values, op.input);
    std::vector<T>& y = at(values, op.output);
    const Value& in = value(op.input);
    const Value& out = value(op.output);
    const Window2d& w = op.geometry.window;
    const std::int64_t group_in = op.geometry.group_in(), group_out = op.geometry.group_out();
    const std::vector<T> padding(static_cast<std::size_t>(group_in), zero<T>(in));
    for (std::int64_t oy = 0; oy < out.height; ++oy)
      for (std::int64_t ox = 0; ox < out.width; ++ox)
        for (std::int64_t o = 0; o < out.channels; ++o) {
          T sum = 0;
          for (std::int64_t ky = 0; ky < w.kernel_h; ++ky)
            for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
              const std::int64_t iy = oy * w.stride_h + ky * w.dilation_h - w.pad_h;
              const std::int64_t ix = ox * w.stride_w + kx * w.dilation_w - w.pad_w;
              const bool inside = iy >= 0 && iy < in.height && ix >= 0 && ix < in.width;
              const T* pixel = inside ? x.data() + index(in, iy, ix, o / group_out * group_in) : padding.data();
              const std::int64_t first = ((o * w.kernel_h + ky) * w.kernel_w + kx) * group_in;
              for (std::int64_t i = 0; i < group_in; ++i) sum += pixel[i] * weight<T>(op.weights, o, first + i);
            }
          y[index(out, oy, ox, o)] = sum;
        }
  }
  template <class T>
  static T weight(const WeightCodes& weights, std::int64_t channel, std::int64_t i) {
    const std::int8_t code = weights.codes[static_cast<std::size_t>(i)];
    if constexpr (std::is_same_v<T, double>)
      return static_cast<double>(weights.step[weights.step.size() == 1 ? 0 : static_cast<std::size_t>(channel)]) *
             code;
    else
      return code;
  }

  template <class T>
  void apply(const RequantizeOp& op, Values<T>& values) const {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      const std::size_t channels = op.bias.size();
      std::vector<T>& y = at(values, op.output);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t c = i % channels;
        std::int64_t sum = op.bias[c];
        for (const Term& term : op.terms) sum += at(values, term.value)[i] * term.multiplier[c];
        const std::int64_t unit = std::int64_t{1} << op.shift[c];
        std::int64_t code = sum / unit;
        if (sum % unit < 0) --code;  // division rounds towards zero, codes round down
        y[i] = std::min<std::int64_t>(std::max<std::int64_t>(code, op.low), op.high);
      }
    }
  }

  template <class T>
  void apply(const AffineOp& op, Values<T>& values) const {
    if constexpr (std::is_same_v<T, double>) {
      const std::size_t channels = op.shift.size();
      std::vector<T>& y = at(values, op.output);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t c = i % channels;
        double sum = static_cast<double>(op.shift[c]);
        for (const AffineTerm& term : op.terms) sum += at(values, term.value)[i] * static_cast<double>(term.scale[c]);
        y[i] = std::min(std::max(sum, static_cast<double>(op.low)), static_cast<double>(op.high));
      }
    }
  }

  template <class T>
  void apply(const MaxPoolOp& op, Values<T>& values) const {
    pool(op, values, [](const std::vector<T>& window) { return *std::max_element(window.begin(), window.end()); });
  }
  template <class T>
  void apply(const SumPoolOp& op, Values<T>& values) const {
    const auto area = static_cast<T>(op.geometry.window.kernel_h * op.geometry.window.kernel_w);
    pool(op, values, [area](const std::vector<T>& window) {
      T sum = 0;
      for (const T v : window) sum += v;
      return std::is_same_v<T, double> ? sum / area : sum;
    });
  }
  // Calls reduce(elements of the window that are inside the image) for every output.
  template <class T, class Pool, class Reduce>
  void pool(const Pool& op, Values<T>& values, Reduce reduce) const {
    const Value& in = value(op.input);
    const Value& out = value(op.output);
    const Window2d& w = op.geometry.window;
    std::vector<T> window;
    for (std::int64_t oy = 0; oy < out.height; ++oy)
      for (std::int64_t ox = 0; ox < out.width; ++ox)
        for (std::int64_t c = 0; c < out.channels; ++c) {
          window.clear();
          for (std::int64_t ky = 0; ky < w.kernel_h; ++ky)
            for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
              const std::int64_t iy = oy * w.stride_h + ky * w.dilation_h - w.pad_h;
              const std::int64_t ix = ox * w.stride_w + kx * w.dilation_w - w.pad_w;
              if (iy >= 0 && iy < in.height && ix >= 0 && ix < in.width)
                window.push_back(at(values, op.input)[index(in, iy, ix, c)]);
            }
          at(values, op.output)[index(out, oy, ox, c)] = reduce(window);
        }
  }

  template <class T>
  void apply(const SubsamplePadOp& op, Values<T>& values) const {
    const Value& in = value(op.input);
    const Value& out = value(op.output);
    for (std::int64_t y = 0; y < out.height; ++y)
      for (std::int64_t x = 0; x < out.width; ++x)
        for (std::int64_t c = 0; c < out.channels; ++c) {
          const std::int64_t from = c - op.pad_before;
          at(values, op.output)[index(out, y, x, c)] =
              from >= 0 && from < in.channels ? at(values, op.input)[index(in, y * op.stride, x * op.stride, from)]
                                              : zero<T>(in);
        }
  }

  template <class T>
  void apply(const FlattenOp& op, Values<T>& values) const {
    at(values, op.output) = at(values, op.input);
  }

  IntegerNetwork net_;
};

}  // namespace bitgrain::deploy
