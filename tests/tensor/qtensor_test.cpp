#include "bitgrain/tensor/qtensor.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
std::vector<std::int64_t> codes_of_grid(Grid grid, int bits) {
  std::vector<std::int64_t> codes;
  for (std::int64_t c = -20; c <= 20; ++c)
    if (on_grid(grid, bits, c)) codes.push_back(c);
  return codes;
}
using Codes = std::vector<std::int64_t>;

Tensor<float> values_of(const std::vector<std::int64_t>& codes, double step, std::int32_t zero_point = 0) {
  Tensor<float> values(Shape{static_cast<std::int64_t>(codes.size())});
  float* v = values.mutable_data();
  for (std::size_t i = 0; i < codes.size(); ++i)
    v[i] = static_cast<float>(step) * static_cast<float>(codes[i] - zero_point);
  return values;
}
}  // namespace

TEST_CASE("the codes of every grid at one to three bits") {
  CHECK(codes_of_grid(Grid::kUnsigned, 1) == Codes{0, 1});
  CHECK(codes_of_grid(Grid::kUnsigned, 3) == Codes{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(codes_of_grid(Grid::kSigned, 1) == Codes{-1, 1});
  CHECK(codes_of_grid(Grid::kSigned, 2) == Codes{-2, -1, 0, 1});
  CHECK(codes_of_grid(Grid::kSymmetric, 1) == Codes{-1, 1});
  CHECK(codes_of_grid(Grid::kSymmetric, 2) == Codes{-1, 0, 1});
  CHECK(codes_of_grid(Grid::kSymmetric, 3) == Codes{-3, -2, -1, 0, 1, 2, 3});
  CHECK(codes_of_grid(Grid::kOdd, 1) == Codes{-1, 1});
  CHECK(codes_of_grid(Grid::kOdd, 2) == Codes{-3, -1, 1, 3});
  CHECK(codes_of_grid(Grid::kPlanes, 2) == Codes{-3, -2, -1, 0, 1, 2, 3});
}

TEST_CASE("ranges at eight bits, and no more codes than the bits can number") {
  CHECK(code_range(Grid::kUnsigned, 8).high == 255);
  CHECK(code_range(Grid::kSigned, 8).low == -128);
  CHECK(code_range(Grid::kSymmetric, 8).low == -127);
  CHECK(code_range(Grid::kOdd, 8).high == 255);
  for (const Grid grid : {Grid::kUnsigned, Grid::kSigned, Grid::kSymmetric, Grid::kOdd})
    for (int bits = 1; bits <= 8; ++bits) {
      int count = 0;
      for (std::int64_t c = -300; c <= 300; ++c) count += on_grid(grid, bits, c);
      CHECK(count <= (1 << bits));
    }
}

TEST_CASE("every grid has a name of its own") {
  CHECK(to_string(Grid::kUnsigned) == "unsigned");
  CHECK(to_string(Grid::kOdd) == "odd");
  CHECK(to_string(Grid::kPlanes) == "planes");
}

TEST_CASE("bits outside 1..30 are an error") {
  CHECK(contains(error_of([] { code_range(Grid::kSigned, 0); }), "1 to 30 bits, got 0"));
  CHECK(!error_of([] { code_range(Grid::kSigned, 31); }).empty());
  CHECK(code_range(Grid::kUnsigned, 30).high == (1 << 30) - 1);
}

TEST_CASE("recover_codes gives back the codes exactly, for steps that floats cannot hold") {
  for (const Grid grid : {Grid::kUnsigned, Grid::kSigned, Grid::kSymmetric, Grid::kOdd})
    for (const int bits : {1, 2, 5, 8, 16})
      for (const double step : {0.1, 1.0 / 255, 3e-7, 12345.678}) {
        Codes expected;
        const CodeRange range = code_range(grid, bits);
        for (std::int64_t c = range.low; c <= range.high; c += bits == 16 ? 97 : 1)
          if (on_grid(grid, bits, c)) expected.push_back(c);
        const QTensor q = recover_codes(values_of(expected, step), {grid, bits, {step}, 0});
        bool equal = true;
        for (std::size_t i = 0; i < expected.size(); ++i)
          equal = equal && q.codes[static_cast<std::int64_t>(i)] == expected[i];
        CAPTURE(bits);
        CAPTURE(step);
        CHECK(equal);
      }
}

TEST_CASE("recover_codes adds the zero point") {
  const QTensor q = recover_codes(values_of({0, 3, 255}, 0.05, 128), {Grid::kUnsigned, 8, {0.05}, 128});
  CHECK(q.codes[0] == 0);
  CHECK(q.codes[1] == 3);
  CHECK(q.codes[2] == 255);
}

TEST_CASE("recover_codes uses the step of each output channel") {
  const Tensor<float> weights(Shape{2, 3}, {0.5f, -1.0f, 0.0f, 0.25f, 0.5f, -0.5f});
  const QuantInfo info{Grid::kSigned, 3, {0.5, 0.25}, 0};
  CHECK(info.per_channel());
  CHECK(info.step_of(1) == 0.25);
  const QTensor q = recover_codes(weights, info);
  CHECK(q.codes.shape() == weights.shape());
  const int expected[] = {1, -2, 0, 1, 2, -2};
  for (int i = 0; i < 6; ++i) CHECK(q.codes[i] == expected[i]);
}

TEST_CASE("values off the grid are errors: between codes, outside the range, even on the odd grid, zero at one bit") {
  const auto error = [](float value, Grid grid, int bits) {
    return error_of([&] { recover_codes(Tensor<float>(Shape{1}, {value}), {grid, bits, {0.5}, 0}); });
  };
  CHECK(error(1.5f, Grid::kUnsigned, 2).empty());
  CHECK(contains(error(0.7f, Grid::kUnsigned, 2), "no multiple of the step 0.5"));
  CHECK(contains(error(2.0f, Grid::kUnsigned, 2), "code 4, which the unsigned grid does not have at 2 bits"));
  CHECK(!error(-0.5f, Grid::kUnsigned, 2).empty());
  CHECK(!error(1.0f, Grid::kOdd, 2).empty());
  CHECK(!error(0.0f, Grid::kSigned, 1).empty());
  CHECK(!error(std::numeric_limits<float>::quiet_NaN(), Grid::kUnsigned, 2).empty());
  CHECK(!error(std::numeric_limits<float>::infinity(), Grid::kUnsigned, 2).empty());
  CHECK(!error(1e30f, Grid::kUnsigned, 2).empty());
}

TEST_CASE("a number of steps that does not divide the tensor is an error") {
  const Tensor<float> weights(Shape{3}, 0.0f);
  CHECK(contains(error_of([&] {
                   recover_codes(weights, {Grid::kSigned, 3, {0.5, 0.25}, 0});
                 }),
                 "shape [3] cannot have 2 steps"));
  CHECK(!error_of([&] { recover_codes(weights, {Grid::kSigned, 3, {}, 0}); }).empty());
}
