#include "bitgrain/kernels/f32/line_tile.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

namespace {
struct Kind {
  std::int64_t taps, step, spread;
};

// Compares a tile with the formula of its header, with inputs missing at either end.
template <class Case>
void compare_tile(const Kind& kind, int vectors, std::int64_t width, std::int64_t channels, std::int64_t columns,
                  std::int64_t begin, std::int64_t missing, bitgrain::RandomStream& random) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  const auto tile = kernels::find_line_tile<T, Arch>(vectors, kind.taps, kind.step, kind.spread, width);
  REQUIRE(tile.pixels > 0);
  const std::int64_t inputs = ((tile.pixels - 1) * kind.step + kind.taps - kind.spread) / kind.spread + 1;
  const std::int64_t lanes = vectors * kernels::kLanes<T, Arch>, end = inputs - missing;
  const std::int64_t step = channels + 2 * random.below(2), y_step = columns + 1,
                     filters = kind.taps * channels * lanes;
  Guarded<T> x((inputs + 1) * step, 1), w(2 * filters, 1), start(lanes, 1), y(tile.pixels * y_step, 1);
  for (Guarded<T>* a : {&x, &w, &start, &y}) fill_random(*a, random);
  const std::vector<kernels::TileSegment> segments{{0, filters}, {step, 0}};
  const bool with_start = random.bernoulli(0.5), accumulate = random.bernoulli(0.5);
  Guarded<T> expected(y.size());
  for (std::int64_t i = 0; i < y.size(); ++i) expected[i] = y[i];
  for (std::int64_t p = 0; p < tile.pixels; ++p)
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = (with_start ? double{start[j]} : 0.0) + (accumulate ? double{y[p * y_step + j]} : 0.0);
      for (const auto& s : segments)
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t t = i * kind.spread + kind.spread - 1 - p * kind.step;
          for (std::int64_t c = 0; t >= 0 && t < kind.taps && c < channels; ++c)
            sum += double{x[s.a + i * step + c]} * double{w[s.b + (t * channels + c) * lanes + j]};
        }
      expected[p * y_step + j] = static_cast<T>(sum);
    }
  tile.run({x.data(), step, begin, end, channels, w.data(), segments.data(), 2},
           {y.data(), y_step, columns, with_start ? start.data() : nullptr, accumulate});
  check_close(y, expected, 2.0 * 5 * 8 + 3, "line");
}
}  // namespace

TEST_CASE_TEMPLATE("a line tile equals its formula for every shape, start, width, and inputs missing at its ends",
                   Case, BITGRAIN_FLOAT_CASES) {
  bitgrain::RandomStream random(1, "line");
  for (int vectors = 1; vectors <= kernels::kLineVectors; ++vectors)
    for (const Kind& kind : {Kind{2, 1, 1}, {3, 1, 1}, {5, 1, 1}, {3, 2, 1}, {3, 1, 2}})
      for (const std::int64_t width : {7, 8, 10, 12, 14, 16, 28}) {
        if (kernels::find_line_tile<typename Case::T, typename Case::Arch>(vectors, kind.taps, kind.step, kind.spread,
                                                                           width)
                .pixels == 0)
          continue;
        const std::int64_t lanes = vectors * kernels::kLanes<typename Case::T, typename Case::Arch>;
        for (const std::int64_t columns : {std::int64_t{1}, (lanes + 1) / 2, lanes})
          for (std::int64_t begin = 0; begin <= kernels::line_reach(static_cast<int>(kind.taps)); ++begin)
            for (std::int64_t missing = 0; missing <= kernels::line_reach(static_cast<int>(kind.taps)); ++missing)
              compare_tile<Case>(kind, vectors, width, 1 + random.below(8), columns, begin, missing, random);
      }
}

TEST_CASE("lines are covered with tiles of which at most a sixth is done twice, or there is no tile") {
  for (std::int64_t width = 1; width <= 100; ++width)
    for (int vectors = 1; vectors <= kernels::kLineVectors; ++vectors) {
      const std::int64_t pixels =
          kernels::find_line_tile<float, kernels::DefaultArch>(vectors, 3, 1, 1, width).pixels;
      if (pixels == 0) continue;
      CHECK(pixels <= width);
      CHECK((width + pixels - 1) / pixels * pixels <= width + width / 5);
    }
  for (const std::int64_t width : {7, 8, 14, 16, 28, 32, 56})
    CHECK(kernels::find_line_tile<float, kernels::DefaultArch>(1, 3, 1, 1, width).pixels > 0);
  for (const std::int64_t width : {14, 16, 28, 32, 56})  // with two vectors, 7 and 8 pixels are for 32 registers
    CHECK(kernels::find_line_tile<float, kernels::DefaultArch>(2, 3, 1, 1, width).pixels > 0);
  CHECK(kernels::find_line_tile<float, kernels::DefaultArch>(1, 1, 1, 1, 16).pixels == 0);  // nothing is shared
}
