#pragma once

/// The input of a network as integers: image bytes become codes through a 256-entry table per channel, and the same
/// table feeds training, so the float network, the quantized one and the integer engine see the same numbers.
///
///     real value = step * code(channel, byte)            zero point 0, one step for all channels
///
/// Zero padding inside convolutions inserts code 0. Augmentation pads *bytes* with 0, before the table.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/tensor/qtensor.hpp"

namespace bitgrain {

/// How image bytes become codes and real numbers.
struct InputEncoding {
  std::vector<std::int16_t> codes;  ///< [channels][256]; 0..255 (unsigned) or -127..127 (signed)
  double step = 1.0 / 255.0;        ///< real value of code 1
  bool is_signed = false;

  std::int64_t channels() const { return static_cast<std::int64_t>(codes.size() / 256); }
  std::int16_t code(std::int64_t channel, std::uint8_t byte) const {
    return codes[static_cast<std::size_t>(channel) * 256 + byte];
  }
  /// The meaning of the codes, for layers that run on integers: 8 bits, unsigned or symmetric.
  QuantInfo quant_info() const { return {is_signed ? Grid::kSymmetric : Grid::kUnsigned, 8, {step}, 0}; }

  /// u8: code = byte, real value = byte / 255. For images that are not normalised.
  static InputEncoding unsigned_bytes(std::int64_t channels) {
    BITGRAIN_CHECK(channels >= 1 && channels <= 65536, "an input table needs 1 or more channels, got ", channels);
    InputEncoding result;
    for (std::int64_t i = 0; i < channels * 256; ++i) result.codes.push_back(static_cast<std::int16_t>(i % 256));
    return result;
  }

  /// s8: the nearest code (half up) to (byte/255 - mean_c) / std_c, in units of the one step
  ///     step = max over c, byte of |(byte/255 - mean_c) / std_c| / 127.
  /// `mean` and `std` are of pixel / 255, one per channel (see channel_statistics). Throws Error unless finite, std >
  /// 0.
  static InputEncoding normalised(std::span<const double> mean, std::span<const double> std) {
    BITGRAIN_CHECK(!mean.empty() && mean.size() == std.size(),
                   "normalisation needs one mean and one std per channel, got ", mean.size(), " and ", std.size());
    InputEncoding result;
    result.is_signed = true;
    double largest = 0;
    for (std::size_t c = 0; c < mean.size(); ++c) {
      BITGRAIN_CHECK(std::isfinite(mean[c]) && std::isfinite(std[c]) && std[c] > 0, "channel ", c,
                     ": mean must be finite and std positive, got ", mean[c], " and ", std[c]);
      // Linear in the byte, so the largest magnitude is at one of the ends.
      largest = std::max({largest, std::abs((0.0 - mean[c]) / std[c]), std::abs((1.0 - mean[c]) / std[c])});
    }
    result.step = largest / 127.0;
    for (std::size_t c = 0; c < mean.size(); ++c) {
      for (int byte = 0; byte < 256; ++byte) {
        const double value = (byte / 255.0 - mean[c]) / std[c];
        result.codes.push_back(
            static_cast<std::int16_t>(std::clamp(std::floor(value / result.step + 0.5), -127.0, 127.0)));
      }
    }
    return result;
  }

  /// Throws Error unless there are 256 codes for each channel, all in range, and the step is positive.
  void validate() const {
    BITGRAIN_CHECK(!codes.empty() && codes.size() % 256 == 0, "an input table holds 256 codes per channel, got ",
                   codes.size());
    BITGRAIN_CHECK(std::isfinite(step) && step > 0, "the step of an input table must be positive, got ", step);
    const CodeRange range = quant_info().range();
    for (const std::int16_t c : codes)
      BITGRAIN_CHECK(c >= range.low && c <= range.high, "an input code must be in ", range.low, "..", range.high,
                     ", got ", c);
  }

  /// Real values of every (channel, byte) as T: [channels][256].
  template <class T>
  std::vector<T> real_table() const {
    std::vector<T> table(codes.size());
    std::transform(codes.begin(), codes.end(), table.begin(),
                   [this](std::int16_t c) { return static_cast<T>(step * static_cast<double>(c)); });
    return table;
  }

  /// Real values of a batch of bytes [..., channels]: what training reads. T is float or double.
  template <class T>
  Tensor<T> real(const Tensor<std::uint8_t>& bytes) const {
    return mapped<T>(bytes, real_table<T>());
  }

  /// Codes of a batch of bytes [..., channels]: what the integer engine reads. T is any integer; with a one-byte T
  /// the result is the byte the engine stores (signed codes in two's complement).
  template <class T = std::uint8_t>
  Tensor<T> encoded(const Tensor<std::uint8_t>& bytes) const {
    std::vector<T> table(codes.size());
    std::transform(codes.begin(), codes.end(), table.begin(), [](std::int16_t c) { return static_cast<T>(c); });
    return mapped<T>(bytes, table);
  }

  /// to[i*channels + c] = table[c][from[i*channels + c]] for `pixels` pixels.
  template <class T>
  static void map_pixels(const T* table, std::int64_t channels, const std::uint8_t* from, std::int64_t pixels,
                         T* to) {
    if (channels == 1) {
      for (std::int64_t i = 0; i < pixels; ++i) to[i] = table[from[i]];
    } else if (channels == 3) {
      for (std::int64_t i = 0; i < 3 * pixels; i += 3) {
        to[i] = table[from[i]];
        to[i + 1] = table[256 + from[i + 1]];
        to[i + 2] = table[512 + from[i + 2]];
      }
    } else {
      for (std::int64_t i = 0; i < pixels; ++i)
        for (std::int64_t c = 0; c < channels; ++c) *to++ = table[c * 256 + *from++];
    }
  }

 private:
  template <class T>
  Tensor<T> mapped(const Tensor<std::uint8_t>& bytes, const std::vector<T>& table) const {
    BITGRAIN_CHECK(bytes.defined() && bytes.shape().rank() >= 1 && bytes.shape()[-1] == channels(),
                   "the input table is for ", channels(), " channels, the bytes have shape ", bytes.shape());
    Tensor<T> result(bytes.shape());
    const std::uint8_t* from = bytes.data();
    T* to = result.mutable_data();
    constexpr std::int64_t kGrain = 16384;
    parallel_for(bytes.numel() / channels(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      map_pixels(table.data(), channels(), from + begin * channels(), end - begin, to + begin * channels());
    });
    return result;
  }
};

}  // namespace bitgrain
