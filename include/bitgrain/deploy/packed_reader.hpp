#pragma once

/// The body of a packed model, read from bytes that nobody vouches for. Whatever is asked from memory is bounded
/// first: by the bytes left, or by limits of validate.hpp where the file says "all the same".

#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "bitgrain/deploy/bit_packing.hpp"
#include "bitgrain/deploy/byte_reader.hpp"
#include "bitgrain/deploy/channel_constants.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/packed_writer.hpp"
#include "bitgrain/deploy/validate.hpp"

namespace bitgrain::deploy {

class PackedReader {
 public:
  explicit PackedReader(ByteReader& in) : in_(in) {}

  /// Reads what PackedWriter wrote. The result is not validated yet. Throws Error naming source and offset.
  IntegerNetwork read() {
    net_.arithmetic = static_cast<Arithmetic>(in_.u8("the arithmetic"));
    net_.name = in_.text("the name");
    for (std::int64_t n = in_.count(kMaxElements, "the number of classes"); n > 0; --n)
      net_.classes.push_back(in_.text("a class name"));
    const std::int64_t values = in_.count(static_cast<std::int64_t>(kMaxValues), "the number of values");
    if (values == 0) in_.fail("a network needs values");
    for (std::int64_t i = 0; i < values; ++i) net_.values.push_back(read_value());
    made_.assign(net_.values.size(), 0);
    made_[0] = 1;
    read_input();
    for (std::int64_t n = in_.count(values, "the number of ops"); n > 0; --n) net_.ops.push_back(read_op());
    return std::move(net_);
  }

 private:
  Value read_value() {
    Value v;
    v.name = in_.text("a value's name");
    v.height = in_.count(kMaxExtent, "a height");
    v.width = in_.count(kMaxExtent, "a width");
    v.channels = in_.count(kMaxTotalChannels, "channels");
    total_channels_ += v.channels;
    if (v.height * v.width > kMaxElements || v.numel() > kMaxElements || total_channels_ > kMaxTotalChannels)
      in_.fail("value '", v.name, "' of ", v.height, "x", v.width, "x", v.channels, " is too large");
    v.type = static_cast<ValueType>(in_.u8("a type"));
    v.bits = in_.u8("bits");
    v.step = in_.f64("a step");
    v.zero_point = in_.signed_varint("a zero point");
    return v;
  }

  void read_input() {
    const Value& v = net_.values[0];
    if (v.channels > kMaxImageChannels) in_.fail("an image has at most ", kMaxImageChannels, " channels");
    const auto codes = static_cast<std::size_t>(v.channels) * 256;
    const int kind = in_.u8("the input table");
    std::span<const std::uint8_t> table;
    const bool shared = (kind & static_cast<int>(TableKind::kShared)) != 0;
    const auto form = static_cast<TableKind>(kind & ~static_cast<int>(TableKind::kShared));
    if (form > TableKind::kSigned || (shared && form == TableKind::kIdentity))
      in_.fail("the input table is written in an unknown way ", kind);
    if (form != TableKind::kIdentity) table = in_.take(shared ? 256 : codes, "the input table");
    net_.input.codes.resize(codes);
    for (std::size_t i = 0; i < codes; ++i) {
      const auto byte = table.empty() ? static_cast<std::uint8_t>(i % 256) : table[i % table.size()];
      net_.input.codes[i] = form == TableKind::kSigned ? static_cast<std::int8_t>(byte) : std::int16_t{byte};
    }
  }

  int read_index(const char* what) {
    return static_cast<int>(in_.count(static_cast<std::int64_t>(net_.values.size()) - 1, what));
  }
  // Every value is made once; so its channels are counted once.
  int read_output() {
    const int output = read_index("an output");
    if (made_[static_cast<std::size_t>(output)] != 0) in_.fail("value ", output, " is made a second time");
    made_[static_cast<std::size_t>(output)] = 1;
    return output;
  }
  const Value& value(int index) const { return net_.values[static_cast<std::size_t>(index)]; }
  std::size_t channels(int index) const { return static_cast<std::size_t>(value(index).channels); }

  Op read_op() {
    switch (in_.u8("an op")) {
      case 0:
        return read_conv();
      case 1:
        return read_requantize();
      case 2:
        return read_affine();
      case 3:
        return read_pool<MaxPoolOp>();
      case 4:
        return read_pool<SumPoolOp>();
      case 5:
        return read_subsample();
      case 6: {
        FlattenOp op;
        op.input = read_index("an input");
        op.output = read_output();
        return op;
      }
      default:
        in_.fail("there is no op of this number");
    }
  }

  Window2d read_window() {
    Window2d w;
    for (std::int64_t* extent :
         {&w.kernel_h, &w.kernel_w, &w.stride_h, &w.stride_w, &w.pad_h, &w.pad_w, &w.dilation_h, &w.dilation_w})
      *extent = in_.count(kMaxExtent, "an extent of a window");
    return w;
  }

  ConvOp read_conv() {
    ConvOp op;
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
    if (g.groups < 1 || g.in_channels % g.groups != 0) in_.fail(g.groups, " groups of ", g.in_channels, " channels");
    WeightCodes& w = op.weights;
    w.grid = static_cast<Grid>(in_.u8("a grid"));
    w.bits = in_.u8("weight bits");
    const std::uint8_t layout = in_.u8("a layout");
    if (w.grid > Grid::kPlanes || w.bits < 1 || w.bits > 8)
      in_.fail("no grid ", int(w.grid), " of ", w.bits, " bits");
    const auto kind = static_cast<StepKind>(in_.u8("a kind of step"));
    if (kind > StepKind::kPerChannel) in_.fail("weight steps are written in an unknown way ", int(kind));
    if (kind != StepKind::kNone) {
      const std::size_t steps = kind == StepKind::kOne ? 1 : channels(op.output);
      if (steps > in_.remaining() / 4) in_.fail(steps, " weight steps do not fit the bytes left");
      for (std::size_t i = 0; i < steps; ++i) w.step.push_back(in_.f32("a weight step"));
    }
    const std::int64_t count = weight_count(g, w.bits);
    w.codes.resize(static_cast<std::size_t>(count));
    const auto payload = in_.take(static_cast<std::uint64_t>(packed_bytes(count, w.bits)), "weights");
    const GridFields fields(w.grid, w.bits, layout);
    unpack_codes(payload, fields, w.codes);
    if (layout != GridFields::layout_of(w.grid, w.codes))
      in_.fail("the layout of '", op.layer, "' is not that of its weights");
    return op;
  }
  // The product of the extents, which must fit the bytes left; no step of it overflows.
  std::int64_t weight_count(const ConvGeometry& g, int bits) const {
    const std::int64_t most = static_cast<std::int64_t>(in_.remaining()) * 8 / bits;
    std::int64_t count = 1;
    for (const std::int64_t extent : {g.out_channels, g.window.kernel_h, g.window.kernel_w, g.group_in()}) {
      if (extent == 0 || count > most / extent)
        in_.fail("weights [", g.out_channels, ",", g.window.kernel_h, ",", g.window.kernel_w, ",", g.group_in(),
                 "] of ", bits, " bits do not fit the ", in_.remaining(), " bytes left");
      count *= extent;
    }
    return count;
  }

  // Terms hold multipliers of all channels of the output: bounded because outputs are made once.
  std::int64_t read_term_count() { return in_.count(static_cast<std::int64_t>(kMaxTerms), "the number of terms"); }

  RequantizeOp read_requantize() {
    RequantizeOp op;
    op.layer = in_.text("a layer's name");
    op.output = read_output();
    const std::size_t n = channels(op.output);
    op.low = in_.signed_varint("the lowest code");
    op.high = in_.signed_varint("the highest code");
    op.shift = read_channels<std::uint8_t>(in_, n, 1, "shifts", [&] { return in_.u8("a shift"); });
    op.bias = read_channels<std::int64_t>(in_, n, 8, "biases", [&] { return in_.i64("a bias"); });
    for (std::int64_t terms = read_term_count(); terms > 0; --terms) {
      const int from = read_index("a term");
      op.terms.push_back({from, read_multipliers(in_, op.shift)});
    }
    return op;
  }

  AffineOp read_affine() {
    const auto read_float = [&] { return in_.f32("a constant"); };
    AffineOp op;
    op.layer = in_.text("a layer's name");
    op.output = read_output();
    const std::size_t n = channels(op.output);
    op.low = in_.f32("the lower clip");
    op.high = in_.f32("the upper clip");
    op.shift = read_channels<float>(in_, n, 4, "shifts", read_float);
    for (std::int64_t terms = read_term_count(); terms > 0; --terms) {
      const int from = read_index("a term");
      op.terms.push_back({from, read_channels<float>(in_, n, 4, "scales", read_float)});
    }
    return op;
  }

  template <class Pool>
  Pool read_pool() {
    Pool op;
    op.input = read_index("an input");
    op.output = read_output();
    op.geometry = {1, value(op.input).height, value(op.input).width, value(op.input).channels, read_window()};
    return op;
  }

  SubsamplePadOp read_subsample() {
    SubsamplePadOp op;
    op.input = read_index("an input");
    op.output = read_output();
    op.stride = in_.count(kMaxExtent, "a stride");
    op.pad_before = in_.count(kMaxTotalChannels, "channels");
    op.pad_after = in_.count(kMaxTotalChannels, "channels");
    return op;
  }

  ByteReader& in_;
  IntegerNetwork net_;
  std::vector<char> made_;
  std::int64_t total_channels_ = 0;
};

}  // namespace bitgrain::deploy
