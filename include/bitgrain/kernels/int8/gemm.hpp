#pragma once

/// Products of matrices of bytes into int32, exact: C [M,N] = A [M,K] op(B), A unsigned or signed, B signed and
/// packed once. Each row of A is a 1x1 image of K channels, so the kernels are those of the convolutions.

#include <cstdint>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/int8/conv2d_s8s8.hpp"
#include "bitgrain/kernels/int8/conv2d_sums.hpp"

namespace bitgrain::kernels {

/// B, packed for rows of one signedness.
struct PackedGemm {
  PackedConv2d conv;
  bool signed_rows = false;

  std::int64_t k() const { return conv.geometry.in_channels; }
  std::int64_t n() const { return conv.geometry.out_channels; }
};

/// Packs B: b [K,N], or b [N,K] if `trans_b`, rows `ldb` apart. Throws Error if a sum might not fit int32:
/// 255 * 128 * 65793 < 2^31.
inline PackedGemm pack_gemm(bool signed_rows, bool trans_b, std::int64_t n, std::int64_t k, const std::int8_t* b,
                            std::int64_t ldb) {
  BITGRAIN_CHECK(n >= 1 && k >= 1 && k <= 65793 && ldb >= (trans_b ? k : n),
                 "int8 matrix product: expected n >= 1, k from 1 to 65793 and rows that do not overlap, got n ", n,
                 ", k ", k, ", rows ", ldb, " apart");
  std::vector<std::int8_t> columns(static_cast<std::size_t>(n * k));  // [N][K]
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t p = 0; p < k; ++p)
      columns[static_cast<std::size_t>(j * k + p)] = trans_b ? b[j * ldb + p] : b[p * ldb + j];
  const ConvGeometry geometry{1, 1, 1, k, n, Window2d{}, 1};
  return {signed_rows ? pack_conv2d_s8s8(geometry, columns.data()) : pack_conv2d(geometry, columns.data(), 0, 0),
          signed_rows};
}

/// C [M,N] = A [M,K] op(B) for unsigned rows, in parallel.
template <class Dot = BestDot>
void gemm_u8s8(std::int64_t m, const std::uint8_t* a, const PackedGemm& b, std::int32_t* c) {
  BITGRAIN_CHECK(!b.signed_rows, "gemm_u8s8: B is packed for signed rows");
  parallel_for(m, images_of_chunk(b.conv.geometry), [&](std::int64_t begin, std::int64_t end) {
    conv2d_u8s8_sums<Dot>(b.conv, end - begin, a + begin * b.k(), c + begin * b.n());
  });
}

/// C [M,N] = A [M,K] op(B) for signed rows, in parallel.
template <class Dot = BestDot>
void gemm_s8s8(std::int64_t m, const std::int8_t* a, const PackedGemm& b, std::int32_t* c) {
  BITGRAIN_CHECK(b.signed_rows, "gemm_s8s8: B is packed for unsigned rows");
  conv2d_s8s8<Dot>(b.conv, m, a, c);
}

}  // namespace bitgrain::kernels
