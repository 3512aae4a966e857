#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/frame.hpp"
#include "kernels/bits_case.hpp"

namespace {
using bits_case::ConvGeometry;
using bits_case::Window2d;
namespace kernels = bitgrain::kernels;

template <class Bits>
void check_frame(std::int64_t channels, kernels::BitCodes codes, std::uint8_t padding, std::int64_t images) {
  ConvGeometry g{images, 3, 5, channels, 2, Window2d::square(3, 1, 1), 1};
  g.window.pad_w = 2;
  bitgrain::RandomStream random(1, "frame");
  const auto w = bits_case::random_codes<std::int8_t>(bits_case::signed_codes(2), g.weight_size(), random);
  const auto conv = kernels::pack_bit_conv2d(g, w.data(), codes, 0, padding);
  kernels::BitFrame<Bits> frame(conv, images);
  for (int round = 0; round < 2; ++round) {  // the second fill must leave the border as it was
    const auto x = bits_case::random_codes<std::uint8_t>(codes, g.input_size(), random);
    frame.fill(x.data(), images);
    bool right = true;
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t y = 0; y < g.in_h + 2; ++y)
        for (std::int64_t c = 0; c < g.in_w + 4; ++c) {
          const bool inside = y >= 1 && y <= g.in_h && c >= 2 && c < g.in_w + 2;
          std::int32_t value = 0;
          for (std::int64_t i = 0; i < channels; ++i) {
            const std::uint8_t byte =
                inside ? x[static_cast<std::size_t>(((n * g.in_h + y - 1) * g.in_w + c - 2) * channels + i)]
                       : padding;
            const std::int32_t level = conv.input.level(byte);
            for (int j = 0; j < conv.input.bits; ++j)
              right = right && (frame.plane(j)[frame.offset(n, y, c) + i / 8] >> (i % 8) & 1) == (level >> j & 1);
            if (conv.has_values) value += conv.level_value[static_cast<std::size_t>(level)];
            if (!conv.two_by_two) continue;
            right = right && (frame.plane(2)[frame.offset(n, y, c) + i / 8] >> (i % 8) & 1) ==
                                 (level == 0 || level == 3 ? 1 : 0);
          }
          if (conv.two_by_two) right = right && frame.values()[frame.offset(n, y, c) / conv.pixel_bytes] == value;
        }
    CHECK_MESSAGE(right, Bits::kName, ": ", channels, " channels, ", codes.bits, " bits, ", images, " images");
  }
}
}  // namespace

TEST_CASE("a frame holds the bits of the images and around them those of the padding") {
  for (const std::int64_t channels : {1, 3, 8, 9, 16, 32, 40, 64, 72})
    for (const std::int64_t images : {1, 3}) {
      check_frame<kernels::BestBits>(channels, {0, 1, 1}, 0, images);
      check_frame<kernels::BestBits>(channels, {126, 1, 2}, 128, images);
      check_frame<kernels::BestBits>(channels, {127, 2, 1}, 128, images);  // -1 and +1 around 0
      check_frame<kernels::BestBits>(channels, {3, 2, 2}, 5, images);
      check_frame<kernels::GenericBits>(channels, {0, 1, 2}, 0, images);
      check_frame<kernels::GenericBits>(channels, {0, 1, 8}, 255, images);
    }
}
