// Weights that come in half precision must be the numbers that were meant.
#include "bitgrain/run/float_conversion.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
template <class T>
std::vector<std::uint8_t> bytes_of(const std::vector<T>& values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
}  // namespace

TEST_CASE("every half-precision number is widened exactly") {
  for (std::uint32_t h = 0; h < 65536; ++h) {
    const int exponent = static_cast<int>(h >> 10 & 31), rest = static_cast<int>(h & 1023);
    const float found = half_to_float(static_cast<std::uint16_t>(h));
    CHECK(std::signbit(found) == (h >= 0x8000));
    if (exponent == 31) {
      CHECK((rest == 0 ? std::isinf(found) : std::isnan(found)));
    } else {
      const double expected =
          exponent == 0 ? std::ldexp(rest, -24) : std::ldexp(1024 + rest, exponent - 25);  // its definition
      CHECK(std::abs(static_cast<double>(found)) == expected);
    }
  }
}

TEST_CASE("bfloat16 is the upper half of a float") {
  CHECK(bfloat16_to_float(0x3F80) == 1.0F);
  CHECK(bfloat16_to_float(0xC049) == -3.140625F);
  CHECK(std::isinf(bfloat16_to_float(0x7F80)));
}

TEST_CASE("the four types of weights are read; doubles are rounded to nearest") {
  const Shape two{2};
  CHECK(floats_of("F16", two, bytes_of<std::uint16_t>({0x3C00, 0xC000}), "x")[1] == -2.0F);
  CHECK(floats_of("BF16", two, bytes_of<std::uint16_t>({0x3F80, 0x4000}), "x")[1] == 2.0F);
  CHECK(floats_of("F32", two, bytes_of<float>({1, 0.1F}), "x")[1] == 0.1F);
  CHECK(floats_of("F64", two, bytes_of<double>({1 + 0x1.8p-24, 0.1}), "x")[0] == 1 + 0x1p-23F);
  CHECK(std::isinf(floats_of("F64", {}, bytes_of<double>({std::numeric_limits<double>::infinity()}), "x")[0]));
}

TEST_CASE("other types, doubles beyond float, and wrong sizes are errors that name the tensor") {
  CHECK(error_of([] { floats_of("I64", {1}, bytes_of<std::int64_t>({3}), "tensor 'a'"); }) ==
        "tensor 'a' is of type I64; weights are F16, BF16, F32 or F64");
  CHECK(contains(error_of([] { floats_of("F64", {1}, bytes_of<double>({1e39}), "tensor 'a'"); }),
                 "tensor 'a', element 0: 1e+39 is beyond the range of float"));
  CHECK(contains(error_of([] { floats_of("F32", {3}, bytes_of<float>({1, 2}), "tensor 'a'"); }), "has 8 bytes"));
}
