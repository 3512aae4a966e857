// That products of matrices of bytes are exact, for unsigned and for signed rows and both orders of B.

#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/int8/gemm.hpp"
#include "bitgrain/kernels/reference/gemm.hpp"
#include "error_of.hpp"
#include "kernels/bits_case.hpp"

namespace {
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;
using bitgrain::Window2d;
namespace kernels = bitgrain::kernels;

void compare_products(bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, RandomStream& random) {
  const std::int64_t ldb = (trans_b ? k : n) + 3;
  const auto b = bits_case::random_codes<std::int8_t>({-128, 1, 8}, (trans_b ? n : k) * ldb, random);
  const auto positive = bits_case::random_codes<std::uint8_t>({0, 1, 8}, m * k, random);
  const auto both = bits_case::random_codes<std::int8_t>({-128, 1, 8}, m * k, random);
  std::vector<std::int32_t> expected(static_cast<std::size_t>(m * n)), got(expected.size(), -1);
  kernels::reference::gemm_int8(trans_b, m, n, k, positive.data(), b.data(), ldb, expected.data());
  kernels::gemm_u8s8(m, positive.data(), kernels::pack_gemm(false, trans_b, n, k, b.data(), ldb), got.data());
  CHECK_MESSAGE(got == expected, "u8s8 ", m, " x ", n, " x ", k);
  kernels::reference::gemm_int8(trans_b, m, n, k, both.data(), b.data(), ldb, expected.data());
  kernels::gemm_s8s8(m, both.data(), kernels::pack_gemm(true, trans_b, n, k, b.data(), ldb), got.data());
  CHECK_MESSAGE(got == expected, "s8s8 ", m, " x ", n, " x ", k);
}
}  // namespace

TEST_CASE("int8 matrix products equal the oracle at awkward sizes") {
  RandomStream random(1, "int8 gemm");
  const std::int64_t sizes[] = {1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 64, 65};
  int number = 0;
  for (const std::int64_t m : sizes)
    for (const std::int64_t n : sizes)
      for (const std::int64_t k : {std::int64_t{1}, std::int64_t{4}, sizes[number % 13], std::int64_t{127}})
        compare_products(++number % 2 == 0, m, n, k, random);
  compare_products(true, 200, 30, 1024, random);
}

TEST_CASE("the longest sums of the extreme bytes are exact, longer ones and mixed-up rows are refused") {
  const std::int64_t k = 65793;
  const std::vector<std::int8_t> least(static_cast<std::size_t>(k), -128);
  const std::vector<std::uint8_t> most(static_cast<std::size_t>(k), 255);
  std::int32_t sum = 0;
  const kernels::PackedGemm b = kernels::pack_gemm(false, true, 1, k, least.data(), k);
  kernels::gemm_u8s8(1, most.data(), b, &sum);
  CHECK(sum == -255 * 128 * std::int64_t{k});
  kernels::gemm_s8s8(1, least.data(), kernels::pack_gemm(true, true, 1, k, least.data(), k), &sum);
  CHECK(sum == 128 * 128 * std::int64_t{k});
  CHECK(contains(error_of([&] { kernels::pack_gemm(true, true, 1, k + 1, least.data(), k + 1); }),
                 "k from 1 to 65793"));
  CHECK(contains(error_of([&] { kernels::gemm_s8s8(1, least.data(), b, &sum); }), "packed for unsigned rows"));
}
