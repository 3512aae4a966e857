#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/conv2d_tile.hpp"

namespace {
namespace kernels = bitgrain::kernels;

// Collects sums by pixel and channel.
template <class Dot, int Blocks>
void check_tiles(std::int64_t pixels, std::int64_t quads, std::int64_t channels) {
  bitgrain::RandomStream random(1, "tile");
  const std::int64_t rows = 2, columns = 2, row_bytes = 500, column_bytes = 100;
  std::vector<std::uint8_t> x(4096);
  std::vector<std::int8_t> w(static_cast<std::size_t>(Blocks * rows * columns * quads * 64));
  std::vector<std::int32_t> start(Blocks * 16);
  for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
  for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
  for (auto& v : start) v = static_cast<std::int32_t>(random.below(1000));
  std::vector<std::int32_t> pixel, number;
  for (std::int64_t p = 0; p < pixels; ++p) {
    pixel.push_back(static_cast<std::int32_t>(random.below(2000)));
    number.push_back(static_cast<std::int32_t>(pixels - 1 - p));  // any order
  }
  kernels::detail::DotTileInput in{};
  in.x = x.data();
  in.w = w.data();
  in.start = start.data();
  in.rows = rows;
  in.columns = columns;
  in.quads = quads;
  in.x_row = row_bytes;
  in.x_column = column_bytes;
  in.w_row = columns * quads * 64;
  in.block_bytes = rows * columns * quads * 64;
  in.channels = channels;
  std::vector<std::int32_t> acc(static_cast<std::size_t>(pixels * channels), -7);
  kernels::detail::dot_tiles<Dot, Blocks>(in, pixel.data(), number.data(), pixels,
                                          kernels::detail::SumsEpilogue{acc.data(), channels});
  bool same = true;
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t c = 0; c < channels; ++c) {
      std::int32_t sum = start[static_cast<std::size_t>(c)];
      for (std::int64_t y = 0; y < rows; ++y)
        for (std::int64_t s = 0; s < columns; ++s)
          for (std::int64_t i = 0; i < quads * 4; ++i) {
            const std::int64_t at = pixel[static_cast<std::size_t>(p)] + y * row_bytes + s * column_bytes + i;
            const std::int64_t k = ((c / 16 * rows + y) * columns + s) * quads + i / 4;
            sum += x[static_cast<std::size_t>(at)] * w[static_cast<std::size_t>((k * 16 + c % 16) * 4 + i % 4)];
          }
      same = same && acc[static_cast<std::size_t>(number[static_cast<std::size_t>(p)] * channels + c)] == sum;
    }
  CHECK_MESSAGE(same, Dot::kName, " ", Blocks, " blocks, ", pixels, " pixels, ", quads, " quads, ", channels);
}
}  // namespace

TEST_CASE("tiles of any number of pixels hold all products, and only existing channels are written") {
  for (std::int64_t pixels = 1; pixels <= 31; ++pixels)
    for (const std::int64_t quads : {1, 2, 7}) {
      check_tiles<kernels::BestDot, 1>(pixels, quads, 16);
      check_tiles<kernels::BestDot, 1>(pixels, quads, 5);
      check_tiles<kernels::BestDot, 2>(pixels, quads, 32);
      check_tiles<kernels::BestDot, 2>(pixels, quads, 19);
      check_tiles<kernels::GenericDot, 1>(pixels, quads, 16);
    }
}

TEST_CASE("codes of short and long windows, of any number of pixels, are those of the sums") {
  using Dot = kernels::BestDot;
  bitgrain::RandomStream random(2, "strip");
  const auto check = [&]<int Blocks>(std::integral_constant<int, Blocks>, std::int64_t pixels, std::int64_t rows,
                                     std::int64_t quads, std::int64_t channels) {
    const std::vector<std::int32_t> m(static_cast<std::size_t>(channels), 1 << 24);
    const auto r = kernels::make_requantization(m, {}, std::vector<std::int64_t>(m.size(), std::int64_t{100} << 38),
                                                std::vector<std::uint8_t>(m.size(), 38), 0, 255, 0, 1 << 24);
    std::vector<std::uint8_t> x(4096);
    std::vector<std::int8_t> w(static_cast<std::size_t>(Blocks * rows * quads * 64));
    const std::vector<std::int32_t> start(Blocks * 16, 1234);
    for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
    for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
    std::vector<std::int32_t> pixel, number;
    for (std::int64_t p = 0; p < pixels; ++p) {
      pixel.push_back(static_cast<std::int32_t>(random.below(1000)));
      number.push_back(static_cast<std::int32_t>(p + p / 5));
    }
    kernels::detail::DotTileInput in{};
    in.x = x.data();
    in.w = w.data();
    in.start = start.data();
    in.rows = rows;
    in.columns = 1;
    in.quads = quads;
    in.x_row = 300;
    in.w_row = quads * 64;
    in.block_bytes = rows * quads * 64;
    in.channels = channels;
    const auto size = static_cast<std::size_t>((number.back() + 1) * channels);
    std::vector<std::int32_t> sums(size, 0);
    std::vector<std::uint8_t> expected(size, 9), got(size, 9);
    kernels::detail::dot_tiles<Dot, Blocks>(in, pixel.data(), number.data(), pixels,
                                            kernels::detail::SumsEpilogue{sums.data(), channels});
    for (const std::int32_t n : number)
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto at = static_cast<std::size_t>(n * channels + c);
        expected[at] = r.code(static_cast<std::size_t>(c), sums[at]);
      }
    kernels::detail::dot_tiles<Dot, Blocks>(in, pixel.data(), number.data(), pixels,
                                            kernels::detail::CodesEpilogue<false>{{r, nullptr, got.data()}});
    CHECK_MESSAGE(got == expected, Blocks, " blocks, ", pixels, " pixels, ", rows, " x ", quads, " quads, ",
                  channels);
  };
  for (std::int64_t pixels = 1; pixels <= 27; ++pixels)
    for (const auto& [rows, quads] :
         {std::pair<std::int64_t, std::int64_t>{3, 3}, {1, 1}, {2, 80}, {1, 144}, {0, 4}}) {
      check(std::integral_constant<int, 1>(), pixels, rows, quads, 16);
      check(std::integral_constant<int, 1>(), pixels, rows, quads, 7);
      check(std::integral_constant<int, 2>(), pixels, rows, quads, 32);
      check(std::integral_constant<int, 2>(), pixels, rows, quads, 21);
    }
}
