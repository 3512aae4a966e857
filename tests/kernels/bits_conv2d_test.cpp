#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "kernels/bits_case.hpp"

namespace {
using bits_case::ConvGeometry;
using bits_case::RandomStream;
using bits_case::Window2d;
namespace kernels = bitgrain::kernels;
using kernels::BitCodes;

template <class Bits>
void run(const kernels::PackedBitConv2d& conv, const ConvGeometry& g, const std::vector<std::uint8_t>& x,
         const std::vector<std::int32_t>& expected) {
  std::vector<std::int32_t> got(expected.size(), -1);
  kernels::conv2d_bits<Bits>(conv, g.batch, x.data(), got.data());
  CHECK_MESSAGE(got == expected, Bits::kName, ": ", bits_case::describe(g), " inputs ", conv.input.bits,
                " bits from ", conv.input.lowest, " passes ", conv.passes.size());
}

// One convolution through every primitive and the oracle.
void compare(const ConvGeometry& g, BitCodes weights, BitCodes input, std::int32_t input_offset, std::uint8_t padding,
             RandomStream& random) {
  const auto x = bits_case::random_codes<std::uint8_t>(input, g.input_size(), random);
  const auto w = bits_case::random_codes<std::int8_t>(weights, g.weight_size(), random);
  std::vector<std::int32_t> expected(static_cast<std::size_t>(g.output_size()));
  kernels::reference::conv2d_u8s8(g, x.data(), padding, w.data(), input_offset, expected.data());
  const auto conv = kernels::pack_bit_conv2d(g, w.data(), input, input_offset, padding);
  run<kernels::BestBits>(conv, g, x, expected);
  run<kernels::GenericBits>(conv, g, x, expected);
#if defined(__AVX2__)
  run<kernels::Avx2Bits>(conv, g, x, expected);
#endif
}

BitCodes unsigned_input(int bits) { return {0, 1, bits}; }
// s8 codes of `bits` bits, stored +128.
BitCodes signed_input(int bits) { return {128 - (1 << (bits - 1)), 1, bits}; }
}  // namespace

TEST_CASE("the bit-serial convolution equals the oracle for every pair of bits, signed and unsigned") {
  RandomStream random(1, "bits");
  for (int wbits = 1; wbits <= 8; ++wbits)
    for (int abits = 1; abits <= 8; ++abits) {
      const ConvGeometry g{1, 4, 5, random.bernoulli(0.5) ? 32 : 13, 18, Window2d::square(3, 1, 1), 1};
      compare(g, bits_case::signed_codes(wbits), unsigned_input(abits), 0, 0, random);
      compare(g, bits_case::odd_codes(wbits < 8 ? wbits : 7), signed_input(abits), 128, 128, random);
    }
}

TEST_CASE("the bit-serial convolution equals the oracle at every awkward number of channels") {
  RandomStream random(2, "channels");
  for (const std::int64_t in : {1, 2, 3, 5, 7, 8, 9, 16, 17, 31, 32, 33, 64, 65})
    for (const std::int64_t out : {1, 10, 16, 17, 32, 33, 48, 65}) {
      const ConvGeometry g{2, 3, 5, in, out, Window2d::square(3, 1, 1), 1};
      compare(g, bits_case::signed_codes(1), unsigned_input(1), 0, 0, random);
      compare(g, bits_case::signed_codes(2), unsigned_input(2), 0, 3, random);
      compare(g, {-1, 1, 1}, signed_input(2), 128, 128, random);
    }
}

TEST_CASE("the bit-serial convolution equals the oracle for random windows, strides, padding and dilation") {
  RandomStream random(3, "geometry");
  for (int done = 0; done < 120; ++done) {
    const ConvGeometry g = bits_case::random_geometry(random);
    const auto wbits = static_cast<int>(1 + random.below(3)), abits = static_cast<int>(1 + random.below(3));
    const BitCodes input = random.bernoulli(0.5) ? unsigned_input(abits) : signed_input(abits);
    const auto padding = static_cast<std::uint8_t>(input.lowest + static_cast<int>(random.below(1u << abits)));
    compare(g, random.bernoulli(0.5) ? bits_case::signed_codes(wbits) : bits_case::odd_codes(wbits), input,
            random.bernoulli(0.5) ? 128 : 0, padding, random);
  }
}

TEST_CASE("inputs -1 and +1 take one plane without padding and two with zeros around them") {
  RandomStream random(4, "bipolar");
  const BitCodes input{127, 2, 1};
  const ConvGeometry inside{2, 6, 6, 32, 16, Window2d::square(3), 1};
  const ConvGeometry padded{2, 6, 6, 32, 16, Window2d::square(3, 1, 1), 1};
  for (int wbits = 1; wbits <= 2; ++wbits) {
    compare(inside, bits_case::signed_codes(wbits), input, 128, 128, random);
    compare(padded, bits_case::signed_codes(wbits), input, 128, 128, random);
    compare(padded, bits_case::odd_codes(wbits), input, 128, 127, random);
  }
  const std::vector<std::int8_t> w(static_cast<std::size_t>(padded.weight_size()), -1);
  CHECK(kernels::pack_bit_conv2d(inside, w.data(), input, 128, 128).passes.size() == 1);
  CHECK(kernels::pack_bit_conv2d(padded, w.data(), input, 128, 128).passes.size() == 2);
}

TEST_CASE("matrix products of many rows, and bands longer than one, equal the oracle") {
  RandomStream random(5, "linear");
  for (const std::int64_t batch : {1, 7, 8, 63, 64, 65, 130})
    compare({batch, 1, 1, 96, 11, Window2d{}, 1}, bits_case::signed_codes(2), unsigned_input(2), 0, 0, random);
  compare({1, 40, 40, 3, 16, Window2d::square(3, 1, 1), 1}, bits_case::signed_codes(1), unsigned_input(1), 0, 1,
          random);
  compare({1, 3, 3, 32, 9000, Window2d::square(1), 1}, bits_case::signed_codes(2), unsigned_input(2), 0, 0, random);
}

TEST_CASE("weights that are all zero, and the largest sums, are exact") {
  RandomStream random(6, "extremes");
  const ConvGeometry g{1, 1, 1, 65536, 2, Window2d{}, 1};
  compare(g, {0, 1, 1}, unsigned_input(8), 0, 0, random);
  const std::vector<std::int8_t> zero(static_cast<std::size_t>(g.weight_size()), 0);
  std::vector<std::int8_t> extreme(zero.size(), -128);
  std::fill(extreme.begin() + 65536, extreme.end(), std::int8_t{127});
  const std::vector<std::uint8_t> x(65536, 255);
  std::vector<std::int32_t> acc(2, -1);
  kernels::conv2d_bits(kernels::pack_bit_conv2d(g, zero.data(), unsigned_input(8)), 1, x.data(), acc.data());
  CHECK(acc == std::vector<std::int32_t>{0, 0});
  kernels::conv2d_bits(kernels::pack_bit_conv2d(g, extreme.data(), unsigned_input(8)), 1, x.data(), acc.data());
  CHECK(acc == std::vector<std::int32_t>{-65536 * 128 * 255, 65536 * 127 * 255});
}

TEST_CASE("the bit-serial convolution does not depend on the number of threads") {
  RandomStream random(7, "threads");
  const ConvGeometry g{40, 9, 9, 24, 21, Window2d::square(3, 2, 1), 1};
  const auto x = bits_case::random_codes<std::uint8_t>(unsigned_input(2), g.input_size(), random);
  const auto w = bits_case::random_codes<std::int8_t>(bits_case::signed_codes(2), g.weight_size(), random);
  const auto conv = kernels::pack_bit_conv2d(g, w.data(), unsigned_input(2));
  std::vector<std::int32_t> one(static_cast<std::size_t>(g.output_size())), three(one.size());
  const int before = bitgrain::num_threads();
  bitgrain::set_num_threads(1);
  kernels::conv2d_bits(conv, g.batch, x.data(), one.data());
  bitgrain::set_num_threads(3);
  kernels::conv2d_bits(conv, g.batch, x.data(), three.data());
  bitgrain::set_num_threads(before);
  CHECK(one == three);
}
