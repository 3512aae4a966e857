#include "bitgrain/kernels/f32/conv2d_packed.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("packed weights start with the bias, filled up with zeros to whole vectors", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  const bitgrain::ConvGeometry g = conv(1, 3, 3, 2, 6, 1, 1, 0, 1, 2);
  const std::vector<T> w(static_cast<std::size_t>(g.weight_size()), T(1)), bias{1, 2, 3, 4, 5, 6};
  const kernels::ConvPlan plan = kernels::plan_forward(g);
  const kernels::PackedWeights<T, typename Case::Arch> packed(plan, kernels::forward_weight_steps(g), w.data(),
                                                              bias.data(), 2);
  for (const kernels::Panel& panel : packed.panels())
    for (std::int64_t c = 0; c < panel.vectors * kernels::kLanes<T, typename Case::Arch>; ++c)
      CHECK(packed.bias(1, panel)[c] == (c < panel.columns ? static_cast<T>(4 + panel.first + c) : T(0)));
}
