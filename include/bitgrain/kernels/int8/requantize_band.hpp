#pragma once

/// Accumulators in memory to codes (requantize.hpp), for kernels that do not requantize in registers.

#include <cstdint>

#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"
#include "bitgrain/kernels/int8/requantize_lanes.hpp"
#include "bitgrain/kernels/kernel_set.hpp"

namespace bitgrain::kernels {

namespace detail {

template <class Dot, bool Residual>
void requantize_pixels(const CodesOutput& output, std::int64_t pixels, const std::int32_t* acc) {
  const std::int64_t channels = output.constants.channels;
  for (std::int64_t c = 0; c < channels; c += 2 * kDotLanes)
    if (channels - c > kDotLanes)
      RequantizeTile<Dot, 2, Residual>(output, c, channels - c).put_rows(acc + c, channels, pixels);
    else
      RequantizeTile<Dot, 1, Residual>(output, c, channels - c).put_rows(acc + c, channels, pixels);
}

template <class Dot>
void requantize_band(const Requantization& constants, std::int64_t pixels, const std::int32_t* acc,
                     const std::uint8_t* residual, std::uint8_t* codes) {
  const CodesOutput output{constants, residual, codes};
  if (constants.residual)
    requantize_pixels<Dot, true>(output, pixels, acc);
  else
    requantize_pixels<Dot, false>(output, pixels, acc);
}

}  // namespace detail

/// codes [pixels][channels] = stored codes of the accumulators acc of the same shape and, where the requantization
/// has a residual term, of the stored codes `residual`, which must not overlap `codes`.
inline void requantize_band(const Requantization& constants, std::int64_t pixels, const std::int32_t* acc,
                            const std::uint8_t* residual, std::uint8_t* codes) {
  if constexpr (kDispatch)
    kernel_set().requantize_band(constants, pixels, acc, residual, codes);
  else
    detail::requantize_band<BestDot>(constants, pixels, acc, residual, codes);
}

}  // namespace bitgrain::kernels
