#pragma once

/// From a network written with our ops to an IntegerNetwork, by tracing one forward pass in evaluation mode.
///
/// Every variable of the trace gets a symbol: a code tensor, or a sum over integer tensors with real factors,
///
///     real_c = sum over terms of scale_{t,c} * integer_t + shift_c
///
/// A convolution of codes starts such a sum, batch norm scales it, an add joins two, a quantizer ends it as one
/// requantization to codes; so an add is requantized once, and convolution, bias, batch norm and residual need no
/// rounding in between. What has no integer meaning is refused when the output depends on it, naming op and layer.

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/requantize.hpp"
#include "bitgrain/deploy/validate.hpp"
#include "bitgrain/deploy/value_bounds.hpp"

namespace bitgrain::deploy {

/// What lowering is told besides the network.
struct LowerOptions {
  std::string name;                  ///< of the model
  std::vector<std::string> classes;  ///< labels for people
};

namespace detail {

struct SymbolTerm {
  int value = 0;
  std::vector<double> scale;  // per channel
};

// What a variable of the trace is in the integer network.
struct Symbol {
  enum class Kind { kCodes, kSum, kOpaque } kind = Kind::kOpaque;
  int value = 0;                  // kCodes
  std::vector<SymbolTerm> terms;  // kSum
  std::vector<double> shift;
  std::string why;  // kOpaque: which op made it
};

class Lowering {
 public:
  Lowering(const Trace<float>& trace, const Var<float>& input, const InputTable& table, Arithmetic arithmetic,
           const LowerOptions& options)
      : trace_(trace), float_(arithmetic == Arithmetic::kFloat) {
    network_.name = options.name;
    network_.classes = options.classes;
    network_.arithmetic = arithmetic;
    network_.input = table;
    const QuantInfo& info = *input.quant();
    Value v = image_value(input.shape());
    v.name = "input";
    v.type = info.range().low < 0 ? ValueType::kS8 : ValueType::kU8;
    v.bits = info.bits;
    v.step = info.step[0];
    v.zero_point = info.zero_point;
    symbols_[input.id()] = codes(add_value(v));
  }

  IntegerNetwork run(const Var<float>& output) {
    for (const auto& record : trace_.records) symbols_[record.output.id()] = lower_record(record);
    finish(symbols_.at(output.id()));
    validate(network_);
    return std::move(network_);
  }

 private:
  static Value image_value(const Shape& shape) {
    Value v;
    if (shape.rank() == 4) {
      v.height = shape[1];
      v.width = shape[2];
    }
    v.channels = shape[-1];
    return v;
  }
  int add_value(Value v) {
    if (float_ && !network_.values.empty()) {
      v.type = ValueType::kF32;
      v.bits = 32;
      v.step = 1;
      v.zero_point = 0;
    }
    network_.values.push_back(std::move(v));
    return static_cast<int>(network_.values.size()) - 1;
  }
  const Value& value(int index) const { return network_.values[static_cast<std::size_t>(index)]; }
  static Symbol codes(int index) {
    Symbol s;
    s.kind = Symbol::Kind::kCodes;
    s.value = index;
    return s;
  }
  static Symbol opaque(const TraceRecord<float>& r) {
    Symbol s;
    s.why = "op '" + r.op + "'" + (r.layer.empty() ? "" : " of layer '" + r.layer + "'");
    return s;
  }
  // The real value of a code tensor as a sum: step * (code - zero_point). In float arithmetic values are real
  // already.
  Symbol as_sum(const Symbol& s) const {
    if (s.kind != Symbol::Kind::kCodes) return s;
    const Value& v = value(s.value);
    const auto channels = static_cast<std::size_t>(v.channels);
    Symbol sum;
    sum.kind = Symbol::Kind::kSum;
    const double step = float_ ? 1.0 : v.step;
    sum.terms.push_back({s.value, std::vector<double>(channels, step)});
    sum.shift.assign(channels, float_ ? 0.0 : -step * v.zero_point);
    return sum;
  }
  // Variables that no traced op made (parameters inside somebody's quantizer) have no integer meaning.
  const Symbol& symbol_of(const Var<float>& var, const TraceRecord<float>& r) {
    Symbol& s = symbols_[var.id()];
    if (s.kind == Symbol::Kind::kOpaque && s.why.empty())
      s.why = "an input of op '" + r.op + "' that no traced op computed";
    return s;
  }
  static void refuse(const Symbol& s, const TraceRecord<float>& r) {
    BITGRAIN_CHECK(s.kind != Symbol::Kind::kOpaque, "cannot lower the network: ", s.why,
                   " has no integer meaning, and op '", r.op, "' of layer '", r.layer, "' reads it");
  }
  // A sum made real, in float arithmetic; codes stay what they are.
  int materialise(const Symbol& s, const TraceRecord<float>& r, const Var<float>& like, double low, double high) {
    refuse(s, r);
    const Symbol sum = as_sum(s);
    AffineOp op;
    op.layer = r.layer;
    for (const auto& t : sum.terms) op.terms.push_back({t.value, {t.scale.begin(), t.scale.end()}});
    op.shift.assign(sum.shift.begin(), sum.shift.end());
    op.low = static_cast<float>(low);
    op.high = static_cast<float>(high);
    Value v = image_value(like.shape());
    v.name = r.layer;
    op.output = add_value(v);
    const int output = op.output;
    network_.ops.emplace_back(std::move(op));
    return output;
  }
  // The tensor that an op of codes reads.
  int operand(const Var<float>& var, const TraceRecord<float>& r) {
    const Symbol& s = symbol_of(var, r);
    refuse(s, r);
    if (s.kind == Symbol::Kind::kCodes) return s.value;
    BITGRAIN_CHECK(float_, "cannot lower op '", r.op, "' of layer '", r.layer,
                   "': its input carries no integer codes (no activation quantizer before it)");
    return materialise(s, r, var, -HUGE_VAL, HUGE_VAL);
  }

  Symbol lower_record(const TraceRecord<float>& r) {
    if (r.op == "conv2d" || r.op == "linear") return lower_conv(r);
    if (r.op == "batch_norm") return lower_batch_norm(r);
    if (r.op == "add") return lower_add(r);
    if (r.op == "quantize") return lower_quantize(r);
    if (r.op == "max_pool2d") return lower_pool<MaxPoolOp>(r);
    if (r.op == "avg_pool2d") return lower_pool<SumPoolOp>(r);
    if (r.op == "subsample_pad") return lower_subsample(r);
    if (r.op == "flatten" || r.op == "reshape") return lower_flatten(r);
    if (float_ && (r.op == "relu" || r.op == "relu6" || r.op == "clip")) {
      const double low = r.op == "clip" ? r.attributes.low : 0.0;
      const double high = r.op == "relu" ? HUGE_VAL : r.attributes.high;
      return codes(materialise(symbol_of(r.inputs[0], r), r, r.output, low, high));
    }
    return opaque(r);
  }

  Symbol lower_conv(const TraceRecord<float>& r) {
    const Symbol& in = symbol_of(r.inputs[0], r);
    if (in.kind == Symbol::Kind::kOpaque) return in;
    const Var<float>& w = r.inputs[1];
    BITGRAIN_CHECK(w.quant() != nullptr, "cannot lower layer '", r.layer, "': its weights carry no integer codes");
    ConvOp op;
    op.layer = r.layer;
    op.input = operand(r.inputs[0], r);
    op.geometry = r.attributes.conv;
    op.geometry.batch = 1;
    const QTensor q = w.codes();
    op.weights.grid = q.info.grid;
    op.weights.bits = q.info.bits;
    BITGRAIN_CHECK(q.info.zero_point == 0, "cannot lower layer '", r.layer, "': weights need zero point 0");
    for (const std::int32_t c : q.codes.values()) {
      BITGRAIN_CHECK(c >= -128 && c <= 127, "cannot lower layer '", r.layer, "': weight code ", c,
                     " does not fit 8 bits");
      op.weights.codes.push_back(static_cast<std::int8_t>(c));
    }
    for (const double s : q.info.step) op.weights.step.push_back(static_cast<float>(s));
    const Value x = value(op.input);
    Value acc = image_value(r.output.shape());
    acc.name = r.layer;
    acc.type = ValueType::kS32;
    acc.bits = 32;
    op.output = add_value(acc);

    // real = s_x s_w,c (acc - zero_point * sum of w) + bias; a float convolution gives the real number itself.
    const std::int64_t channels = op.geometry.out_channels;
    const auto per_channel = static_cast<std::int64_t>(op.weights.codes.size()) / channels;
    Symbol s;
    s.kind = Symbol::Kind::kSum;
    SymbolTerm term{op.output, {}};
    for (std::int64_t c = 0; c < channels; ++c) {
      const double scale = float_ ? 1.0 : x.step * q.info.step_of(c);
      std::int64_t sum_w = 0;
      for (std::int64_t i = 0; i < per_channel; ++i)
        sum_w += op.weights.codes[static_cast<std::size_t>(c * per_channel + i)];
      const double bias = r.inputs[2].defined() ? static_cast<double>(r.inputs[2].value()[c]) : 0.0;
      term.scale.push_back(scale);
      s.shift.push_back(float_ ? bias : std::fma(-scale, static_cast<double>(x.zero_point * sum_w), bias));
    }
    s.terms.push_back(std::move(term));
    network_.ops.emplace_back(std::move(op));
    return s;
  }

  Symbol lower_batch_norm(const TraceRecord<float>& r) {
    const Symbol& in = symbol_of(r.inputs[0], r);
    if (in.kind == Symbol::Kind::kOpaque) return in;
    Symbol s = as_sum(in);
    const auto& a = r.attributes;
    BITGRAIN_CHECK(a.scale.size() == s.shift.size(), "cannot lower batch norm '", r.layer, "': ", a.scale.size(),
                   " channels meet ", s.shift.size());
    for (std::size_t c = 0; c < s.shift.size(); ++c) {
      for (auto& t : s.terms) t.scale[c] *= a.scale[c];
      s.shift[c] = std::fma(s.shift[c], a.scale[c], a.shift[c]);
    }
    return s;
  }

  Symbol lower_add(const TraceRecord<float>& r) {
    for (const auto& input : r.inputs)
      if (symbol_of(input, r).kind == Symbol::Kind::kOpaque) return symbol_of(input, r);
    BITGRAIN_CHECK(r.inputs.size() == 2 && r.inputs[0].shape() == r.inputs[1].shape(),
                   "cannot lower the add of layer '", r.layer, "': shapes differ");
    Symbol s = as_sum(symbol_of(r.inputs[0], r));
    const Symbol other = as_sum(symbol_of(r.inputs[1], r));
    s.terms.insert(s.terms.end(), other.terms.begin(), other.terms.end());
    for (std::size_t c = 0; c < s.shift.size(); ++c) s.shift[c] += other.shift[c];
    return s;
  }

  Symbol lower_quantize(const TraceRecord<float>& r) {
    const Symbol& in = symbol_of(r.inputs[0], r);
    if (in.kind == Symbol::Kind::kOpaque) return in;
    BITGRAIN_CHECK(!float_, "cannot lower the network: some activations are quantized (layer '", r.layer,
                   "') and others stay in float; quantize all or none");
    const QuantInfo& info = *r.output.quant();
    const CodeRange range = info.range();
    BITGRAIN_CHECK(!info.per_channel() && range.low >= -128 && range.high - range.low <= 255,
                   "cannot lower quantizer '", r.layer, "': activations need one step and codes that fit 8 bits");
    Value v = image_value(r.output.shape());
    v.name = r.layer;
    v.type = range.low < 0 ? ValueType::kS8 : ValueType::kU8;
    v.bits = info.bits;
    v.step = info.step[0];
    v.zero_point = info.zero_point;
    return codes(requantize(as_sum(in), r.layer, add_value(v), info.step[0], info.zero_point, range.low, range.high));
  }

  // Emits the requantization of `sum` to codes of `step` and returns its output.
  int requantize(const Symbol& sum, const std::string& layer, int output, double step, std::int32_t zero_point,
                 std::int32_t low, std::int32_t high) {
    std::vector<ScaledTerm> terms;
    for (const auto& t : sum.terms) {
      terms.push_back({t.value, t.scale, value_bound(t.value)});
      for (double& scale : terms.back().scale) scale /= step;
    }
    std::vector<double> shift;
    for (const double s : sum.shift) shift.push_back(s / step + zero_point);
    network_.ops.emplace_back(make_requantize(layer, output, terms, shift, low, high));
    return output;
  }

  // Largest |element| that a value can hold.
  std::int64_t value_bound(int index) const {
    for (const Op& op : network_.ops) {
      if (const auto* conv = std::get_if<ConvOp>(&op); conv && conv->output == index)
        return accumulator_bound(*conv, value(conv->input));
      if (const auto* pool = std::get_if<SumPoolOp>(&op); pool && pool->output == index)
        return sum_bound(*pool, value(pool->input));
    }
    return code_bound(value(index));
  }

  template <class PoolOp>
  Symbol lower_pool(const TraceRecord<float>& r) {
    const Symbol& in = symbol_of(r.inputs[0], r);
    if (in.kind == Symbol::Kind::kOpaque) return in;
    PoolOp op;
    op.input = operand(r.inputs[0], r);
    op.geometry = r.attributes.pool;
    op.geometry.batch = 1;
    const Value x = value(op.input);
    Value v = image_value(r.output.shape());
    v.name = r.layer;
    constexpr bool kSum = std::is_same_v<PoolOp, SumPoolOp>;
    if constexpr (kSum) {
      v.type = ValueType::kS32;
      v.bits = 32;
    } else {
      v.type = x.type;
      v.bits = x.bits;
      v.step = x.step;
      v.zero_point = x.zero_point;
    }
    BITGRAIN_CHECK(x.zero_point == 0 || (op.geometry.window.pad_h == 0 && op.geometry.window.pad_w == 0),
                   "cannot lower pooling '", r.layer, "': padding with a zero point other than 0");
    op.output = add_value(v);
    const Window2d& window = op.geometry.window;
    const double area = static_cast<double>(window.kernel_h * window.kernel_w);
    const int output = op.output;
    network_.ops.emplace_back(op);
    if (!kSum || float_) return codes(output);
    // mean = step / area * (sum - area * zero_point)
    Symbol s;
    s.kind = Symbol::Kind::kSum;
    s.terms.push_back({output, std::vector<double>(static_cast<std::size_t>(v.channels), x.step / area)});
    s.shift.assign(static_cast<std::size_t>(v.channels), -x.step * x.zero_point);
    return s;
  }

  Symbol lower_subsample(const TraceRecord<float>& r) {
    const Symbol& in = symbol_of(r.inputs[0], r);
    if (in.kind == Symbol::Kind::kOpaque) return in;
    SubsamplePadOp op;
    op.input = operand(r.inputs[0], r);
    op.stride = r.attributes.stride;
    op.pad_before = r.attributes.pad_before;
    op.pad_after = r.attributes.pad_after;
    Value v = value(op.input);
    const Value shape = image_value(r.output.shape());
    v.height = shape.height;
    v.width = shape.width;
    v.channels = shape.channels;
    v.name = r.layer + ".subsample";
    op.output = add_value(v);
    const int output = op.output;
    network_.ops.emplace_back(op);
    return codes(output);
  }

  Symbol lower_flatten(const TraceRecord<float>& r) {
    const Symbol& in = symbol_of(r.inputs[0], r);
    if (in.kind == Symbol::Kind::kOpaque) return in;
    const Value from = image_value(r.inputs[0].shape());
    const Value to = image_value(r.output.shape());
    if (from.height * from.width == 1 && from.channels == to.channels) return in;  // [N,1,1,C] to [N,C]
    if (to.height * to.width != 1 || to.channels != from.numel()) return opaque(r);
    FlattenOp op;
    op.input = operand(r.inputs[0], r);
    Value v = value(op.input);
    v.height = v.width = 1;
    v.channels = to.channels;
    v.name = r.layer + ".flatten";
    op.output = add_value(v);
    const int output = op.output;
    network_.ops.emplace_back(op);
    return codes(output);
  }

  // Logits: int32 codes of one common step, (largest s_x s_w,c) / 16, saturated.
  void finish(const Symbol& out) {
    BITGRAIN_CHECK(out.kind != Symbol::Kind::kOpaque, "cannot lower the network: ", out.why,
                   " has no integer meaning, and the output depends on it");
    const Symbol sum = as_sum(out);
    Value v;
    v.channels = static_cast<std::int64_t>(sum.shift.size());
    v.name = "logits";
    if (float_) {
      AffineOp op;
      op.layer = "logits";
      for (const auto& t : sum.terms) op.terms.push_back({t.value, {t.scale.begin(), t.scale.end()}});
      op.shift.assign(sum.shift.begin(), sum.shift.end());
      op.low = -HUGE_VALF;
      op.high = HUGE_VALF;
      op.output = add_value(v);
      network_.ops.emplace_back(std::move(op));
      return;
    }
    double largest = 0;
    for (const double s : sum.terms[0].scale) largest = std::max(largest, std::abs(s));
    v.type = ValueType::kS32;
    v.bits = 32;
    v.step = largest > 0 ? largest / 16 : 1;
    constexpr std::int32_t kLow = std::numeric_limits<std::int32_t>::min(),
                           kHigh = std::numeric_limits<std::int32_t>::max();
    const double step = v.step;
    requantize(sum, "logits", add_value(v), step, 0, kLow, kHigh);
  }

  const Trace<float>& trace_;
  bool float_;
  IntegerNetwork network_;
  std::unordered_map<const void*, Symbol> symbols_;
};

}  // namespace detail

/// Lowers the network that `forward` computes. `sample` [1,H,W,C] carries the input's codes (zero point 0, see the
/// input encoding of data/); `table` maps image bytes to them. Put the model into evaluation mode first. The
/// arithmetic is integer if every convolution reads codes, and float ("weights only") if none but the first does;
/// anything else is refused. Throws Error naming op and layer.
inline IntegerNetwork lower(const std::function<Var<float>(const Var<float>&)>& forward, const Var<float>& sample,
                            const InputTable& table, const LowerOptions& options = {}) {
  BITGRAIN_CHECK(sample.shape().rank() == 4 && sample.shape()[0] == 1, "lower needs one image [1,H,W,C], got ",
                 sample.shape());
  BITGRAIN_CHECK(sample.quant() != nullptr, "lower needs a sample that carries the input's codes");
  const NoGrad no_grad;
  Trace<float> trace;
  const Var<float> output = forward(sample);
  bool any_quantized = false;
  for (const auto& r : trace.records) any_quantized = any_quantized || r.op == "quantize";
  const Arithmetic arithmetic = any_quantized ? Arithmetic::kInteger : Arithmetic::kFloat;
  return detail::Lowering(trace, sample, table, arithmetic, options).run(output);
}

}  // namespace bitgrain::deploy
