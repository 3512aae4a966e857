#pragma once

/// What a lowered network consists of, as a table for people.

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/run/table.hpp"

namespace bitgrain {

/// A convolution or linear layer of a lowered network.
struct NetworkLayer {
  std::string name, shape;  ///< "16x3x3x3": out, kh, kw, in / groups; "64x10": linear, in x out
  std::int64_t weights = 0, payload_bytes = 0;
  std::int64_t macs = 0,
               bitops = 0;  ///< of one image, zero padding counted; bitops = macs x weight bits x input bits
  int weight_bits = 0;
  int input_bits = 0;   ///< of the codes it reads; 32: float
  int output_bits = 0;  ///< of the codes its sums end in; 32: logits or float
};

struct NetworkTotals {
  std::int64_t weights = 0, payload_bits = 0, payload_bytes = 0, macs = 0, bitops = 0;
  std::int64_t channels = 0;  ///< output channels of all layers: each has constants in the file
  int distinct_weight_bits = 0;
  double average_weight_bits() const {
    return weights > 0 ? static_cast<double>(payload_bits) / static_cast<double>(weights) : 0;
  }
};

struct NetworkSummary {
  deploy::Arithmetic arithmetic = deploy::Arithmetic::kInteger;
  std::vector<NetworkLayer> layers;  ///< in the order of execution
  NetworkTotals totals;
};

/// Lists the layers of `network`.
inline NetworkSummary summarize_network(const deploy::IntegerNetwork& network) {
  const auto value = [&network](int index) { return network.values[static_cast<std::size_t>(index)]; };
  std::map<int, int> ends_in;  // value to the bits of what it is requantized to
  for (const deploy::Op& op : network.ops) {
    if (const auto* requantize = std::get_if<deploy::RequantizeOp>(&op))
      for (const auto& term : requantize->terms) ends_in[term.value] = value(requantize->output).bits;
    if (const auto* affine = std::get_if<deploy::AffineOp>(&op))
      for (const auto& term : affine->terms) ends_in[term.value] = 32;
  }
  NetworkSummary summary;
  summary.arithmetic = network.arithmetic;
  std::map<int, bool> widths;
  for (const deploy::Op& op : network.ops) {
    const auto* conv = std::get_if<deploy::ConvOp>(&op);
    if (!conv) continue;
    const ConvGeometry& g = conv->geometry;
    NetworkLayer layer;
    layer.name = conv->layer;
    const bool linear = g.window.kernel_h == 1 && g.window.kernel_w == 1 && g.in_h == 1 && g.in_w == 1;
    layer.shape =
        linear ? detail::concat(g.in_channels, "x", g.out_channels)
               : detail::concat(g.out_channels, "x", g.window.kernel_h, "x", g.window.kernel_w, "x", g.group_in());
    layer.weights = static_cast<std::int64_t>(conv->weights.codes.size());
    layer.payload_bytes = conv->weights.payload_bytes();
    layer.weight_bits = conv->weights.bits;
    layer.input_bits = value(conv->input).type == deploy::ValueType::kF32 ? 32 : value(conv->input).bits;
    layer.output_bits = ends_in.contains(conv->output) ? ends_in[conv->output] : 32;
    layer.macs = g.macs();
    layer.bitops = layer.macs * layer.weight_bits * layer.input_bits;
    NetworkTotals& t = summary.totals;
    t.weights += layer.weights;
    t.payload_bits += layer.weights * layer.weight_bits;
    t.payload_bytes += layer.payload_bytes;
    t.macs += layer.macs;
    t.bitops += layer.bitops;
    t.channels += g.out_channels;
    widths[layer.weight_bits] = true;
    summary.layers.push_back(std::move(layer));
  }
  summary.totals.distinct_weight_bits = static_cast<int>(widths.size());
  return summary;
}

/// "8", or "float" for 32.
inline std::string bits_text(int bits) { return bits == 32 ? "float" : std::to_string(bits); }

/// One line per layer, then the totals.
inline std::string to_text(const NetworkSummary& summary) {
  Table table({{"layer", Align::kLeft},
               {"weights", Align::kLeft},
               {"weight bits"},
               {"input bits"},
               {"output bits"},
               {"bytes"},
               {"MACs"}});
  const bool integer = summary.arithmetic == deploy::Arithmetic::kInteger;
  for (const NetworkLayer& l : summary.layers)
    table.add({l.name, l.shape, std::to_string(l.weight_bits), bits_text(l.input_bits),
               l.output_bits == 32 && integer ? "logits" : bits_text(l.output_bits), count_text(l.payload_bytes),
               count_text(l.macs)});
  table.add_rule();
  const NetworkTotals& t = summary.totals;
  table.add({"total", count_text(t.weights), fixed_text(t.average_weight_bits(), 2), "", "",
             count_text(t.payload_bytes), count_text(t.macs)});
  return table.text();
}

}  // namespace bitgrain
