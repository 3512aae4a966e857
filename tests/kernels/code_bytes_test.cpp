#include "bitgrain/kernels/f32/code_bytes.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "kernels/float_case.hpp"

TEST_CASE_TEMPLATE("every byte stands for its value and is found again from it, whatever the step and the zero", Case,
                   BITGRAIN_FLOAT_CASES) {
  namespace kernels = bitgrain::kernels;
  using T = typename Case::T;
  std::vector<std::uint8_t> bytes(1000), back(1001);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  for (const T step : {T(1), T(0.1), T(1.0 / 255), T(3e-9), T(7.3e8)})
    for (const int zero : {0, 1, 128, 255})
      for (const std::int64_t n : {1, 7, 16, 17, 255, 1000}) {
        Guarded<T> y(n, 1);
        kernels::values_of_bytes<T, typename Case::Arch>(n, bytes.data(), step, zero, y.data());
        bool equal = true;
        for (std::int64_t i = 0; i < n; ++i)
          equal = equal && y[i] == step * static_cast<T>(bytes[static_cast<std::size_t>(i)] - zero);
        CHECK(equal);
        back[static_cast<std::size_t>(n)] = 99;
        kernels::bytes_of_values<T, typename Case::Arch>(n, y.data(), step, zero, back.data());
        CHECK(std::equal(bytes.begin(), bytes.begin() + n, back.begin()));
        CHECK(back[static_cast<std::size_t>(n)] == 99);
      }
}

TEST_CASE("codes below 0 wrap to the bytes of int8") {
  std::vector<float> x;
  for (int c = -128; c < 128; ++c) x.push_back(0.37F * static_cast<float>(c));
  std::vector<std::int8_t> codes(x.size());
  bitgrain::kernels::bytes_of_values<float>(256, x.data(), 0.37F, 0, reinterpret_cast<std::uint8_t*>(codes.data()));
  for (int c = -128; c < 128; ++c) CHECK(codes[static_cast<std::size_t>(c + 128)] == c);
}

TEST_CASE("sums become the numbers they stand for, channel by channel") {
  for (const std::int64_t channels : {1, 5, 16, 17, 40}) {
    std::vector<std::int16_t> sums(static_cast<std::size_t>(7 * channels));
    std::vector<float> scale(static_cast<std::size_t>(channels)), y(sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = static_cast<std::int16_t>(static_cast<int>(i) * 91 - 9000);
    for (std::size_t c = 0; c < scale.size(); ++c) scale[c] = 0.1F * static_cast<float>(c + 1);
    bitgrain::kernels::values_of_sums(7, channels, sums.data(), scale.data(), y.data());
    bool equal = true;
    for (std::size_t i = 0; i < y.size(); ++i)
      equal = equal && y[i] == static_cast<float>(sums[i]) * scale[i % scale.size()];
    CHECK(equal);
  }
}
