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
