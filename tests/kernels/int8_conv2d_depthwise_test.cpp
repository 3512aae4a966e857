#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"

TEST_CASE("depthwise codes are those of the oracle's sums: kernels, strides, padding, dilation, any 32 channels") {
  namespace kernels = bitgrain::kernels;
  using bitgrain::Window2d;
  bitgrain::RandomStream random(1, "depthwise");
  for (const std::int64_t channels : {5, 32, 33, 64, 95})
    for (const Window2d& window : {Window2d::square(3, 1, 1), Window2d::square(3, 2, 1), Window2d::square(3, 1, 2, 2),
                                   Window2d::square(5, 1, 2), Window2d::square(7, 2, 3), Window2d::square(1),
                                   Window2d{2, 4, 1, 1, 1, 2, 1, 1}, Window2d::square(17, 1, 9)})
      for (const std::int64_t multiple : {1, 2}) {
        const bitgrain::ConvGeometry g{2, 9, 8, channels, channels * multiple, window, channels};
        if (g.out_h() < 1 || g.out_w() < 1) continue;
        std::vector<std::uint8_t> x(static_cast<std::size_t>(g.input_size()));
        std::vector<std::int8_t> w(static_cast<std::size_t>(g.weight_size()));
        for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
        for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
        const auto out = static_cast<std::size_t>(g.out_channels);
        std::vector<std::int32_t> m(out), sums(static_cast<std::size_t>(g.output_size()));
        for (auto& v : m) v = static_cast<std::int32_t>(random.below(1u << 30));
        const auto r = kernels::make_requantization(m, {}, std::vector<std::int64_t>(out, std::int64_t{90} << 36),
                                                    std::vector<std::uint8_t>(out, 36), 3, 240, 0, 1 << 24);
        kernels::reference::conv2d_u8s8(g, x.data(), 7, w.data(), 128, sums.data());
        std::vector<std::uint8_t> expected(sums.size()), got(sums.size());
        for (std::size_t i = 0; i < sums.size(); ++i) expected[i] = r.code(i % out, sums[i]);
        kernels::conv2d_u8s8_codes(kernels::pack_conv2d(g, w.data(), 128, 7), g.batch, x.data(), r, nullptr,
                                   got.data());
        CHECK_MESSAGE(got == expected, channels, " channels, kernel ", window.kernel_h, "x", window.kernel_w,
                      " stride ", window.stride_w, " dilation ", window.dilation_w, " multiple ", multiple);
      }
}
