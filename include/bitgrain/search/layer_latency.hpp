#pragma once

/// Measured times of a layer by its bits: what `latency` of the cost model adds up.
///
/// Times are whole picoseconds, so that sums are exact whatever their order, and the exact solver and the cost model
/// cannot disagree about a budget. They need not fall with the bits: another kernel runs, or the same one does.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

inline constexpr double kPicosecondsPerSecond = 1e12;

/// Exact up to 2^53 ps, two and a half hours, but for the last rounding.
inline double seconds_of(std::int64_t picoseconds) {
  return static_cast<double>(picoseconds) / kPicosecondsPerSecond;
}

/// The largest number of picoseconds that are not more than `seconds`, as doubles compare.
inline std::int64_t most_picoseconds(double seconds) {
  constexpr double kMost = 9e15;  // below 2^53: every whole number is a double
  auto picoseconds = static_cast<std::int64_t>(std::fmin(seconds * kPicosecondsPerSecond, kMost)) + 2;
  while (picoseconds > 0 && seconds_of(picoseconds) > seconds) --picoseconds;
  return picoseconds;
}

/// The time of one image in a layer, for weights of 1 to 8 bits and inputs of 1 to 8 bits; some may be missing.
class LayerLatency {
 public:
  static constexpr int kMostBits = 8;

  /// Rounded to picoseconds, at least one. Throws Error unless bits are 1 to 8 and the time is positive and below an
  /// hour.
  void set(int weight_bits, int input_bits, double seconds) {
    BITGRAIN_CHECK(in_range(weight_bits) && in_range(input_bits), "times of a layer are for 1 to 8 bits, got ",
                   weight_bits, " weight bits and ", input_bits, " input bits");
    BITGRAIN_CHECK(seconds > 0 && seconds < 3600, "the time of a layer at ", weight_bits, " weight bits and ",
                   input_bits, " input bits must be above 0 and below an hour, got ", seconds, " s");
    picoseconds_[index(weight_bits, input_bits)] =
        std::max<std::int64_t>(1, std::llround(seconds * kPicosecondsPerSecond));
    empty_ = false;
  }
  bool empty() const { return empty_; }
  bool has(int weight_bits, int input_bits) const {
    return in_range(weight_bits) && in_range(input_bits) && picoseconds_[index(weight_bits, input_bits)] > 0;
  }
  /// Throws Error if there is no such time.
  std::int64_t picoseconds(int weight_bits, int input_bits) const {
    BITGRAIN_CHECK(has(weight_bits, input_bits), "there is no measured time at ", weight_bits, " weight bits and ",
                   input_bits, " input bits");
    return picoseconds_[index(weight_bits, input_bits)];
  }
  friend bool operator==(const LayerLatency&, const LayerLatency&) = default;

 private:
  static bool in_range(int bits) { return bits >= 1 && bits <= kMostBits; }
  static std::size_t index(int weight_bits, int input_bits) {
    return static_cast<std::size_t>((weight_bits - 1) * kMostBits + input_bits - 1);
  }
  std::array<std::int64_t, kMostBits* kMostBits> picoseconds_ = {};  // 0: not measured
  bool empty_ = true;
};

}  // namespace bitgrain
