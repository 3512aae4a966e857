#pragma once

/// The lowered network: what the engine and the interpreter run, what the packed file stores, what exporters write.
///
/// A list of values (tensors of one image) and a list of ops in execution order. Integer arithmetic, per channel c:
///
///     accumulator = sum over the window of x_code * w_code               (padding inserts the zero point of x)
///     q = clamp((sum over terms of value * M_c + B_c) >> n_c, low, high)  (>> rounds down; B_c holds the half)
///
/// The terms of a requantization are accumulators, exact sums of average pools, or code tensors (the shortcut of a
/// residual block), so an add is requantized once. Networks whose activations stay in float carry
/// `Arithmetic::kFloat`: their convolutions read floats, their weights are step * code, and Affine replaces
/// Requantize.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bitgrain/tensor/geometry.hpp"
#include "bitgrain/tensor/qtensor.hpp"

namespace bitgrain::deploy {

enum class Arithmetic : std::uint8_t { kInteger, kFloat };

/// What one element of a value is.
enum class ValueType : std::uint8_t {
  kU8,   ///< codes 0..255
  kS8,   ///< codes -128..127
  kS32,  ///< accumulators, exact pooling sums, logits
  kF32,  ///< real numbers (float arithmetic only)
};

/// A tensor of one image, [height, width, channels]. Vectors are 1 x 1 x channels. `Text` owns its name or not.
template <class Text>
struct BasicValue {
  Text name;  ///< of the activation quantizer, or of the layer that made it
  std::int64_t height = 1, width = 1, channels = 1;
  ValueType type = ValueType::kU8;
  int bits = 8;     ///< of the codes; 32 for kS32 and kF32
  double step = 1;  ///< real = step * (code - zero_point); per-channel accumulators store 1 here
  std::int32_t zero_point = 0;
  std::int64_t numel() const { return height * width * channels; }
  friend bool operator==(const BasicValue&, const BasicValue&) = default;
};
using Value = BasicValue<std::string>;

/// The image bytes [height, width, channels] become codes through a 256-entry table per channel.
struct InputTable {
  std::vector<std::int16_t> codes;  ///< [channels][256]; within u8 or s8 as value 0 says
  friend bool operator==(const InputTable&, const InputTable&) = default;
};

/// Weights as codes, [out][kh][kw][in/groups].
struct WeightCodes {
  Grid grid = Grid::kSigned;
  int bits = 8;
  std::vector<std::int8_t> codes;
  /// One step or one per output channel. Integer arithmetic does not need it (it is inside M_c); float arithmetic and
  /// reports do.
  std::vector<float> step;
  std::int64_t payload_bytes() const { return (static_cast<std::int64_t>(codes.size()) * bits + 7) / 8; }
  friend bool operator==(const WeightCodes&, const WeightCodes&) = default;
};

/// Convolution or linear layer (a 1x1 convolution of a 1x1 image): codes to accumulators, or floats to floats.
struct ConvOp {
  std::string layer;
  int input = 0, output = 0;
  ConvGeometry geometry;  ///< batch = 1
  WeightCodes weights;
  friend bool operator==(const ConvOp&, const ConvOp&) = default;
};

/// Most summands of a requantization.
inline constexpr std::size_t kMaxTerms = 16;

/// One summand of a requantization.
struct Term {
  int value = 0;
  std::vector<std::int32_t> multiplier;  ///< M_c, one per channel
  friend bool operator==(const Term&, const Term&) = default;
};

/// Sums of terms to codes (or to int32 logits): see the head of this file.
struct RequantizeOp {
  std::string layer;
  int output = 0;
  std::vector<Term> terms;
  std::vector<std::int64_t> bias;   ///< B_c
  std::vector<std::uint8_t> shift;  ///< n_c
  std::int32_t low = 0, high = 255;
  friend bool operator==(const RequantizeOp&, const RequantizeOp&) = default;
};

/// Float arithmetic: y_c = clip(sum over terms of scale_c * value_c + shift_c, low, high).
struct AffineTerm {
  int value = 0;
  std::vector<float> scale;
  friend bool operator==(const AffineTerm&, const AffineTerm&) = default;
};
struct AffineOp {
  std::string layer;
  int output = 0;
  std::vector<AffineTerm> terms;
  std::vector<float> shift;
  float low = 0, high = 0;  ///< -inf and +inf where there is no clip
  friend bool operator==(const AffineOp&, const AffineOp&) = default;
};

/// Max pooling of codes (or floats): passes steps on.
struct MaxPoolOp {
  int input = 0, output = 0;
  PoolGeometry geometry;
  friend bool operator==(const MaxPoolOp&, const MaxPoolOp&) = default;
};

/// The exact sum over each window, as int32 (padding adds nothing); in float arithmetic the mean.
struct SumPoolOp {
  int input = 0, output = 0;
  PoolGeometry geometry;
  friend bool operator==(const SumPoolOp&, const SumPoolOp&) = default;
};

/// Shortcut A: every stride-th pixel, with zero channels (the zero point) before and after.
struct SubsamplePadOp {
  int input = 0, output = 0;
  std::int64_t stride = 1, pad_before = 0, pad_after = 0;
  friend bool operator==(const SubsamplePadOp&, const SubsamplePadOp&) = default;
};

/// [H,W,C] read as [1,1,H*W*C]; the bytes do not move.
struct FlattenOp {
  int input = 0, output = 0;
  friend bool operator==(const FlattenOp&, const FlattenOp&) = default;
};

using Op = std::variant<ConvOp, RequantizeOp, AffineOp, MaxPoolOp, SumPoolOp, SubsamplePadOp, FlattenOp>;

/// A whole network. Value 0 is the input's codes, kU8 or kS8 (in float arithmetic the ops that read it get
/// step * (code - zero_point), and all other values are kF32); the last op makes the logits.
struct IntegerNetwork {
  std::string name;  ///< free text: the model's name
  Arithmetic arithmetic = Arithmetic::kInteger;
  InputTable input;
  std::vector<Value> values;
  std::vector<Op> ops;
  std::vector<std::string> classes;  ///< labels for people; may be empty

  /// Index of the logits: the output of the last op.
  int output() const;
  /// sum over layers of ceil(n b / 8).
  std::int64_t payload_bytes() const;
  friend bool operator==(const IntegerNetwork&, const IntegerNetwork&) = default;
};

/// What a network, this one or a packed one (packed_network.hpp), consists of.
template <class Network>
using ValueOf = typename decltype(Network::values)::value_type;
template <class Network>
using OpOf = typename decltype(Network::ops)::value_type;
template <class Network>
using ConvOf = std::variant_alternative_t<0, OpOf<Network>>;
template <class Network>
using RequantizeOf = std::variant_alternative_t<1, OpOf<Network>>;
template <class Network>
using AffineOf = std::variant_alternative_t<2, OpOf<Network>>;

template <class... Ops>
int op_output(const std::variant<Ops...>& op) {
  return std::visit([](const auto& o) { return o.output; }, op);
}
inline int IntegerNetwork::output() const { return ops.empty() ? 0 : op_output(ops.back()); }
inline std::int64_t IntegerNetwork::payload_bytes() const {
  std::int64_t bytes = 0;
  for (const Op& op : ops)
    if (const auto* conv = std::get_if<ConvOp>(&op)) bytes += conv->weights.payload_bytes();
  return bytes;
}

}  // namespace bitgrain::deploy
