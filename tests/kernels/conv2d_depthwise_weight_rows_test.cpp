#include "bitgrain/kernels/f32/conv2d_depthwise_weight_rows.hpp"

#include <doctest/doctest.h>

#include "bitgrain/kernels/f32/conv2d_depthwise_weights.hpp"
#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("a 3 x 3 depthwise gradient adds up what its rows give, one at a time or together", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  RandomStream random(1, "rows of dy");
  for (std::int64_t height = 1; height <= 9; ++height)
    for (const std::int64_t channels : {1, 15, 16, 17, 33}) {
      const bitgrain::ConvGeometry g = conv(1, height, 8, channels, channels, 3, 1, 1, 1, channels);
      const kernels::ConvPlan plan = kernels::plan_forward(g);
      Guarded<T> x(g.input_size(), 1), dy(g.output_size(), 3), together(9 * channels, 1), alone(9 * channels, 1);
      fill_random(x, random);
      fill_random(dy, random);
      for (Guarded<T>* dw : {&together, &alone}) std::fill_n(dw->data(), dw->size(), T(0.5));
      kernels::detail::run_depthwise_gradient_rows<T, A>(plan, x.data(), dy.data(), 0, height, together.data());
      for (std::int64_t row = 0; row < height; ++row)
        kernels::detail::run_depthwise_gradient_rows<T, A>(plan, x.data(), dy.data(), row, row + 1, alone.data());
      check_close(together, alone, static_cast<double>(8 * height + 2), "rows together and alone");
    }
}

TEST_CASE("a depthwise gradient of few pixels and many channels is one chunk, of many pixels several") {
  RandomStream random(2, "chunks");
  using Case = FloatCase<float, kernels::DefaultArch>;
  compare_conv<Case>(conv(2, 7, 7, 200, 200, 3, 1, 1, 1, 200), random);
  compare_conv<Case>(conv(3, 29, 31, 20, 20, 3, 1, 1, 1, 20), random);
}
