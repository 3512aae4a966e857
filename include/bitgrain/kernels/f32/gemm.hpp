#pragma once

/// Matrix products: how the work is cut. The loops are in gemm_block.hpp, the register tile in gemm_tile.hpp.
///
///     few rows or columns, rows    dot products, for which nothing is packed or filled up      gemm_dots.hpp
///     along the sums
///     1 to 4 rows or columns       sums of scaled rows, in one pass over the long matrix       gemm_sums.hpp
///     sums of 1 to 4 terms         the same, written front to back
///     8 columns, short sums        rows of C in half a vector each                             gemm_narrow.hpp
///     few multiply-adds            one block, on the thread that asks
///     small C, long sums           chunks of the sums, each with a C of its own, added in order
///     C wider than high, square    blocks of columns: each packs its B, A is packed once for all
///     C higher than wide, short    blocks of rows: each packs its A, B is packed once for all; C is written front to
///     sums                         back
///
/// Small operands are not packed but read in place. All of this depends on the sizes alone, and in every case the
/// sums run over the inner dimension in the same order, so results do not depend on the number of threads.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/gemm_block.hpp"
#include "bitgrain/kernels/f32/gemm_dots.hpp"
#include "bitgrain/kernels/f32/gemm_narrow.hpp"
#include "bitgrain/kernels/f32/gemm_problem.hpp"
#include "bitgrain/kernels/f32/gemm_sums.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

inline constexpr std::int64_t kGemmOneThread = 1 << 20;  // multiply-adds that one thread does sooner than two
inline constexpr std::int64_t kGemmShared = 1 << 19;     // numbers packed for all at a time

// Packing costs about 0.3 cycles a number, a multiply-add with a full tile a 32nd of a cycle. So an operand is packed
// if it is used often; or if it is scattered over more lines or pages than its tile's loads can wait for.
template <class T>
GemmOperand place_of_a(const GemmProblem<T>& p) {
  const bool in_place = p.n <= 256 || (p.a_row == 1 && p.m <= 128);
  return in_place ? GemmOperand::in_place : GemmOperand::packed_by_block;
}
template <class T, class Arch>
GemmOperand place_of_b(const GemmProblem<T>& p) {
  const bool full_vectors = kGemmMasksColumns<T, Arch> || p.n % kLanes<T, Arch> == 0;
  const bool in_place = p.b_column == 1 && full_vectors && (p.m <= 128 || p.k * p.n <= (1 << 16));
  return in_place ? GemmOperand::in_place : GemmOperand::packed_by_block;
}

// How many chunks the sums are cut into: more than one if they are long and C is small.
inline std::int64_t gemm_chunks(std::int64_t m, std::int64_t n, std::int64_t k) {
  if (m * n > (1 << 16) || k < 4096) return 1;
  return std::clamp<std::int64_t>(k / 1024, 1, 8);
}

// C = beta C + the Cs of all chunks, in order.
template <class T, class Arch>
void gemm_by_terms(const GemmProblem<T>& p, std::int64_t chunks) {
  Scratch<T> parts(static_cast<std::size_t>(chunks * p.m * p.n));
  parallel_for(chunks, 1, [&](std::int64_t chunk, std::int64_t last) {
    for (; chunk < last; ++chunk) {
      GemmProblem<T> part = p;
      part.c = parts.data() + chunk * p.m * p.n;
      part.ldc = p.n;
      const GemmBlocks<T, Arch> blocks(part, place_of_a(p), place_of_b<T, Arch>(p));
      blocks.multiply(blocks.all_tiles(), blocks.all_panels(), {chunk * p.k / chunks, (chunk + 1) * p.k / chunks},
                      T(0));
    }
  });
  parallel_for(p.m, std::max<std::int64_t>(1, 8192 / p.n), [&](std::int64_t i, std::int64_t end) {
    for (; i < end; ++i) {
      T* c = p.c + i * p.ldc;
      if (p.beta == T(0))
        for (std::int64_t j = 0; j < p.n; ++j) c[j] = parts[static_cast<std::size_t>(i * p.n + j)];
      else
        for (std::int64_t j = 0; j < p.n; ++j) c[j] = p.beta * c[j] + parts[static_cast<std::size_t>(i * p.n + j)];
      for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
        const T* part = parts.data() + (chunk * p.m + i) * p.n;
        for (std::int64_t j = 0; j < p.n; ++j) c[j] += part[j];
      }
    }
  });
}

// Blocks of columns, each packing its B; A is packed once for all.
template <class T, class Arch>
void gemm_by_columns(const GemmProblem<T>& p, GemmOperand a, GemmOperand b) {
  if (a == GemmOperand::packed_by_block) a = GemmOperand::packed_for_all;
  const bool share = a == GemmOperand::packed_for_all;
  const GemmBlocks<T, Arch> blocks(p, a, b);
  const GemmRange tiles = blocks.all_tiles();
  const std::int64_t width = share ? blocks.packed_rows(tiles) : 0;
  const std::int64_t slab = share ? std::min(p.k, std::max(kGemmShared / width, kGemmDepth)) : p.k;
  Scratch<T> packed(static_cast<std::size_t>(width * slab));
  const std::int64_t unit = std::clamp<std::int64_t>(blocks.panels() / 4, 1, 8);
  for (std::int64_t first = 0; first < p.k; first += slab) {
    const GemmRange terms{first, std::min(p.k, first + slab)};
    if (share)
      parallel_for(tiles.size(), std::max<std::int64_t>(1, (1 << 12) / terms.size()),
                   [&](std::int64_t begin, std::int64_t end) {
                     blocks.pack_a(tiles, {begin, end}, terms, packed.data());
                   });
    parallel_for(blocks.panels(), unit, [&](std::int64_t begin, std::int64_t end) {
      blocks.multiply(tiles, {begin, end}, terms, first == 0 ? p.beta : T(1), {packed.data(), tiles});
    });
  }
}

// Blocks of rows, each packing its A; B is packed once for all, a slab at a time.
template <class T, class Arch>
void gemm_by_rows(const GemmProblem<T>& p, GemmOperand a, GemmOperand b) {
  if (b == GemmOperand::packed_by_block) b = GemmOperand::packed_for_all;
  const bool share = b == GemmOperand::packed_for_all;
  const GemmBlocks<T, Arch> blocks(p, a, b);
  constexpr std::int64_t kWidth = GemmBlocks<T, Arch>::kWidth;
  const std::int64_t depth = share ? std::min(kGemmDepth, p.k) : p.k;
  const std::int64_t width = share ? std::max<std::int64_t>(kGemmShared / 2 / depth / kWidth, 8) : blocks.panels();
  Scratch<T> packed(static_cast<std::size_t>(share ? depth * std::min(width, blocks.panels()) * kWidth : 0));
  const std::int64_t unit = std::clamp<std::int64_t>(blocks.tiles() / 8, 1, 4);
  for (std::int64_t left = 0; left < blocks.panels(); left += width) {
    const GemmRange panels{left, std::min(left + width, blocks.panels())};
    for (std::int64_t first = 0; first < p.k; first += depth) {
      const GemmRange terms{first, std::min(p.k, first + depth)};
      if (share)
        parallel_for(panels.size(), 8, [&](std::int64_t begin, std::int64_t end) {
          blocks.pack_b(panels, {left + begin, left + end}, terms, packed.data());
        });
      parallel_for(blocks.tiles(), unit, [&](std::int64_t begin, std::int64_t end) {
        blocks.multiply({begin, end}, panels, terms, first == 0 ? p.beta : T(1), {packed.data(), panels});
      });
    }
  }
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
  if (k <= 0) {
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) c[i * ldc + j] = beta == T(0) ? T(0) : beta * c[i * ldc + j];
    return;
  }
  const GemmProblem<T> problem{
      m, n, k, a, trans_a ? 1 : lda, trans_a ? lda : 1, b, trans_b ? 1 : ldb, trans_b ? ldb : 1, alpha, beta, c, ldc};
  const std::int64_t thin = std::min(m, n);
  if (gemm_long_along_terms(problem) && (thin == 1 || gemm_dots_pay<T, Arch>(problem)))
    return gemm_dots<T, Arch>(problem);
  if (thin == 1 || (thin <= kGemmSumRows && k >= 64 && !gemm_long_along_terms(problem)) ||
      (k <= kGemmSumTerms && n >= 64))
    return gemm_sums<T, Arch>(problem);
  if (is_narrow<T, Arch>(problem)) return gemm_narrow<T, Arch>(problem);
  const std::int64_t chunks = detail::gemm_chunks(m, n, k);
  if (chunks > 1) return detail::gemm_by_terms<T, Arch>(problem, chunks);
  const GemmOperand left = detail::place_of_a(problem), right = detail::place_of_b<T, Arch>(problem);
  if (m * n * k <= detail::kGemmOneThread) {
    const GemmBlocks<T, Arch> blocks(problem, left, right);
    blocks.multiply(blocks.all_tiles(), blocks.all_panels(), {0, k}, beta);
  } else if (m <= 2 * n && k > 32) {
    detail::gemm_by_columns<T, Arch>(problem, left, right);
  } else {
    detail::gemm_by_rows<T, Arch>(problem, left, right);
  }
}

/// The instance of one element type and architecture (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_GEMM_INSTANCES(linkage, T, Arch)                                                        \
  linkage template void gemm<T, Arch>(bool, bool, std::int64_t, std::int64_t, std::int64_t, T, const T*, \
                                      std::int64_t, const T*, std::int64_t, T, T*, std::int64_t);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_GEMM_INSTANCES(extern, float, DefaultArch)
BITGRAIN_GEMM_INSTANCES(extern, double, DefaultArch)
#endif

}  // namespace bitgrain::kernels
