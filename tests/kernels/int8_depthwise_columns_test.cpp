#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "bitgrain/kernels/int8/depthwise_columns.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"

TEST_CASE("depthwise by columns: every width and height, stride 1 and 2, padding, codes at rounding edges") {
  namespace kernels = bitgrain::kernels;
  using bitgrain::Window2d;
  bitgrain::RandomStream random(1, "columns");
  for (const Window2d& window :
       {Window2d::square(3, 1, 1), Window2d::square(3, 2, 1), Window2d::square(3, 1, 0), Window2d::square(3, 2, 2),
        Window2d{2, 3, 1, 1, 1, 0, 1, 1}, Window2d{1, 3, 1, 1, 0, 1, 1, 1}, Window2d{3, 3, 1, 1, 3, 3, 1, 1}})
    for (std::int64_t h = 1; h <= 19; h += h < 7 ? 1 : 5)
      for (std::int64_t w = 1; w <= 17; w += w < 9 ? 1 : 4) {
        const std::int64_t channels = h % 2 == 0 ? 64 : 37;
        const bitgrain::ConvGeometry g{2, h, w, channels, channels, window, channels};
        if (g.out_h() < 1 || g.out_w() < 1) continue;
        REQUIRE(kernels::detail::depthwise_by_columns(g));
        std::vector<std::uint8_t> x(static_cast<std::size_t>(g.input_size()));
        std::vector<std::int8_t> weights(static_cast<std::size_t>(g.weight_size()));
        for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
        for (auto& v : weights) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
        const auto out = static_cast<std::size_t>(channels);
        // Powers of two put every sixteenth code exactly on an edge.
        std::vector<std::int32_t> m(out), sums(static_cast<std::size_t>(g.output_size()));
        for (std::size_t c = 0; c < out; ++c)
          m[c] = c % 3 == 0 ? 1 << 26 : static_cast<std::int32_t>(random.below(1u << 25));
        const auto r = kernels::make_requantization(m, {}, std::vector<std::int64_t>(out, std::int64_t{90} << 36),
                                                    std::vector<std::uint8_t>(out, 36), 3, 240, 0, 9 * 255 * 128);
        kernels::reference::conv2d_u8s8(g, x.data(), 7, weights.data(), 128, sums.data());
        std::vector<std::uint8_t> expected(sums.size()), got(sums.size() + 1, 77);
        for (std::size_t i = 0; i < sums.size(); ++i) expected[i] = r.code(i % out, sums[i]);
        kernels::conv2d_u8s8_codes(kernels::pack_conv2d(g, weights.data(), 128, 7), g.batch, x.data(), r, nullptr,
                                   got.data());
        CHECK_MESSAGE(std::equal(expected.begin(), expected.end(), got.begin()), h, "x", w, " kernel ",
                      window.kernel_h, "x", window.kernel_w, " stride ", window.stride_w, " pad ", window.pad_h);
        CHECK(got.back() == 77);
      }
}
