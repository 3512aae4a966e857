#pragma once

/// Matrix products with the register tile (tile.hpp).
///
/// op(A) is read where it stands, transposed or not: a tile's rows may be anywhere. op(B) is packed into panels of
/// columns, a block of the inner dimension at a time, so that a panel (512 x 48 floats, 96 KB) stays in the
/// second-level cache while all rows of A pass by. Few rows of A would not pay for packing: then B is read in place
/// if it can be.
///
/// Work is cut into row blocks x panels. A product of two long thin matrices (dW = X^T dY) has too few of them; its
/// inner dimension is cut into chunks instead, each with a C of its own, added in order. All of this depends on the
/// sizes alone, so results do not depend on threads.

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/pack.hpp"
#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

inline constexpr std::int64_t kGemmInner = 512;   // inner dimension of a block
inline constexpr std::int64_t kGemmRows = 96;     // rows of a unit of work, a multiple of every tile_rows()
inline constexpr std::int64_t kGemmInPlace = 32;  // up to so many rows of A, B is not packed if it need not be

template <class T>
struct GemmOperands {
  std::int64_t m, n;
  const T* a;
  std::int64_t a_row, a_step;  // A of row i, inner index p is a[i * a_row + p * a_step]
  T alpha;
  const T* b;
  std::int64_t b_step, b_column;  // B of inner index p, column j is b[p * b_step + j * b_column]
};

// C (+)= alpha A[:, begin:end] B[begin:end, :], packing B block by block.
template <class T, class Arch>
void gemm_range(const GemmOperands<T>& g, std::int64_t begin, std::int64_t end, T* c, std::int64_t ldc,
                bool accumulate) {
  constexpr std::int64_t kL = kLanes<T, Arch>;
  const Panels<T, Arch> panels(g.n);
  std::vector<Panel> list;
  panels.for_each([&](const Panel& panel) { list.push_back(panel); });
  const auto panel_count = static_cast<std::int64_t>(list.size());
  const std::int64_t row_blocks = (g.m + kGemmRows - 1) / kGemmRows;
  const bool in_place = g.m <= kGemmInPlace && g.b_column == 1 && g.n % kL == 0 && g.alpha == T(1);
  const std::int64_t blocks = (end - begin + kGemmInner - 1) / kGemmInner;
  const std::int64_t inner = (end - begin + blocks - 1) / blocks;
  Scratch<T> packed(static_cast<std::size_t>(in_place ? 0 : inner * panels.width()));

  for (std::int64_t first = begin; first < end; first += inner, accumulate = true) {
    const std::int64_t depth = std::min(inner, end - first);
    if (!in_place)
      parallel_for(panel_count, std::max<std::int64_t>(1, (1 << 14) / (depth * kL)),
                   [&](std::int64_t i, std::int64_t last) {
                     for (; i < last; ++i) {
                       const Panel& panel = list[static_cast<std::size_t>(i)];
                       pack_panel(depth, panel.columns, g.alpha, g.b + first * g.b_step + panel.first * g.b_column,
                                  g.b_step, g.b_column, panel.vectors * kL, packed.data() + depth * panel.first);
                     }
                   });
    const TileSegment whole{0, 0};
    const std::int64_t unit_macs = std::min(g.m, kGemmRows) * depth * std::min(g.n, kTileVectors * kL);
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 18) / unit_macs);
    parallel_for(row_blocks * panel_count, grain, [&](std::int64_t i, std::int64_t last) {
      std::array<std::int64_t, kMaxTileRows> from{}, to{};
      for (; i < last; ++i) {
        const Panel& panel = list[static_cast<std::size_t>(i % panel_count)];
        const std::int64_t bottom = std::min(g.m, (i / panel_count + 1) * kGemmRows);
        const std::int64_t tile = tile_rows(panel.vectors);
        const T* b = in_place ? g.b + first * g.b_step + panel.first : packed.data() + depth * panel.first;
        for (std::int64_t row = i / panel_count * kGemmRows; row < bottom; row += tile) {
          const std::int64_t count = std::min(tile, bottom - row);
          for (std::int64_t p = 0; p < tile; ++p) {
            from[static_cast<std::size_t>(p)] = (row + std::min(p, count - 1)) * g.a_row;
            to[static_cast<std::size_t>(p)] = (row + std::min(p, count - 1)) * ldc + panel.first;
          }
          multiply_tile<T, Arch>(panel.vectors,
                                 {g.a + first * g.a_step, from.data(), g.a_step, b,
                                  in_place ? g.b_step : panel.vectors * kL, &whole, 1, depth},
                                 {c, to.data(), count, panel.columns, nullptr, accumulate});
        }
      }
    });
  }
}

// How many chunks the inner dimension is cut into: more than one if there is much of it but little of C.
inline std::int64_t gemm_chunks(std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t units = ((m + kGemmRows - 1) / kGemmRows) * ((n + 47) / 48);
  if (units >= 16) return 1;
  return std::clamp<std::int64_t>(std::min(k / (4 * kGemmInner), 16 / units), 1, 16);
}

}  // namespace detail

/// C = alpha op(A) op(B) + beta C, all matrices row-major with rows `lda`, `ldb`, `ldc` elements apart.
/// op(A) is [m,k]: A itself, or its transpose (A is stored [k,m]) if `trans_a`; op(B) is [k,n], stored [n,k] if
/// `trans_b`. With beta = 0, C is only written, so it may hold anything.
template <class T, class Arch = DefaultArch>
void gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, std::type_identity_t<T> alpha,
          const T* a, std::int64_t lda, const T* b, std::int64_t ldb, std::type_identity_t<T> beta, T* c,
          std::int64_t ldc) {
  if (m <= 0 || n <= 0) return;
  if constexpr (kFromKernelSet<T, Arch>)
    return kernel_set().gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  const std::int64_t chunks = detail::gemm_chunks(m, n, k);
  const bool overwritten = beta == T(0) && chunks == 1 && k > 0;  // by the first block
  if (beta != T(1) && !overwritten)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) c[i * ldc + j] = beta == T(0) ? T(0) : beta * c[i * ldc + j];
  if (k <= 0) return;
  const detail::GemmOperands<T> operands{
      m, n, a, trans_a ? 1 : lda, trans_a ? lda : 1, alpha, b, trans_b ? 1 : ldb, trans_b ? ldb : 1};
  if (chunks == 1) return detail::gemm_range<T, Arch>(operands, 0, k, c, ldc, beta != T(0));

  Scratch<T> parts(static_cast<std::size_t>(chunks * m * n));
  parallel_for(chunks, 1, [&](std::int64_t chunk, std::int64_t last) {
    for (; chunk < last; ++chunk)
      detail::gemm_range<T, Arch>(operands, chunk * k / chunks, (chunk + 1) * k / chunks,
                                  parts.data() + chunk * m * n, n, false);
  });
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) c[i * ldc + j] += parts[static_cast<std::size_t>((chunk * m + i) * n + j)];
}

}  // namespace bitgrain::kernels
