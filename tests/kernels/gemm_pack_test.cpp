// Protects the packed formats: every number in its place, zeros in the filling, nothing written beyond.
#include "bitgrain/kernels/f32/gemm_pack.hpp"

#include <doctest/doctest.h>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

namespace {
// What a packed matrix should hold: matrix(k, i) at k * width + i, zeros from `count` on.
template <class T, class Matrix>
std::int64_t misplaced(const Guarded<T>& packed, std::int64_t depth, std::int64_t count, std::int64_t width,
                       Matrix matrix) {
  std::int64_t wrong = 0;
  for (std::int64_t k = 0; k < depth; ++k)
    for (std::int64_t i = 0; i < width; ++i) wrong += packed[k * width + i] != (i < count ? matrix(k, i) : T(0));
  return wrong;
}
}  // namespace

TEST_CASE_TEMPLATE("packing with and against the grain gives the same format", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  bitgrain::RandomStream random(1, "gemm_pack");
  for (const std::int64_t depth : {1, 3, 8, 15, 16, 17, 40})
    for (const std::int64_t width : {2, 6, 14, 16, 32})
      for (const std::int64_t count : {std::int64_t{1}, width / 2, width}) {
        CAPTURE(depth);
        CAPTURE(width);
        CAPTURE(count);
        Guarded<T> with(depth * (count + 3), 1), against(count * (depth + 3), 1), packed(depth * width, 1);
        fill_random(with, random);
        fill_random(against, random);
        kernels::pack_with_grain<T, Arch>(depth, count, with.data(), count + 3, width, packed.data());
        CHECK(misplaced(packed, depth, count, width, [&](auto k, auto i) { return with[k * (count + 3) + i]; }) == 0);
        kernels::pack_against_grain<T, Arch>(depth, count, against.data(), depth + 3, width, packed.data());
        CHECK(misplaced(packed, depth, count, width, [&](auto k, auto i) { return against[i * (depth + 3) + k]; }) ==
              0);
      }
}

TEST_CASE_TEMPLATE("panels stand one behind the other, the last one as wide as its vectors", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  constexpr std::int64_t kL = kernels::kLanes<T, Arch>;
  bitgrain::RandomStream random(2, "gemm_pack");
  for (std::int64_t columns = 1; columns <= 5 * kL + 1; ++columns)
    for (const std::int64_t depth : {1, 7}) {
      const std::int64_t step = columns + 2, filled = (columns + kL - 1) / kL * kL;
      Guarded<T> matrix(depth * step, 1), packed(depth * filled, 1);
      fill_random(matrix, random);
      kernels::pack_panels<T, Arch>(depth, columns, matrix.data(), step, packed.data());
      std::int64_t wrong = 0;
      for (std::int64_t j = 0; j < filled; ++j)
        for (std::int64_t k = 0; k < depth; ++k) {
          const std::int64_t panel = j / (2 * kL) * 2 * kL, width = std::min(filled - panel, 2 * kL);
          const T got = packed[panel * depth + k * width + j - panel];
          wrong += got != (j < columns ? matrix[k * step + j] : T(0));
        }
      CHECK(wrong == 0);
    }
}
