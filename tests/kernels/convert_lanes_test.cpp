#include "bitgrain/kernels/f32/convert_lanes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/float_case.hpp"

TEST_CASE_TEMPLATE("bytes, int32 and other floats become lanes and bytes come back, whole vectors and parts", Case,
                   BITGRAIN_FLOAT_CASES) {
  namespace kernels = bitgrain::kernels;
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  constexpr auto kSize = static_cast<std::int64_t>(V::size);
  for (std::int64_t count = 1; count <= kSize; ++count)
    for (const int start : {0, 1, 100, 200, 240}) {
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count)), back(static_cast<std::size_t>(count + 1), 9);
      std::vector<std::int32_t> ints(bytes.size());
      std::vector<float> floats(bytes.size()), floats_back(back.size(), 9.0F);
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(start + static_cast<int>(i));
        ints[i] = (start - 100) * 80000 + static_cast<int>(i);
        floats[i] = static_cast<float>(ints[i]) * 0.3F;
      }
      T lanes[V::size];
      const auto check = [&](const auto& from) {
        bool equal = true;
        for (std::size_t i = 0; i < from.size(); ++i) equal = equal && lanes[i] == static_cast<T>(from[i]);
        for (std::size_t i = from.size(); i < V::size; ++i) equal = equal && lanes[i] == T(0);
        CHECK(equal);
      };
      const V v = kernels::load_bytes<V>(bytes.data(), count);
      kernels::store_all(lanes, v);
      check(bytes);
      kernels::store_bytes(back.data(), count, v);
      CHECK(std::equal(bytes.begin(), bytes.end(), back.begin()));
      CHECK(back.back() == 9);
      kernels::store_all(lanes, kernels::load_int32<V>(ints.data(), count));
      check(ints);
      std::vector<std::int16_t> shorts(bytes.size()), shorts_back(back.size(), 9);
      for (std::size_t i = 0; i < shorts.size(); ++i) shorts[i] = static_cast<std::int16_t>(ints[i] / 400);
      kernels::store_all(lanes, kernels::load_int16<V>(shorts.data(), count));
      check(shorts);
      const std::vector<std::int32_t> wide(shorts.begin(), shorts.end());
      kernels::narrow_int32<V>(shorts_back.data(), wide.data(), count);
      CHECK(std::equal(shorts.begin(), shorts.end(), shorts_back.begin()));
      CHECK(shorts_back.back() == 9);
      const V converted = kernels::load_converted<V>(floats.data(), count);
      kernels::store_all(lanes, converted);
      check(floats);
      kernels::store_converted(floats_back.data(), count, converted);
      CHECK(std::equal(floats.begin(), floats.end(), floats_back.begin()));
      CHECK(floats_back.back() == 9.0F);
    }
}
