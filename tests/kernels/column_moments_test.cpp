#include "bitgrain/kernels/f32/column_moments.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "kernels/float_case.hpp"

namespace {
// Moments of x [rows, channels] about a large offset, gathered in blocks of `block` rows in chunks of 3 blocks.
template <class T, class Arch>
void check_moments(std::int64_t rows, std::int64_t channels, std::int64_t block, std::int64_t probe, double offset) {
  using V = bitgrain::kernels::Vec<T, Arch>;
  Guarded<T> x(rows * channels, 1);
  bitgrain::RandomStream random(1, "moments");
  fill_random(x, random, offset - 1, offset + 1);
  const std::int64_t blocks = (rows + block - 1) / block;
  bitgrain::kernels::ChunkedMoments moments((blocks + 2) / 3, channels);
  std::vector<T> center(static_cast<std::size_t>(channels)), mean(center.size()), var(center.size());
  for (std::int64_t b = 0; b < blocks; ++b) {
    const T* from = x.data() + b * block * channels;
    moments.add<T, Arch>(
        b / 3, center.data(), std::min(block, rows - b * block), probe, [=](std::int64_t c, auto count) {
          return [=](std::int64_t r) { return bitgrain::kernels::load_lanes<V>(from + r * channels + c, count); };
        });
  }
  moments.finish(mean.data(), var.data());
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum += double{x[r * channels + c]};
    const double m = sum / static_cast<double>(rows);
    for (std::int64_t r = 0; r < rows; ++r)
      squares += (double{x[r * channels + c]} - m) * (double{x[r * channels + c]} - m);
    const double epsilon = double{std::numeric_limits<T>::epsilon()};
    const auto at = static_cast<std::size_t>(c);
    CHECK(std::abs(double{mean[at]} - m) <= 2 * epsilon * (std::abs(offset) + 1));
    CHECK(std::abs(double{var[at]} - squares / static_cast<double>(rows)) <= 128 * epsilon);
  }
}
}  // namespace

TEST_CASE_TEMPLATE("moments of blocks joined over chunks are those of all rows, far from 0 and with short probes too",
                   Case, BITGRAIN_FLOAT_CASES) {
  for (const std::int64_t channels : {1, 5, 16, 33})
    for (const std::int64_t rows : {1, 7, 100, 1000})
      for (const std::int64_t probe : {1, 32})
        for (const double offset : {0.0, 1000.0})
          check_moments<typename Case::T, typename Case::Arch>(rows, channels, 40, probe, offset);
}
