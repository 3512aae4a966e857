#pragma once

/// A packed network that was read where it lies (packed_network.hpp), copied into memory of its own.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bitgrain/base/report.hpp"
#include "bitgrain/deploy/byte_reader.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/packed_network.hpp"

namespace bitgrain::deploy {

namespace detail {

template <class T, class List>
std::vector<T> own_list(const List& list) {
  std::vector<T> own(list.size());
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = list[i];
  return own;
}

inline Op own_op(const PackedConvOp& op) {
  const PackedCodes& codes = op.weights.codes;
  ConvOp own{std::string(op.layer), op.input, op.output, op.geometry, {codes.grid, codes.bits, {}, {}}};
  own.weights.codes.reserve(codes.size());
  Report ignored({});  // was read before
  codes.for_each(ignored, [&](std::int8_t code) { own.weights.codes.push_back(code); });
  own.weights.step = own_list<float>(op.weights.step);
  return own;
}
inline Op own_op(const PackedRequantizeOp& op) {
  RequantizeOp own;
  own.layer = op.layer;
  own.output = op.output;
  for (std::size_t t = 0; t < op.terms.size(); ++t)
    own.terms.push_back({op.terms[t].value, own_list<std::int32_t>(op.terms[t].multiplier)});
  own.bias = own_list<std::int64_t>(op.bias);
  own.shift = own_list<std::uint8_t>(op.shift);
  own.low = op.low;
  own.high = op.high;
  return own;
}
inline Op own_op(const PackedAffineOp& op) {
  AffineOp own;
  own.layer = op.layer;
  own.output = op.output;
  for (std::size_t t = 0; t < op.terms.size(); ++t)
    own.terms.push_back({op.terms[t].value, own_list<float>(op.terms[t].scale)});
  own.shift = own_list<float>(op.shift);
  own.low = op.low;
  own.high = op.high;
  return own;
}
template <class Same>
Op own_op(const Same& op) {
  return op;
}

}  // namespace detail

/// The network of `packed`.
inline IntegerNetwork unpack_network(const PackedNetwork& packed) {
  IntegerNetwork net;
  net.name = packed.name;
  net.arithmetic = packed.arithmetic;
  net.input.codes = detail::own_list<std::int16_t>(packed.input.codes);
  for (const PackedValue& v : packed.values)
    net.values.push_back({std::string(v.name), v.height, v.width, v.channels, v.type, v.bits, v.step, v.zero_point});
  for (const PackedOp& op : packed.ops)
    net.ops.push_back(std::visit([](const auto& o) { return detail::own_op(o); }, op));
  Report ignored({});  // was read before
  ByteReader names(packed.classes.bytes, "", ignored);
  for (std::size_t n = 0; n < packed.classes.count; ++n) net.classes.emplace_back(names.text("a class name"));
  return net;
}

}  // namespace bitgrain::deploy
