#pragma once

/// The transforms of Winograd's convolution F(4x4, 3x3), after Lavin and Gray, "Fast algorithms for convolutional
/// neural networks" (CVPR 2016).
///
/// A tile of 4 x 4 outputs of a 3 x 3 convolution reads 6 x 6 inputs and takes 144 multiplications per channel pair.
/// In one dimension the outputs are coefficients of a product of polynomials, which six values determine: those at
/// 0, a, -a, b, -b, and the leading coefficient. So in two dimensions, with (.) the elementwise product,
///
///     y = A^T [(G w G^T) (.) (B^T x B)] A                      36 multiplications, summed over channels in the
///     middle
///
/// The gradient with respect to the weights is the correlation of 6 x 6 inputs with 4 x 4 output gradients, whose 3 x
/// 3 results are determined by the same six values, with the same B:
///
///     dw = A3^T [(G4 dy G4^T) (.) (B^T x B)] A3
///
/// For the polynomial L_p = product over the other finite points q of (x - q), with N_p = L_p(p):
///
///     row p of B^T: the coefficients of L_p               last row: those of the product over all finite points
///     row p of G:   1, p, p^2 (G4: to p^3), over N_p      last row: 0 0 1 (G4: 0 0 0 1)
///     row j of A^T: p^j for each p                        last column: 1 in the last row
///
/// Points. Rounding errors grow with the magnitudes in these matrices. a^2 = 1/2, b^2 = 2 grow less than the usual
/// a = 1, b = 2 (random data: 1.8 instead of 5.0 units in the last place of the sum of magnitudes) and make a^2 b^2
/// = 1.
///
/// Error. In exact arithmetic the result is that of the direct sum. In floats each output differs from it by at most
///
///     kWinogradGrowth (C + 32) 2^-24 * sum over the C input channels of (largest |x|) (largest |w|) of each
///
/// since the sums of magnitudes along A^T, G and B^T multiply up to 24.9 per dimension, the middle sum has C terms,
/// and the transforms together have at most 32 roundings along a path. For the gradient with respect to the weights C
/// is the number of tiles, and x and dy take the places of x and w. That is the worst case: with random data errors
/// stay below the bound of a direct sum of as many terms and 32 more.

#include <cstdint>

#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

inline constexpr int kWinogradOut = 4;  ///< outputs of a tile, per dimension
inline constexpr int kWinogradIn = 6;   ///< inputs of a tile, per dimension
inline constexpr int kWinogradPoints = kWinogradIn * kWinogradIn;
/// The product of the magnitudes' sums along the transforms, both dimensions.
inline constexpr double kWinogradGrowth = 620;

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

// G g
template <class V>
inline void winograd_filter(const V (&g)[3], V (&t)[6]) {
  const V even_a = V(kOverNa) * multiply_add(V(0.5F), g[2], g[0]), odd_a = V(kOverNa * kPointA) * g[1];
  const V even_b = V(kOverNb) * multiply_add(V(2.0F), g[2], g[0]), odd_b = V(kOverNb * kPointB) * g[1];
  t[0] = g[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = g[2];
}

// G4 g
template <class V>
inline void winograd_gradient(const V (&g)[4], V (&t)[6]) {
  const V even_a = V(kOverNa) * multiply_add(V(0.5F), g[2], g[0]);
  const V odd_a = V(kOverNa * kPointA) * multiply_add(V(0.5F), g[3], g[1]);
  const V even_b = V(kOverNb) * multiply_add(V(2.0F), g[2], g[0]);
  const V odd_b = V(kOverNb * kPointB) * multiply_add(V(2.0F), g[3], g[1]);
  t[0] = g[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = g[3];
}

// A^T m
template <class V>
inline void winograd_output(const V (&m)[6], V (&y)[4]) {
  const V sum_a = m[1] + m[2], difference_a = m[1] - m[2], sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = multiply_add(V(kPointA), difference_a, V(kPointB) * difference_b);
  y[2] = multiply_add(V(0.5F), sum_a, V(2.0F) * sum_b);
  y[3] = multiply_add(V(0.5F * kPointA), difference_a, multiply_add(V(2.0F * kPointB), difference_b, m[5]));
}

// A3^T m
template <class V>
inline void winograd_weights(const V (&m)[6], V (&y)[3]) {
  const V sum_a = m[1] + m[2], sum_b = m[3] + m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = multiply_add(V(kPointA), m[1] - m[2], V(kPointB) * (m[3] - m[4]));
  y[2] = multiply_add(V(0.5F), sum_a, multiply_add(V(2.0F), sum_b, m[5]));
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
