// The program of these tests is compiled with BITGRAIN_EXTERN_KERNELS and linked with one object that includes
// bitgrain/kernels/instances.hpp: kernels called here come from there.
#include <doctest/doctest.h>

#include "bitgrain/kernels/f32/gemm.hpp"
#include "kernels/conv_case.hpp"

TEST_CASE_TEMPLATE("kernels compiled in another translation unit are found and right", T, float, double) {
  using Case = FloatCase<T, bitgrain::kernels::DefaultArch>;
  bitgrain::RandomStream random(1, "instances");
  compare_conv<Case>(conv(2, 9, 8, 5, 17, 3, 1, 1), random);
  const T a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8};
  T c[4] = {};
  bitgrain::kernels::gemm(false, false, 2, 2, 2, T(1), a, 2, b, 2, T(0), c, 2);
  CHECK(c[0] == T(19));
  CHECK(c[3] == T(50));
}
