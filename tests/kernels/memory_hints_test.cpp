#include "bitgrain/kernels/memory_hints.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/memory.hpp"
#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("streaming stores, prefetches and loads kept in registers change no number", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  constexpr std::int64_t kCount = 64 * kernels::kLanes<T, typename Case::Arch>;
  const bitgrain::Scratch<T> from(kCount), to(kCount);
  for (std::int64_t i = 0; i < kCount; ++i) from.data()[i] = static_cast<T>(i);
  for (std::int64_t i = 0; i < kCount; i += kernels::kLanes<T, typename Case::Arch>) {
    kernels::prefetch_near(from.data() + 2 * kCount);  // beyond the end: never faults
    V v = kernels::load_all<V>(from.data() + i);
    kernels::load_once(v);
    kernels::store_streaming(to.data() + i, v);
  }
  kernels::streaming_done();
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < kCount; ++i) wrong += to.data()[i] != static_cast<T>(i);
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("a streaming copy writes just its numbers, wherever they begin and end", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  for (const std::int64_t count : awkward_sizes())
    for (const std::int64_t misaligned : {0, 1, 5, 15}) {
      Guarded<T> from(count, 2), to(count, misaligned);
      for (std::int64_t i = 0; i < count; ++i) from[i] = static_cast<T>(i + 1);
      kernels::copy_streaming<T, typename Case::Arch>(from.data(), count, to.data());
      CHECK(to == from);
    }
}

TEST_CASE("only large results with aligned rows of whole vectors are streamed") {
  using kernels::DefaultArch;
  constexpr std::int64_t kLarge = 9 << 18, kRow = 4 * kernels::kLanes<float>;
  const bitgrain::Scratch<float> y(16);
  const auto worth = [](const float* p, std::int64_t row, std::int64_t size) {
    return kernels::worth_streaming<float, DefaultArch>(p, row, size);
  };
  CHECK_FALSE(worth(y.data(), kRow, kLarge - 1));
  if (kernels::kLanes<float> == 16) CHECK(worth(y.data(), kRow, kLarge));
  CHECK_FALSE(worth(y.data() + 1, kRow, kLarge));
  if (kernels::kLanes < float >> 1) CHECK_FALSE(worth(y.data(), kRow + 1, kLarge));
}
