#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/any_conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "kernels/bits_case.hpp"

namespace {
using bitgrain::Grid;
using bits_case::ConvGeometry;
using bits_case::Window2d;
namespace kernels = bitgrain::kernels;
using kernels::BitsKernel;
}  // namespace

TEST_CASE("every applicable kernel gives the oracle's accumulators, band by band") {
  bitgrain::RandomStream random(1, "any");
  const ConvGeometry image{3, 6, 5, 16, 20, Window2d::square(3, 1, 1), 1};
  const ConvGeometry linear{70, 1, 1, 40, 12, Window2d{}, 1};
  for (const ConvGeometry& g : {image, linear})
    for (int wbits = 1; wbits <= 8; ++wbits)
      for (const int abits : {1, 2, 5, 8}) {
        const Grid grid = wbits % 2 == 0 ? Grid::kSigned : Grid::kSymmetric;
        const bool is_signed = random.bernoulli(0.5) && abits > 1;
        const std::int32_t offset = is_signed ? 128 : 0;
        const auto input = kernels::codes_of(is_signed ? Grid::kSigned : Grid::kUnsigned, abits, offset);
        const auto x = bits_case::random_codes<std::uint8_t>(input, g.input_size(), random);
        auto w = bits_case::random_codes<std::int8_t>(kernels::codes_of(grid, wbits), g.weight_size(), random);
        for (auto& code : w)
          if (!bitgrain::on_grid(grid, wbits, code)) code = 0;  // symmetric: one code less than 2^bits
        std::vector<std::int32_t> expected(static_cast<std::size_t>(g.output_size()));
        kernels::reference::conv2d_u8s8(g, x.data(), static_cast<std::uint8_t>(offset), w.data(), offset,
                                        expected.data());
        for (const BitsKernel kernel : kernels::kBitsKernels) {
          if (!kernels::applicable(kernel, g, wbits, abits, grid)) continue;
          const auto conv =
              kernels::pack_any_conv2d(kernel, g, w.data(), input, offset, static_cast<std::uint8_t>(offset));
          CHECK(conv.weight_bytes() > 0);
          std::vector<std::int32_t> got(expected.size(), -1);
          kernels::any_conv2d_bands(conv, g.batch, x.data(),
                                    [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                                      std::copy_n(acc, count * g.out_channels, got.data() + first * g.out_channels);
                                    });
          CHECK_MESSAGE(got == expected, to_string(kernel), " w", wbits, "a", abits, " ", bits_case::describe(g));
        }
      }
}

TEST_CASE("every applicable kernel gives the codes of the oracle's accumulators, with a residual or not") {
  bitgrain::RandomStream random(2, "any codes");
  for (const std::int64_t channels : {1, 12, 16, 20, 33, 64, 77}) {
    const ConvGeometry image{3, 6, 5, 8, channels, Window2d::square(3, 1, 1), 1};
    const ConvGeometry linear{70, 1, 1, 40, channels, Window2d{}, 1};
    const ConvGeometry depthwise{2, 6, 5, channels, channels, Window2d::square(3, 1, 1), channels};
    for (const ConvGeometry& g : {image, linear, depthwise})
      for (const int bits : {1, 3}) {
        const auto input = kernels::codes_of(Grid::kUnsigned, bits);
        const auto x = bits_case::random_codes<std::uint8_t>(input, g.input_size(), random);
        const auto w =
            bits_case::random_codes<std::int8_t>(kernels::codes_of(Grid::kSigned, bits), g.weight_size(), random);
        const auto residual = bits_case::random_codes<std::uint8_t>({0, 1, 8}, g.output_size(), random);
        std::vector<std::int32_t> acc(static_cast<std::size_t>(g.output_size()));
        kernels::reference::conv2d_u8s8(g, x.data(), 0, w.data(), 0, acc.data());
        std::vector<std::int32_t> multiplier, residual_multiplier;
        std::vector<std::int64_t> bias;
        for (std::int64_t c = 0; c < channels; ++c) {
          multiplier.push_back(static_cast<std::int32_t>(random.below(1 << 21)) - (1 << 19));
          residual_multiplier.push_back(static_cast<std::int32_t>(random.below(1 << 15)));
          bias.push_back((60 << 17) + static_cast<std::int64_t>(random.below(1 << 20)));
        }
        const std::vector<std::uint8_t> shift(static_cast<std::size_t>(channels), 17);
        for (const bool with : {false, true}) {
          const auto constants = kernels::make_requantization(
              multiplier, with ? residual_multiplier : std::vector<std::int32_t>{}, bias, shift, 3, 201, 0, 1 << 16);
          std::vector<std::uint8_t> expected(acc.size());
          for (std::size_t i = 0; i < acc.size(); ++i)
            expected[i] = constants.code(i % static_cast<std::size_t>(channels), acc[i], with ? residual[i] : 0);
          for (const BitsKernel kernel : kernels::kBitsKernels) {
            if (!kernels::applicable(kernel, g, bits, bits, Grid::kSigned)) continue;
            std::vector<std::uint8_t> got(expected.size(), 99);
            kernels::any_conv2d_codes(kernels::pack_any_conv2d(kernel, g, w.data(), input), g.batch, x.data(),
                                      constants, with ? residual.data() : nullptr, got.data());
            CHECK_MESSAGE(got == expected, to_string(kernel), " ", bits, " bits, ", bits_case::describe(g),
                          with ? ", residual" : "");
          }
        }
      }
  }
}

TEST_CASE("kernels are applicable where they exist") {
  const ConvGeometry image{1, 8, 8, 16, 16, Window2d::square(3, 1, 1), 1};
  const ConvGeometry depthwise{1, 8, 8, 16, 16, Window2d::square(3, 1, 1), 16};
  const ConvGeometry linear{4, 1, 1, 16, 16, Window2d{}, 1};
  CHECK(applicable(BitsKernel::kBytes, depthwise, 8, 8, Grid::kSigned));
  CHECK(applicable(BitsKernel::kPacked8, depthwise, 4, 8, Grid::kSigned));
  CHECK(!applicable(BitsKernel::kPacked8, image, 8, 8, Grid::kSigned));
  CHECK(applicable(BitsKernel::kBitSerial, image, 2, 2, Grid::kSigned));
  CHECK(!applicable(BitsKernel::kBitSerial, depthwise, 2, 2, Grid::kSigned));
  CHECK(applicable(BitsKernel::kPackedLinear, linear, 2, 8, Grid::kSigned));
  CHECK(!applicable(BitsKernel::kPackedLinear, image, 2, 8, Grid::kSigned));
  CHECK(!applicable(BitsKernel::kBytes, image, 8, 8, Grid::kOdd));  // odd codes of 8 bits reach 255
  CHECK(!applicable(BitsKernel::kBytes, image, 0, 8, Grid::kSigned));
}

TEST_CASE("the codes of a grid are those that occur, in bytes, too") {
  for (const Grid grid : {Grid::kUnsigned, Grid::kSigned, Grid::kSymmetric, Grid::kOdd})
    for (int bits = 1; bits <= 7; ++bits) {
      const auto codes = kernels::codes_of(grid, bits, 128);
      CHECK(codes.bits == bits);
      for (std::int32_t code = -128; code <= 127; ++code)
        if (bitgrain::on_grid(grid, bits, code)) CHECK(codes.contains(code + 128));
    }
}
