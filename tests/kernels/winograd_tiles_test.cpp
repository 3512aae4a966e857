#include "bitgrain/kernels/f32/winograd_tiles.hpp"

#include <doctest/doctest.h>

#include <set>
#include <tuple>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;
using kernels::WinogradTiles;

TEST_CASE("any range of tiles is visited once, in order, in segments that stay in a row") {
  for (const std::int64_t size : {2, 4})
    for (const auto& [h, w] : {std::pair{1, 1}, std::pair{4, 4}, std::pair{5, 9}, std::pair{13, 70}}) {
      const WinogradTiles tiles(3, h, w, size);
      CHECK(tiles.count() == 3 * ((h + size - 1) / size) * ((w + size - 1) / size));
      for (std::int64_t begin = 0; begin <= tiles.count(); begin += 5) {
        const std::int64_t end = std::min(tiles.count(), begin + 23);
        std::int64_t next = 0;
        tiles.for_each_segment(
            begin, end, [&](std::int64_t k, std::int64_t count, std::int64_t image, std::int64_t y, std::int64_t x) {
              CHECK(k == next);
              CHECK((count >= 1 && count <= WinogradTiles::kSegment));
              CHECK(x / size + count <= tiles.columns);
              CHECK((image * tiles.rows + y / size) * tiles.columns + x / size == begin + k);
              next += count;
            });
        CHECK(next == end - begin);
      }
    }
}

TEST_CASE("the rows of a block's matrices do not overlap and hold whole vectors") {
  constexpr std::int64_t kL = kernels::kLanes<float>;
  for (const std::int64_t channels : {std::int64_t{1}, kL - 1, kL, kL + 1, 3 * kL}) {
    kernels::WinogradMatrices<kernels::DefaultArch> matrices(5, channels);
    CHECK(matrices.row() % kL == 0);
    CHECK(matrices.row() >= channels);
    CHECK(matrices.vectors() * kL == matrices.row());
    for (int point = 0; point < kernels::kWinogradPoints; ++point)
      for (std::int64_t tile = 0; tile < 5; ++tile)
        CHECK(matrices.at(point, tile) - matrices.at(0, 0) == point * matrices.matrix() + tile * matrices.row());
    CHECK(matrices.matrix() >= 5 * matrices.row());
  }
}
