#pragma once

/// What the tests of Winograd's convolution share: the geometries, and the bound of winograd_transform.hpp.

#include <vector>

#include "bitgrain/kernels/f32/winograd_transform.hpp"
#include "kernels/conv_case.hpp"

/// Images smaller than a tile, equal to it, larger by one; every padding; channels around the length of a vector.
inline std::vector<bitgrain::ConvGeometry> winograd_geometries() {
  std::vector<bitgrain::ConvGeometry> geometries;
  for (const std::int64_t taps : {3, 5})
    for (std::int64_t pad = 0; pad < taps; ++pad)
      for (const std::int64_t size : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13})
        if (size + 2 * pad >= taps) geometries.push_back(conv(2, size, size + 3, 3, 5, taps, 1, pad));
  for (const std::int64_t channels : {1, 7, 8, 15, 16, 17, 31, 33, 64, 67})
    for (const std::int64_t out : {1, 16, 23, 50}) geometries.push_back(conv(3, 7, 6, channels, out, 3, 1, 1));
  for (const std::int64_t channels : {7, 16, 33, 64})
    for (const std::int64_t out : {1, 16, 23}) geometries.push_back(conv(3, 7, 6, channels, out, 5, 1, 1));
  geometries.push_back(conv(40, 8, 8, 16, 32, 3, 1, 1));
  geometries.push_back(conv(20, 12, 12, 16, 32, 5, 1, 0));
  geometries.push_back(conv(1, 6, 90, 5, 4, 3, 1, 1));
  bitgrain::ConvGeometry uneven = conv(2, 9, 10, 6, 7, 3, 1, 1);
  uneven.window.pad_w = 2;
  geometries.push_back(uneven);
  uneven.window = bitgrain::Window2d::square(5, 1, 1);
  uneven.window.pad_h = 3;
  geometries.push_back(uneven);
  return geometries;
}

/// The error bound of filters of `numbers` x `numbers` (in the gradient with respect to the weights, tiles of so many
/// output gradients) for `terms` channels (or tiles) of numbers up to 1, in units of epsilon = 2^-23.
inline double winograd_units(int numbers, std::int64_t terms) {
  const auto n = static_cast<double>(terms);
  return bitgrain::kernels::winograd_growth(numbers) * (n + 32) / 2 * n;
}

/// +1 and -1 in the pattern that makes the values at two of the points largest, with a sign that alternates between
/// channels, so that large sums cancel: x [N,H,W,C].
inline void fill_adversarial(Guarded<float>& x, std::int64_t w, std::int64_t channels, int point_h, int point_w) {
  const int signs[6][6] = {{1, 1, -1, 1, 1, 1},   {1, -1, -1, 1, 1, 1}, {1, 1, -1, -1, 1, 1},
                           {1, -1, -1, 1, 1, -1}, {1, 1, -1, -1, 1, 1}, {1, 1, 1, -1, 1, 1}};
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::int64_t c = i % channels, column = i / channels % w, row = i / channels / w;
    x[i] = static_cast<float>(signs[point_h][row % 4] * signs[point_w][column % 4] * (c % 2 == 0 ? 1 : -1));
  }
}
