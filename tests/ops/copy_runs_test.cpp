#include "bitgrain/ops/copy_runs.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace bitgrain;

TEST_CASE("runs are copied between different strides, and nothing beside them is touched") {
  std::vector<int> from(4 * 10000), to(3 * 10000, -1);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<int>(i);
  detail::copy_runs<int>(10000, 2, from.data() + 1, 4, to.data(), 3);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < 10000; ++i)
    wrong += to[3 * i] != from[4 * i + 1] || to[3 * i + 1] != from[4 * i + 2] || to[3 * i + 2] != -1;
  CHECK(wrong == 0);
  detail::copy_runs<int>(10, 0, nullptr, 0, nullptr, 0);  // empty runs read nothing
}

TEST_CASE("a tensor is [outer, axis, inner]") {
  const auto e = detail::axis_extents({2, 3, 4, 5}, 1);
  CHECK(e.outer == 2);
  CHECK(e.inner == 20);
  CHECK(detail::with_extent({2, 3, 4}, 1, 7) == Shape{2, 7, 4});
}
