#pragma once

/// The body of a packed model, written. packed_model.hpp describes the layout.

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

#include "bitgrain/deploy/bit_packing.hpp"
#include "bitgrain/deploy/byte_writer.hpp"
#include "bitgrain/deploy/channel_constants.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/packed_network.hpp"

namespace bitgrain::deploy {

class PackedWriter {
 public:
  explicit PackedWriter(ByteWriter& out) : out_(out) {}

  /// Writes a valid network.
  void write(const IntegerNetwork& net) {
    net_ = &net;
    out_.u8(static_cast<std::uint8_t>(net.arithmetic));
    out_.text(net.name);
    out_.varint(net.classes.size());
    for (const std::string& name : net.classes) out_.text(name);
    out_.varint(net.values.size());
    for (const Value& v : net.values) write(v);
    write(net.input);
    out_.varint(net.ops.size());
    for (const Op& op : net.ops) {
      out_.u8(static_cast<std::uint8_t>(op.index()));
      std::visit([&](const auto& o) { write(o); }, op);
    }
  }

 private:
  void write(const Value& v) {
    out_.text(v.name);
    out_.count(v.height);
    out_.count(v.width);
    out_.count(v.channels);
    out_.u8(static_cast<std::uint8_t>(v.type));
    out_.u8(static_cast<std::uint8_t>(v.bits));
    out_.f64(v.step);
    out_.signed_varint(v.zero_point);
  }

  void write(const InputTable& table) {
    const std::vector<std::int16_t>& codes = table.codes;
    bool shared = true, identity = true;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      shared = shared && codes[i] == codes[i % 256];
      identity = identity && codes[i] == static_cast<std::int16_t>(i % 256);
    }
    if (identity) return out_.u8(static_cast<std::uint8_t>(TableKind::kIdentity));
    const bool is_signed = net_->values[0].type == ValueType::kS8;
    const TableKind kind = is_signed ? TableKind::kSigned : TableKind::kUnsigned;
    out_.u8(static_cast<std::uint8_t>(static_cast<int>(kind) | (shared ? static_cast<int>(TableKind::kShared) : 0)));
    for (std::size_t i = 0; i < (shared ? 256 : codes.size()); ++i)
      out_.u8(static_cast<std::uint8_t>(codes[i] & 0xFF));
  }

  void write(const Window2d& w) {
    for (const std::int64_t extent :
         {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.pad_h, w.pad_w, w.dilation_h, w.dilation_w})
      out_.count(extent);
  }

  void write(const ConvOp& op) {
    out_.text(op.layer);
    out_.count(op.input);
    out_.count(op.output);
    write(op.geometry.window);
    out_.count(op.geometry.groups);
    const WeightCodes& w = op.weights;
    out_.u8(static_cast<std::uint8_t>(w.grid));
    out_.u8(static_cast<std::uint8_t>(w.bits));
    out_.u8(GridFields::layout_of(w.grid, w.codes));
    out_.u8(static_cast<std::uint8_t>(w.step.empty()       ? StepKind::kNone
                                      : w.step.size() == 1 ? StepKind::kOne
                                                           : StepKind::kPerChannel));
    for (const float step : w.step) out_.f32(step);
    pack_codes(w.codes, GridFields(w.grid, w.bits, w.codes), out_.bytes);
  }

  void write(const RequantizeOp& op) {
    out_.text(op.layer);
    out_.count(op.output);
    out_.signed_varint(op.low);
    out_.signed_varint(op.high);
    write_channels(out_, op.shift, [&](std::uint8_t v) { out_.u8(v); });
    write_channels(out_, op.bias, [&](std::int64_t v) { out_.i64(v); });
    out_.varint(op.terms.size());
    for (const Term& term : op.terms) {
      out_.count(term.value);
      write_multipliers(out_, term.multiplier, op.shift);
    }
  }

  void write(const AffineOp& op) {
    const auto write_float = [&](float v) { out_.f32(v); };
    out_.text(op.layer);
    out_.count(op.output);
    out_.f32(op.low);
    out_.f32(op.high);
    write_channels(out_, op.shift, write_float);
    out_.varint(op.terms.size());
    for (const AffineTerm& term : op.terms) {
      out_.count(term.value);
      write_channels(out_, term.scale, write_float);
    }
  }

  void write(const MaxPoolOp& op) { write_pool(op); }
  void write(const SumPoolOp& op) { write_pool(op); }
  template <class Pool>
  void write_pool(const Pool& op) {
    out_.count(op.input);
    out_.count(op.output);
    write(op.geometry.window);
  }
  void write(const SubsamplePadOp& op) {
    out_.count(op.input);
    out_.count(op.output);
    out_.count(op.stride);
    out_.count(op.pad_before);
    out_.count(op.pad_after);
  }
  void write(const FlattenOp& op) {
    out_.count(op.input);
    out_.count(op.output);
  }

  ByteWriter& out_;
  const IntegerNetwork* net_ = nullptr;
};

}  // namespace bitgrain::deploy
