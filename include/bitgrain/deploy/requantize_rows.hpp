#pragma once

/// A requantization as the engine runs it: plain loops over rows of [pixels][channels] that the compiler vectorises.
///
/// The constants of the channels are repeated to blocks of at least kBlock elements, so that the loops are long
/// whatever the number of channels, and the work is cut into segments of a constant length. Codes of type s8 are
/// stored +128 in bytes: 128 * R_c goes into the bias. Sums are added modulo 2^64; validation bounds the final ones
/// below 2^63, so they are exact, and n_c is a shift that rounds down.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/base/array.hpp"
#include "bitgrain/deploy/integer_network.hpp"

// At -O2 GCC vectorises only what it is told to; 64-bit products and shifts then run four times as fast. (clang needs
// not be told, and warns where it cannot.)
#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
#define BITGRAIN_VECTORISE _Pragma("omp simd")
#else
#define BITGRAIN_VECTORISE
#endif

namespace bitgrain::deploy {

/// What is added to a code to store it in a byte.
template <class Text>
std::int32_t storage_offset(const BasicValue<Text>& value) {
  return value.type == ValueType::kS8 ? 128 : 0;
}

class RequantizeRows {
 public:
  RequantizeRows() = default;
  /// For a valid op of `network`.
  template <class Network>
  RequantizeRows(const RequantizeOf<Network>& op, const Network& network) : low_(op.low), high_(op.high) {
    const auto value = [&](int index) -> const auto& { return network.values[static_cast<std::size_t>(index)]; };
    const std::size_t channels = op.bias.size();
    block_ = channels * ((kBlock + channels - 1) / channels);
    offset_ = storage_offset(value(op.output));
    bias_ = Array<std::int64_t>(block_);
    shift_ = Array<std::int64_t>(block_);
    multipliers_ = Array<std::int32_t>(block_ * op.terms.size());
    terms_ = op.terms.size();
    if (bias_.data() == nullptr) return;  // only the memory is wanted
    for (std::size_t c = 0; c < channels; ++c) {
      bias_[c] = op.bias[c];
      shift_[c] = op.shift[c];
    }
    for (std::size_t t = 0; t < terms_; ++t) {
      const auto& term = op.terms[t];
      sums_[t] = value(term.value).type == ValueType::kS32;
      const std::int64_t offset = storage_offset(value(term.value));
      std::int32_t* multiplier = multipliers_.data() + t * block_;
      for (std::size_t c = 0; c < channels; ++c) {
        multiplier[c] = term.multiplier[c];
        // |B| < 2^61 and |128 R| < 2^38, at most 16 times: no overflow.
        bias_[c] -= offset * multiplier[c];
      }
      repeat(multiplier, channels);
    }
    repeat(bias_.data(), channels);
    repeat(shift_.data(), channels);
  }

  /// Requantizes `pixels` pixels. sources[t] points to the first element of term t: std::int32_t for sums,
  /// std::uint8_t for stored codes. `out` is std::int32_t or std::uint8_t as the output is stored.
  template <class Out>
  void run(std::int64_t pixels, std::int64_t channels, const void* const* sources, Out* out) const {
    const std::int64_t count = pixels * channels, block = static_cast<std::int64_t>(block_);
    for (std::int64_t first = 0; first < count; first += block) {
      const std::int64_t end = std::min(block, count - first);
      std::int64_t at = 0;
      for (; at + kSegment <= end; at += kSegment)
        segment(std::integral_constant<std::int64_t, kSegment>{}, at, first + at, sources, out);
      if (at < end) segment(end - at, at, first + at, sources, out);
    }
  }

 private:
  static constexpr std::size_t kBlock = 256;
  static constexpr std::int64_t kSegment = 64;

  template <class T>
  void repeat(T* constants, std::size_t channels) const {
    for (std::size_t i = channels; i < block_; ++i) constants[i] = constants[i - channels];
  }

  // `count` elements: constants from `at`, data from `element`. The type of `count` may make it a constant.
  template <class Count, class Out>
  void segment(Count count, std::int64_t at, std::int64_t element, const void* const* sources, Out* out) const {
    std::uint64_t sum[kSegment];
    const std::int64_t* bias = bias_.data() + at;
    BITGRAIN_VECTORISE
    for (std::int64_t i = 0; i < count; ++i) sum[i] = static_cast<std::uint64_t>(bias[i]);
    for (std::size_t t = 0; t < terms_; ++t) {
      const std::int32_t* multiplier = multipliers_.data() + t * block_ + static_cast<std::size_t>(at);
      const auto add = [&](const auto* x) {
        BITGRAIN_VECTORISE
        for (std::int64_t i = 0; i < count; ++i)
          sum[i] += static_cast<std::uint64_t>(std::int64_t{x[i]} * multiplier[i]);
      };
      if (sums_[t])
        add(static_cast<const std::int32_t*>(sources[t]) + element);
      else
        add(static_cast<const std::uint8_t*>(sources[t]) + element);
    }
    const std::int64_t* shift = shift_.data() + at;
    Out* to = out + element;
    const std::int64_t low = low_, high = high_, offset = offset_;
    BITGRAIN_VECTORISE
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t code = static_cast<std::int64_t>(sum[i]) >> shift[i];
      code = code < low ? low : code;
      code = code > high ? high : code;
      to[i] = static_cast<Out>(code + offset);
    }
  }

  std::size_t block_ = 0, terms_ = 0;
  bool sums_[kMaxTerms] = {};        // int32 sums, or stored codes
  Array<std::int32_t> multipliers_;  // [terms][block]
  Array<std::int64_t> bias_, shift_;
  std::int32_t low_ = 0, high_ = 0, offset_ = 0;
};

}  // namespace bitgrain::deploy

#undef BITGRAIN_VECTORISE
