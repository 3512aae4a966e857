#pragma once

/// A packed model read where it lies (in flash, say): values and ops in two arrays, names, constants and weights as
/// places in the bytes, which must outlive it. The bytes are not trusted: whatever is asked from memory is bounded
/// first, by the bytes left or by the limits of validate.hpp. It has the members of IntegerNetwork under the same
/// names, so validation, planning and the engine are templates over both. packed_model.hpp describes the format.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "bitgrain/base/array.hpp"
#include "bitgrain/base/report.hpp"
#include "bitgrain/deploy/bit_packing.hpp"
#include "bitgrain/deploy/byte_reader.hpp"
#include "bitgrain/deploy/channel_constants.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/validate.hpp"

namespace bitgrain::deploy {

/// How the input table is written; kShared may be added: all channels have the table of the first.
enum class TableKind : std::uint8_t { kIdentity = 0, kUnsigned = 1, kSigned = 2, kShared = 4 };
/// How weight steps are written.
enum class StepKind : std::uint8_t { kNone, kOne, kPerChannel };

using PackedValue = BasicValue<std::string_view>;

/// Numbers one after another.
template <class T>
struct PackedList {
  const std::uint8_t* bytes = nullptr;
  std::size_t count = 0;
  std::size_t size() const { return count; }
  T operator[](std::size_t i) const { return little_endian<T>(bytes + i * sizeof(T)); }
};

/// Weight codes as fields of b bits.
struct PackedCodes {
  const std::uint8_t* bytes = nullptr;
  std::int64_t count = 0;
  Grid grid = Grid::kSigned;
  int bits = 8;
  std::uint8_t layout = 0;

  std::size_t size() const { return static_cast<std::size_t>(count); }
  /// Calls visit(code) for all codes; false, with a report, if they are not those of their grid and layout.
  template <class Visit>
  bool for_each(Report& report, Visit&& visit) const {
    const std::span<const std::uint8_t> payload{bytes, static_cast<std::size_t>(packed_bytes(count, bits))};
    return unpack_codes(payload, GridFields(grid, bits, layout), count, report, visit);
  }
};

struct PackedWeights {
  PackedCodes codes;
  PackedList<float> step;
};
struct PackedConvOp {
  std::string_view layer;
  int input = 0, output = 0;
  ConvGeometry geometry;
  PackedWeights weights;
};

/// Terms one after another: the index of a value, then its constants.
template <class Term>
class PackedTerms {
 public:
  PackedTerms() = default;
  PackedTerms(const std::uint8_t* bytes, std::size_t count, const PackedChannels<std::uint8_t>& shift)
      : bytes_(bytes), count_(count), shift_(shift) {}

  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Term operator[](std::size_t t) const {
    const std::uint8_t* at = bytes_;
    for (;; --t) {
      std::uint64_t value = 0;
      for (int bits = 0;; bits += 7) {  // was read before, so it ends
        value |= std::uint64_t{*at & 0x7Fu} << bits;
        if (*at++ < 0x80) break;
      }
      const Term term(static_cast<int>(value), at, shift_);
      if (t == 0) return term;
      at += term.bytes();
    }
  }

 private:
  const std::uint8_t* bytes_ = nullptr;
  std::size_t count_ = 0;
  PackedChannels<std::uint8_t> shift_;
};
struct PackedTerm {
  PackedTerm(int index, const std::uint8_t* constants, const PackedChannels<std::uint8_t>& shift)
      : value(index), multiplier(constants, shift) {}
  std::size_t bytes() const { return multiplier.bytes(); }
  int value;
  PackedMultipliers multiplier;
};
struct PackedAffineTerm {
  PackedAffineTerm(int index, const std::uint8_t* constants, const PackedChannels<std::uint8_t>& channels)
      : value(index), scale(constants, channels.size()) {}
  std::size_t bytes() const { return scale.bytes(); }
  int value;
  PackedChannels<float> scale;
};
struct PackedRequantizeOp {
  std::string_view layer;
  int output = 0;
  PackedTerms<PackedTerm> terms;
  PackedChannels<std::int64_t> bias;
  PackedChannels<std::uint8_t> shift;
  std::int32_t low = 0, high = 255;
};
struct PackedAffineOp {
  std::string_view layer;
  int output = 0;
  PackedTerms<PackedAffineTerm> terms;
  PackedChannels<float> shift;
  float low = 0, high = 0;
};
using PackedOp =
    std::variant<PackedConvOp, PackedRequantizeOp, PackedAffineOp, MaxPoolOp, SumPoolOp, SubsamplePadOp, FlattenOp>;

/// The input table: `count` codes, written as `kind` says.
struct PackedTable {
  std::span<const std::uint8_t> bytes;  ///< none for identity
  bool is_signed = false;
  std::size_t count = 0;
  std::size_t size() const { return count; }
  std::int16_t operator[](std::size_t i) const {
    if (bytes.empty()) return static_cast<std::int16_t>(i % 256);
    const std::uint8_t byte = bytes[i % bytes.size()];
    return is_signed ? static_cast<std::int8_t>(byte) : std::int16_t{byte};
  }
};
struct PackedInput {
  PackedTable codes;
};
/// Class names: texts one after another.
struct PackedTexts {
  std::span<const std::uint8_t> bytes;
  std::size_t count = 0;
  std::size_t size() const { return count; }
  bool empty() const { return count == 0; }
};

struct PackedNetwork {
  std::string_view name;
  Arithmetic arithmetic = Arithmetic::kInteger;
  PackedInput input;
  Array<PackedValue> values;
  Array<PackedOp> ops;
  PackedTexts classes;

  int output() const { return ops.empty() ? 0 : op_output(ops[ops.size() - 1]); }
};

/// The largest sum of |w| over the output channels, times the largest |code| of the input.
inline std::int64_t accumulator_bound(const PackedConvOp& op, const PackedValue& input) {
  const std::int64_t k = op.weights.codes.count / op.geometry.out_channels;
  std::int64_t largest = 0, sum = 0, i = 0;
  Report ignored({});  // read and found good before
  op.weights.codes.for_each(ignored, [&](std::int8_t code) {
    sum += std::abs(std::int64_t{code});
    if (++i < k) return;
    largest = std::max(largest, sum);
    sum = i = 0;
  });
  return largest * code_bound(input);
}

/// Reads the body of a packed model. The network is not validated yet.
class PackedNetworkReader {
 public:
  explicit PackedNetworkReader(ByteReader& in) : in_(in) {}

  /// Bytes that the arrays of a network of so many values take at most.
  static std::uint64_t memory_bytes(std::int64_t values) {
    const auto count = static_cast<std::uint64_t>(values);
    return Arena::rounded(count * sizeof(PackedValue)) + Arena::rounded(count * sizeof(PackedOp));
  }

  /// Reads what stands before the values; gives their number, or a negative one if it failed.
  std::int64_t read_head() {
    net_.arithmetic = static_cast<Arithmetic>(in_.u8("the arithmetic"));
    net_.name = in_.text("the name");
    net_.classes.count = static_cast<std::size_t>(in_.count(kMaxElements, "the number of classes"));
    const std::uint8_t* const classes = in_.next();
    for (std::size_t n = 0; n < net_.classes.count && !in_.failed(); ++n) in_.text("a class name");
    values_ = in_.count(static_cast<std::int64_t>(kMaxValues), "the number of values");
    if (in_.failed()) return -1;
    net_.classes.bytes = {classes, in_.next()};
    if (values_ == 0) return in_.fail("a network needs values");
    if (values_ > static_cast<std::int64_t>(in_.remaining()))
      return in_.fail(values_, " values do not fit the ", in_.remaining(), " bytes left");
    return values_;
  }

  /// Reads the rest.
  bool read_body() {
    net_.values = Array<PackedValue>(static_cast<std::size_t>(values_));
    for (PackedValue& value : net_.values)
      if (!read_value(value)) return false;
    if (!read_input()) return false;
    net_.ops = Array<PackedOp>(static_cast<std::size_t>(in_.count(values_, "the number of ops")));
    const Scratch<char> made(net_.values.size());
    std::fill_n(made.data(), net_.values.size(), char{0});
    made[0] = 1;
    made_ = made.data();
    for (PackedOp& op : net_.ops)
      if (!read_op(op)) return false;
    return !in_.failed();
  }

  PackedNetwork take() { return std::move(net_); }

 private:
  bool read_value(PackedValue& v) {
    v.name = in_.text("a value's name");
    v.height = in_.count(kMaxExtent, "a height");
    v.width = in_.count(kMaxExtent, "a width");
    v.channels = in_.count(kMaxTotalChannels, "channels");
    total_channels_ += v.channels;
    if (v.height * v.width > kMaxElements || v.numel() > kMaxElements || total_channels_ > kMaxTotalChannels)
      return in_.fail("value '", v.name, "' of ", v.height, "x", v.width, "x", v.channels, " is too large");
    v.type = static_cast<ValueType>(in_.u8("a type"));
    v.bits = in_.u8("bits");
    v.step = in_.f64("a step");
    v.zero_point = in_.signed_varint("a zero point");
    return !in_.failed();
  }

  bool read_input() {
    const PackedValue& v = net_.values[0];
    if (v.channels > kMaxImageChannels) return in_.fail("an image has at most ", kMaxImageChannels, " channels");
    PackedTable& table = net_.input.codes;
    table.count = static_cast<std::size_t>(v.channels) * 256;
    const int kind = in_.u8("the input table");
    const bool shared = (kind & static_cast<int>(TableKind::kShared)) != 0;
    const auto form = static_cast<TableKind>(kind & ~static_cast<int>(TableKind::kShared));
    if (form > TableKind::kSigned || (shared && form == TableKind::kIdentity))
      return in_.fail("the input table is written in an unknown way ", kind);
    if (form != TableKind::kIdentity) table.bytes = in_.take(shared ? 256 : table.count, "the input table");
    table.is_signed = form == TableKind::kSigned;
    return !in_.failed();
  }

  int read_index(const char* what) { return static_cast<int>(in_.count(values_ - 1, what)); }
  // Every value is made once; so its channels are counted once.
  int read_output() {
    const int output = read_index("an output");
    char& made = made_[output];
    if (made != 0) in_.fail("value ", output, " is made a second time");
    made = 1;
    return output;
  }
  const PackedValue& value(int index) const { return net_.values[static_cast<std::size_t>(index)]; }
  std::size_t channels(int index) const { return static_cast<std::size_t>(value(index).channels); }

  bool read_op(PackedOp& op) {
    switch (in_.u8("an op")) {
      case 0:
        return read(op.emplace<PackedConvOp>());
      case 1:
        return read(op.emplace<PackedRequantizeOp>());
      case 2:
        return read(op.emplace<PackedAffineOp>());
      case 3:
        return read_pool(op.emplace<MaxPoolOp>());
      case 4:
        return read_pool(op.emplace<SumPoolOp>());
      case 5:
        return read(op.emplace<SubsamplePadOp>());
      case 6: {
        auto& flatten = op.emplace<FlattenOp>();
        flatten.input = read_index("an input");
        flatten.output = read_output();
        return !in_.failed();
      }
      default:
        return in_.fail("there is no op of this number");
    }
  }

  Window2d read_window() {
    Window2d w;
    for (std::int64_t* extent :
         {&w.kernel_h, &w.kernel_w, &w.stride_h, &w.stride_w, &w.pad_h, &w.pad_w, &w.dilation_h, &w.dilation_w})
      *extent = in_.count(kMaxExtent, "an extent of a window");
    return w;
  }

  bool read(PackedConvOp& op) {
    op.layer = in_.text("a layer's name");
    op.input = read_index("an input");
    op.output = read_output();
    ConvGeometry& g = op.geometry;
    g.in_h = value(op.input).height;
    g.in_w = value(op.input).width;
    g.in_channels = value(op.input).channels;
    g.out_channels = value(op.output).channels;
    g.window = read_window();
    g.groups = in_.count(kMaxTotalChannels, "the groups");
    if (in_.failed()) return false;
    if (g.groups < 1 || g.in_channels % g.groups != 0)
      return in_.fail(g.groups, " groups of ", g.in_channels, " channels");
    PackedCodes& codes = op.weights.codes;
    codes.grid = static_cast<Grid>(in_.u8("a grid"));
    codes.bits = in_.u8("weight bits");
    codes.layout = in_.u8("a layout");
    const auto kind = static_cast<StepKind>(in_.u8("a kind of step"));
    if (in_.failed()) return false;
    if (codes.grid > Grid::kPlanes || codes.bits < 1 || codes.bits > 8)
      return in_.fail("no grid ", int(codes.grid), " of ", codes.bits, " bits");
    if (kind > StepKind::kPerChannel) return in_.fail("weight steps are written in an unknown way ", int(kind));
    if (kind != StepKind::kNone) {
      const std::size_t steps = kind == StepKind::kOne ? 1 : channels(op.output);
      if (steps > in_.remaining() / 4) return in_.fail(steps, " weight steps do not fit the bytes left");
      op.weights.step = {in_.next(), steps};
      in_.take(steps * 4, "weight steps");
    }
    codes.count = weight_count(g, codes.bits);
    if (codes.count < 0) return false;
    codes.bytes = in_.take(static_cast<std::uint64_t>(packed_bytes(codes.count, codes.bits)), "weights").data();
    if (in_.failed()) return false;
    GridFields::Occurring occurring;
    char text[128];
    Report codes_report(text);
    if (!codes.for_each(codes_report, [&](std::int8_t code) { occurring.add(code); }))
      return in_.fail("layer '", op.layer, "': ", codes_report.text());
    if (codes.layout != GridFields::layout_of(codes.grid, occurring))
      return in_.fail("the layout of '", op.layer, "' is not that of its weights");
    return true;
  }
  // The product of the extents, which must fit the bytes left; no step of it overflows.
  std::int64_t weight_count(const ConvGeometry& g, int bits) {
    const std::int64_t most = static_cast<std::int64_t>(in_.remaining()) * 8 / bits;
    std::int64_t count = 1;
    for (const std::int64_t extent : {g.out_channels, g.window.kernel_h, g.window.kernel_w, g.group_in()}) {
      if (extent == 0 || count > most / extent)
        return in_.fail("weights [", g.out_channels, ",", g.window.kernel_h, ",", g.window.kernel_w, ",",
                        g.group_in(), "] of ", bits, " bits do not fit the ", in_.remaining(), " bytes left");
      count *= extent;
    }
    return count;
  }

  // Terms hold multipliers of all channels of the output: bounded because outputs are made once.
  template <class Term, class ReadConstants>
  PackedTerms<Term> read_terms(const PackedChannels<std::uint8_t>& shift, ReadConstants&& read_constants) {
    const auto count =
        static_cast<std::size_t>(in_.count(static_cast<std::int64_t>(kMaxTerms), "the number of terms"));
    const PackedTerms<Term> terms(in_.next(), count, shift);
    for (std::size_t t = 0; t < count && !in_.failed(); ++t) {
      read_index("a term");
      read_constants();
    }
    return terms;
  }

  bool read(PackedRequantizeOp& op) {
    op.layer = in_.text("a layer's name");
    op.output = read_output();
    const std::size_t n = channels(op.output);
    op.low = in_.signed_varint("the lowest code");
    op.high = in_.signed_varint("the highest code");
    op.shift = read_channels<std::uint8_t>(in_, n, "shifts");
    op.bias = read_channels<std::int64_t>(in_, n, "biases");
    op.terms = read_terms<PackedTerm>(op.shift, [&] { read_multipliers(in_, op.shift); });
    return !in_.failed();
  }

  bool read(PackedAffineOp& op) {
    op.layer = in_.text("a layer's name");
    op.output = read_output();
    const std::size_t n = channels(op.output);
    op.low = in_.f32("the lower clip");
    op.high = in_.f32("the upper clip");
    op.shift = read_channels<float>(in_, n, "shifts");
    // Only the number of channels is asked of the shifts.
    op.terms = read_terms<PackedAffineTerm>({nullptr, n}, [&] { read_channels<float>(in_, n, "scales"); });
    return !in_.failed();
  }

  template <class Pool>
  bool read_pool(Pool& op) {
    op.input = read_index("an input");
    op.output = read_output();
    op.geometry = {1, value(op.input).height, value(op.input).width, value(op.input).channels, read_window()};
    return !in_.failed();
  }

  bool read(SubsamplePadOp& op) {
    op.input = read_index("an input");
    op.output = read_output();
    op.stride = in_.count(kMaxExtent, "a stride");
    op.pad_before = in_.count(kMaxTotalChannels, "channels");
    op.pad_after = in_.count(kMaxTotalChannels, "channels");
    return !in_.failed();
  }

  ByteReader& in_;
  PackedNetwork net_;
  std::int64_t values_ = 0;
  char* made_ = nullptr;  // by value: whether an op before makes it
  std::int64_t total_channels_ = 0;
};

}  // namespace bitgrain::deploy
