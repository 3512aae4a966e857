#include "bitgrain/kernels/f32/winograd_product.hpp"

#include <doctest/doctest.h>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

namespace {
template <class Arch, bool kContiguous>
void compare(std::int64_t rows, std::int64_t steps, std::int64_t vectors) {
  constexpr std::int64_t kL = kernels::kLanes<float, Arch>;
  bitgrain::RandomStream random(3, "product");
  const std::int64_t a_row = kContiguous ? 1 : steps + 3, a_step = kContiguous ? rows + 2 : 1;
  const std::int64_t columns = vectors * kL, c_row = columns + 5;
  Guarded<float> a((rows - 1) * a_row + (steps - 1) * a_step + 1, 1), b(vectors * steps * kL, 1);
  Guarded<float> c((rows - 1) * c_row + columns, 3), expected(c.size());
  for (Guarded<float>* v : {&a, &b, &c}) fill_random(*v, random);
  for (std::int64_t i = 0; i < c.size(); ++i) expected[i] = c[i];
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < steps; ++k)
        sum += double{a[r * a_row + k * a_step]} * double{b[j / kL * steps * kL + k * kL + j % kL]};
      expected[r * c_row + j] = static_cast<float>(sum);
    }
  kernels::winograd_product<Arch, kContiguous>(
      rows, vectors, {steps, a.data(), a_row, a_step, b.data(), steps * kL, kL, c.data(), c_row});
  check_close(c, expected, static_cast<double>(steps) + 1,
              bitgrain::detail::concat(rows, " rows, ", steps, " steps, ", vectors, " vectors"));
}
}  // namespace

TEST_CASE("products of every height equal their reference, rows apart or neighbours") {
  for (std::int64_t rows = 1; rows <= 3 * kernels::kWinogradRows + 1; ++rows)
    for (const std::int64_t steps : {1, 2, 17})
      for (const std::int64_t vectors : {1, 2, 3}) {
        compare<kernels::DefaultArch, false>(rows, steps, vectors);
        compare<kernels::DefaultArch, true>(rows, steps, vectors);
        compare<kernels::ScalarArch, false>(rows, steps, vectors);
        compare<kernels::ScalarArch, true>(rows, steps, vectors);
      }
}
