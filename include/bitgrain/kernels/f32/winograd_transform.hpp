#pragma once

/// The transforms of Winograd's convolutions F(4x4, 3x3) and F(2x2, 5x5), after Lavin and Gray, "Fast algorithms for
/// convolutional neural networks" (CVPR 2016).
///
/// A tile of 4 x 4 outputs of a 3 x 3 convolution reads 6 x 6 inputs and takes 144 multiplications per channel pair;
/// so do 2 x 2 outputs of a 5 x 5 convolution, which take 100. In one dimension the outputs are coefficients of a
/// product of polynomials, which six values determine: those at 0, a, -a, b, -b, and the leading coefficient. So in
/// two dimensions, with (.) the elementwise product, R outputs and K taps, R + K = 7,
///
///     y = A_R^T [(G_K w G_K^T) (.) (B^T x B)] A_R           36 multiplications, summed over channels in the middle
///
/// The gradient with respect to the weights is the correlation of 6 x 6 inputs with R x R output gradients, whose K x
/// K results are determined by the same six values, with the same B:
///
///     dw = A_K^T [(G_R dy G_R^T) (.) (B^T x B)] A_K
///
/// For the polynomial L_p = product over the other finite points q of (x - q), with N_p = L_p(p):
///
///     row p of B^T:   the coefficients of L_p             last row: those of the product over all finite points
///     row p of G_n:   1, p, ... p^(n-1), over N_p         last row: 0 ... 0 1
///     row j of A_n^T: p^j for each p, 0 <= j < n          last column: 1 in the last row
///
/// Points. Rounding errors grow with the magnitudes in these matrices. a^2 = 1/2, b^2 = 2 grow less than the usual
/// a = 1, b = 2 (random data, 3x3: 1.8 instead of 5.0 units in the last place of the sum of magnitudes) and make a^2
/// b^2 = 1.
///
/// Error. In exact arithmetic the result is that of the direct sum. In floats each output differs from it by at most
///
///     winograd_growth(K) (C + 32) 2^-24 * sum over the C input channels of (largest |x|) (largest |w|) of each
///
/// since the middle sum has C terms, and the transforms together have at most 32 roundings along a path. For the
/// gradient with respect to the weights C is the number of tiles, x and dy take the places of x and w, and R that of
/// K. That is the worst case: with random data errors stay below the bound of a direct sum of as many terms and 32
/// more.

#include <cstddef>
#include <cstdint>

#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

inline constexpr int kWinogradIn = 6;  ///< inputs of a tile, per dimension
inline constexpr int kWinogradPoints = kWinogradIn * kWinogradIn;
/// Outputs of a tile, per dimension, of filters of 3 or 5 taps.
constexpr int winograd_out(int taps) { return kWinogradIn + 1 - taps; }
/// The product of the magnitudes' sums along the transforms, both dimensions, for filters (or tiles of output
/// gradients) of 2 to 5 numbers per dimension.
constexpr double winograd_growth(int numbers) {
  return numbers == 2 ? 370 : numbers == 3 ? 620 : numbers == 4 ? 950 : 1400;
}

namespace detail {

inline constexpr float kPointA = 0.70710678118654752F, kPointB = 1.41421356237309505F;  // a^2 = 1/2, b^2 = 2
inline constexpr float kOverNa = -2.0F / 3.0F;  // 1 / N_a = 1 / (2 a^2 (a^2 - b^2))
inline constexpr float kOverNb = 1.0F / 6.0F;   // 1 / N_b = 1 / (2 b^2 (b^2 - a^2)); N_0 = a^2 b^2 = 1

// B^T d
template <class V>
inline void winograd_input(const V (&d)[6], V (&t)[6]) {
  const V a(kPointA), b(kPointB), half(-0.5F), two(-2.0F), sum(-2.5F);
  const V even_a = multiply_add(two, d[2], d[4]), odd_a = multiply_add(two, d[1], d[3]);
  const V even_b = multiply_add(half, d[2], d[4]), odd_b = multiply_add(half, d[1], d[3]);
  t[0] = multiply_add(sum, d[2], d[0]) + d[4];
  t[1] = multiply_add(a, odd_a, even_a);
  t[2] = multiply_add(-a, odd_a, even_a);
  t[3] = multiply_add(b, odd_b, even_b);
  t[4] = multiply_add(-b, odd_b, even_b);
  t[5] = multiply_add(sum, d[3], d[1]) + d[5];
}

// G_n g: the values at the points, over N_p, of the polynomial with coefficients g; n is 2 to 5.
template <class V, std::size_t N>
inline void winograd_values(const V (&g)[N], V (&t)[6]) {
  // Coefficients of even and of odd powers, at p^2.
  const auto at = [&](float p2, std::size_t first) {
    V sum = g[first];
    if constexpr (N > 4)
      if (first + 4 < N) return multiply_add(V(p2), multiply_add(V(p2), g[first + 4], g[first + 2]), sum);
    if (first + 2 < N) return multiply_add(V(p2), g[first + 2 < N ? first + 2 : 0], sum);
    return sum;
  };
  const V even_a = V(kOverNa) * at(0.5F, 0), odd_a = V(kOverNa * kPointA) * at(0.5F, 1);
  const V even_b = V(kOverNb) * at(2.0F, 0), odd_b = V(kOverNb * kPointB) * at(2.0F, 1);
  t[0] = g[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = g[N - 1];
}

// A_n^T m: the coefficients of a polynomial from its values; n is 2 to 5.
template <class V, std::size_t N>
inline void winograd_coefficients(const V (&m)[6], V (&y)[N]) {
  const V sum_a = m[1] + m[2], difference_a = m[1] - m[2], sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  const float power_a[5] = {1, kPointA, 0.5F, 0.5F * kPointA, 0.25F};
  const float power_b[5] = {1, kPointB, 2.0F, 2.0F * kPointB, 4.0F};
  y[0] = m[0] + sum_a + sum_b;
#pragma GCC unroll 4
  for (std::size_t j = 1; j < N; ++j) {
    const V &a = j % 2 ? difference_a : sum_a, &b = j % 2 ? difference_b : sum_b;
    const V rest = j == N - 1 ? multiply_add(V(power_b[j]), b, m[5]) : V(power_b[j]) * b;
    y[j] = multiply_add(V(power_a[j]), a, rest);
  }
}

// Applies a transform of From numbers to To numbers along both dimensions: load(i, j) gives the element of the From x
// From tile, store(i, j, v) takes that of the To x To one.
template <class V, int From, int To, class Transform, class Load, class Store>
inline void transform_tile(Transform transform, Load load, Store store) {
  V half[To][From];
#pragma GCC unroll 6
  for (int j = 0; j < From; ++j) {
    V column[From], result[To];
#pragma GCC unroll 6
    for (int i = 0; i < From; ++i) column[i] = load(i, j);
    transform(column, result);
#pragma GCC unroll 6
    for (int i = 0; i < To; ++i) half[i][j] = result[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < To; ++i) {
    V result[To];
    transform(half[i], result);
#pragma GCC unroll 6
    for (int j = 0; j < To; ++j) store(i, j, result[j]);
  }
}

}  // namespace detail
}  // namespace bitgrain::kernels
