#include "bitgrain/kernels/simd.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("multiply_add rounds once on machines with a fused instruction", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  // (1 + e)(1 - e) = 1 - e^2: rounded first, the product is 1 and the sum 0.
  const T e = std::numeric_limits<T>::epsilon();
  T lanes[V::size];
  kernels::store_all(lanes, kernels::multiply_add(V(1 + e), V(1 - e), V(T(-1))));
#if defined(__FMA__) || defined(__aarch64__)
  for (const T lane : lanes) CHECK(lane == -e * e);
#else
  for (const T lane : lanes) CHECK(std::abs(lane) <= e * e);
#endif
}

TEST_CASE_TEMPLATE("partial loads and stores touch no more than they are told", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  constexpr auto kL = static_cast<std::int64_t>(V::size);
  for (std::int64_t count = 0; count <= kL; ++count) {
    Guarded<T> from(count, 1), to(count, 3);
    for (std::int64_t i = 0; i < count; ++i) from[i] = static_cast<T>(i + 1);
    const V v = kernels::load_first<V>(from.data(), count, T(-7));
    T lanes[V::size];
    kernels::store_all(lanes, v);
    for (std::int64_t i = 0; i < kL; ++i) CHECK(lanes[i] == (i < count ? static_cast<T>(i + 1) : T(-7)));
    kernels::store_first(to.data(), count, v);
    CHECK(to == from);
  }
}

TEST_CASE_TEMPLATE("horizontal sum, minimum and maximum see every lane", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  for (std::size_t marked = 0; marked < V::size; ++marked) {
    T lanes[V::size];
    for (std::size_t i = 0; i < V::size; ++i) lanes[i] = T(1);
    lanes[marked] = T(5);
    CHECK(kernels::horizontal_sum(kernels::load_all<V>(lanes)) == static_cast<T>(V::size + 4));
    CHECK(kernels::horizontal_max(kernels::load_all<V>(lanes)) == T(5));
    lanes[marked] = T(-5);
    CHECK(kernels::horizontal_min(kernels::load_all<V>(lanes)) == T(-5));
  }
}
