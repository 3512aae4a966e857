#include "bitgrain/kernels/f32/conv2d_stem_weights.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("the gradient of a first convolution is right for kernels that pieces fill, overlap and miss",
                   Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "pieces");
  for (std::int64_t height = 1; height <= 8; ++height)
    for (std::int64_t width = 1; width <= 12; ++width)
      for (const std::int64_t in : {1, 3})
        compare_conv<Case>({2, 9, 12, in, 18, {height, width, 1, 1, height / 2, width / 2, 1, 1}, 1}, random);
}

TEST_CASE("the gradient of a first convolution over several chunks and images is right") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  RandomStream random(2, "chunks");
  compare_conv<Case>(conv(9, 32, 32, 3, 16, 3, 1, 1), random);
  compare_conv<Case>(conv(1, 96, 130, 3, 16, 7, 2, 3), random);
  compare_conv<Case>(conv(3, 28, 28, 1, 6, 5), random);
}

TEST_CASE("pieces are chosen that fit the usual kernels without waste") {
  using Kernel = kernels::detail::StemGradientKernel<float>;
  const auto size = [](std::int64_t rows, std::int64_t length) {
    const Kernel k = Kernel::choose<kernels::DefaultArch>(rows, length);
    CHECK((k.run != nullptr));
    return std::pair{k.rows, k.length};
  };
  CHECK(size(3, 3) == std::pair<std::int64_t, std::int64_t>{3, 3});
  if (kernels::kVectorRegisters == 32) {
    CHECK(size(3, 9) == std::pair<std::int64_t, std::int64_t>{3, 9});
    CHECK(size(5, 5) == std::pair<std::int64_t, std::int64_t>{5, 5});
    CHECK(size(5, 15) == std::pair<std::int64_t, std::int64_t>{5, 5});
    CHECK(size(7, 21) == std::pair<std::int64_t, std::int64_t>{1, 21});
  }
}
