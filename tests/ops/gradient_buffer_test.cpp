#include "bitgrain/ops/gradient_buffer.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

TEST_CASE("a gradient that nobody else holds is reused, a shared one is not") {
  const Tensor<double> alone({3}, 1.0);
  CHECK(detail::gradient_buffer(alone).data() == alone.data());
  const Tensor<double> shared({3}, 1.0);
  const Tensor<double> holder = shared.reshape({1, 3});
  const auto fresh = detail::gradient_buffer(shared);
  CHECK(fresh.data() != shared.data());
  CHECK(fresh.shape() == shared.shape());
}
