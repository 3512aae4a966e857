#include "bitgrain/kernels/f32/gradient_tile.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("a gradient tile equals its formula for every number of taps, stride and padding", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  constexpr std::int64_t kL = kernels::kLanes<T, Arch>, kRows = kernels::kGradientRows;
  bitgrain::RandomStream random(1, "gradient");
  for (std::int64_t taps = 1; taps <= kernels::kGradientTaps; ++taps)
    for (const std::int64_t stride : {1, 2, 3})
      for (std::int64_t position = -4; position <= 1; ++position)
        for (const std::int64_t pixels : {1, 2, 7})
          for (const std::int64_t positions : {1, 4, 9}) {
            // Two lines of x, of which only the numbers inside exist, and of dy.
            const std::int64_t x_tap = kL + 1, dy_step = kRows + 2, dw_tap = kL + 3, dw_row = taps * dw_tap + 1;
            Guarded<T> x(2 * positions * x_tap, 1), dy(2 * pixels * dy_step, 1), dw(kRows * dw_row, 1);
            for (Guarded<T>* a : {&x, &dy, &dw}) fill_random(*a, random);
            const std::vector<kernels::TileSegment> rows{{0, position * x_tap},
                                                         {pixels * dy_step, (positions + position) * x_tap}};
            const std::int64_t skip = random.below(3);
            const bool accumulate = random.bernoulli(0.5);
            Guarded<T> expected(dw.size());
            for (std::int64_t i = 0; i < dw.size(); ++i) expected[i] = dw[i];
            for (std::int64_t r = skip; r < kRows; ++r)
              for (std::int64_t t = 0; t < taps; ++t)
                for (std::int64_t lane = 0; lane < kL; ++lane) {
                  T& to = expected[r * dw_row + t * dw_tap + lane];
                  double sum = accumulate ? double{to} : 0.0;
                  for (std::int64_t s = 0; s < 2; ++s)
                    for (std::int64_t p = 0; p < pixels; ++p) {
                      const std::int64_t at = p * stride + position + t;
                      if (at < 0 || at >= positions) continue;
                      sum +=
                          double{dy[(s * pixels + p) * dy_step + r]} * double{x[(s * positions + at) * x_tap + lane]};
                    }
                  to = static_cast<T>(sum);
                }
            kernels::SharedPrefetch next_x(x.data(), x.size(), 2), next_dy(dy.data(), dy.size(), 2);
            kernels::run_gradient_tile<T, Arch>(taps,
                                                {dy.data(), dy_step, x.data(), stride * x_tap, x_tap, rows.data(), 2,
                                                 pixels, position, stride, positions, &next_x, &next_dy},
                                                {dw.data(), dw_row, dw_tap, skip, accumulate});
            check_close(dw, expected, 2.0 * 7 + 2, "gradient");
          }
}
