#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/linear.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "kernels/bits_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;

template <class F>
void run_linear(const kernels::PackedLinear& linear, const std::vector<std::uint8_t>& x, std::int64_t batch,
                const std::vector<std::int32_t>& expected) {
  std::vector<std::int32_t> got(expected.size(), -1);
  kernels::linear_packed<F>(linear, batch, x.data(), got.data());
  CHECK_MESSAGE(got == expected, F::kName, ": ", batch, " x ", linear.inputs, " -> ", linear.outputs, ", ",
                linear.weights.codes.bits, " bits");
}

void compare_linear(std::int64_t batch, std::int64_t inputs, std::int64_t outputs, kernels::BitCodes weights,
                    std::int32_t input_offset, bitgrain::RandomStream& random) {
  const auto x = bits_case::random_codes<std::uint8_t>({0, 1, 8}, batch * inputs, random);
  const auto w = bits_case::random_codes<std::int8_t>(weights, inputs * outputs, random);
  std::vector<std::int32_t> expected(static_cast<std::size_t>(batch * outputs));
  kernels::reference::conv2d_u8s8({batch, 1, 1, inputs, outputs, {}, 1}, x.data(), 0, w.data(), input_offset,
                                  expected.data());
  const auto linear = kernels::pack_linear(inputs, outputs, w.data(), input_offset);
  run_linear<kernels::BestFields>(linear, x, batch, expected);
  run_linear<kernels::GenericFields>(linear, x, batch, expected);
#if defined(__AVX2__)
  run_linear<kernels::Avx2Fields>(linear, x, batch, expected);
#endif
}
}  // namespace

TEST_CASE("linear layers from packed weights equal the oracle at every number of bits") {
  bitgrain::RandomStream random(1, "linear bits");
  for (int bits = 1; bits <= 8; ++bits)
    for (const std::int64_t batch : {1, 2, 4, 13, 37}) {
      compare_linear(batch, 70, 37, bits_case::signed_codes(bits), 0, random);
      compare_linear(batch, 29, 131, bits_case::signed_codes(bits), 3, random);
      compare_linear(batch, 64, 32, bits_case::odd_codes(bits < 8 ? bits : 7), 128, random);
    }
}

TEST_CASE("linear layers from packed weights equal the oracle at awkward sizes") {
  bitgrain::RandomStream random(2, "linear sizes");
  for (const std::int64_t inputs : {1, 3, 4, 5, 31, 32, 33, 97, 512})
    for (const std::int64_t outputs : {1, 15, 16, 17, 33, 50, 63, 64, 65})
      for (const std::int64_t batch : {1, 9})
        compare_linear(batch, inputs, outputs, bits_case::signed_codes(3), 0, random);
}

TEST_CASE("one-bit weights stay at one bit where channels and inputs are filled up") {
  bitgrain::RandomStream random(3, "linear one bit");
  const auto w = bits_case::random_codes<std::int8_t>(bits_case::signed_codes(1), 33 * 10, random);
  const auto linear = kernels::pack_linear(33, 10, w.data());
  CHECK(linear.weights.codes.bits == 1);
  CHECK(linear.weights.bytes.numel() == 5 * 64);  // a panel, groups of 8 inputs
}

TEST_CASE("the largest sums of a linear layer are exact") {
  const std::int64_t k = 65793;  // 65793 * 255 * 128 < 2^31
  std::vector<std::int8_t> w(static_cast<std::size_t>(2 * k), -128);
  std::fill(w.begin() + k, w.end(), std::int8_t{127});
  const std::vector<std::uint8_t> x(static_cast<std::size_t>(k), 255);
  std::vector<std::int32_t> acc(2);
  kernels::linear_packed(kernels::pack_linear(k, 2, w.data()), 1, x.data(), acc.data());
  CHECK(acc == std::vector<std::int32_t>{-2147483520, static_cast<std::int32_t>(k * 255 * 127)});
  kernels::linear_packed(kernels::pack_linear(k, 2, w.data(), 128), 1, x.data(), acc.data());
  CHECK(acc == std::vector<std::int32_t>{static_cast<std::int32_t>(-k * 127 * 128),
                                         static_cast<std::int32_t>(k * 127 * 127)});
}

// The kernel multiplies bytes that hold fields of several channels, whose sums grow faster than those of a channel.
TEST_CASE("the largest sums of fields are exact at up to 7 bits, over more inputs than fit one accumulator") {
  const std::int64_t k = 70001, outputs = 64;
  for (const std::uint8_t x : {std::uint8_t{0}, std::uint8_t{255}})
    for (int bits = 1; bits <= 7; ++bits) {
      const kernels::BitCodes codes = bits_case::signed_codes(bits);
      std::vector<std::int8_t> w(static_cast<std::size_t>(outputs * k), static_cast<std::int8_t>(codes.highest()));
      w.back() = static_cast<std::int8_t>(codes.lowest);
      const auto linear = kernels::pack_linear(k, outputs, w.data(), 128);
      REQUIRE(linear.weights.codes.bits == bits);
      std::vector<std::int32_t> acc(static_cast<std::size_t>(outputs));
      kernels::linear_packed(linear, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(k), x).data(), acc.data());
      std::vector<std::int32_t> expected(acc.size(), static_cast<std::int32_t>((x - 128) * codes.highest() * k));
      expected.back() += (x - 128) * (codes.lowest - codes.highest());
      CHECK_MESSAGE(acc == expected, bits, " bits, x = ", static_cast<int>(x));
    }
}

TEST_CASE("linear layers from packed weights do not depend on the number of threads") {
  bitgrain::RandomStream random(4, "linear threads");
  const auto x = bits_case::random_codes<std::uint8_t>({0, 1, 8}, 3 * 700, random);
  const auto w = bits_case::random_codes<std::int8_t>(bits_case::signed_codes(2), 700 * 2000, random);
  const auto linear = kernels::pack_linear(700, 2000, w.data());
  std::vector<std::int32_t> one(6000), three(6000);
  const int before = bitgrain::num_threads();
  bitgrain::set_num_threads(1);
  kernels::linear_packed(linear, 3, x.data(), one.data());
  bitgrain::set_num_threads(3);
  kernels::linear_packed(linear, 3, x.data(), three.data());
  bitgrain::set_num_threads(before);
  CHECK(one == three);
}
