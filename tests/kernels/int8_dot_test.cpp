#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/dot.hpp"

namespace {
namespace kernels = bitgrain::kernels;

template <class Dot>
std::vector<std::int32_t> step(const std::vector<std::int32_t>& start, const std::vector<std::uint8_t>& x,
                               const std::vector<std::int8_t>& w) {
  typename Dot::Lanes lanes = Dot::load(start.data());
  const typename Dot::Quad quad = Dot::quad(x.data());
  const typename Dot::Block block = Dot::block(w.data());
  Dot::dot(lanes, quad, block);
  std::vector<std::int32_t> result(16);
  Dot::store(result.data(), lanes);
  return result;
}

void compare_all(const std::vector<std::int32_t>& start, const std::vector<std::uint8_t>& x,
                 const std::vector<std::int8_t>& w) {
  std::vector<std::int32_t> expected(16);
  for (std::size_t l = 0; l < 16; ++l) {
    std::int64_t sum = start[l];
    for (std::size_t j = 0; j < 4; ++j) sum += std::int64_t{x[j]} * w[4 * l + j];
    expected[l] = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum));
  }
  CHECK(step<kernels::GenericDot>(start, x, w) == expected);
  CHECK(step<kernels::BestDot>(start, x, w) == expected);
#if defined(__SSE2__)
  CHECK(step<kernels::Sse2Dot>(start, x, w) == expected);
#endif
#if defined(__AVX2__)
  CHECK(step<kernels::Avx2Dot>(start, x, w) == expected);
#endif
}
}  // namespace

TEST_CASE("every dot primitive is exact on random bytes") {
  bitgrain::RandomStream random(1, "dot");
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int32_t> start(16);
    std::vector<std::uint8_t> x(4);
    std::vector<std::int8_t> w(64);
    for (auto& v : start) v = static_cast<std::int32_t>(random.next_bits()) / 2;
    for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
    for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
    compare_all(start, x, w);
  }
}

TEST_CASE("no dot primitive saturates at 16 bits: 255 * 127 and 255 * -128, four times") {
  for (const int weight : {127, -128})
    compare_all(std::vector<std::int32_t>(16, 0), std::vector<std::uint8_t>(4, 255),
                std::vector<std::int8_t>(64, static_cast<std::int8_t>(weight)));
}

TEST_CASE("sums wrap modulo 2^32, so that a correction may start outside the range of the result") {
  compare_all(std::vector<std::int32_t>(16, INT32_MAX), std::vector<std::uint8_t>(4, 255),
              std::vector<std::int8_t>(64, 127));
  compare_all(std::vector<std::int32_t>(16, INT32_MIN), std::vector<std::uint8_t>(4, 255),
              std::vector<std::int8_t>(64, -128));
}
