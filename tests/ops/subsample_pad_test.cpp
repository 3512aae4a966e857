#include "bitgrain/ops/subsample_pad.hpp"

#include "bitgrain/ops/reshape.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("subsample_pad: every other pixel, zero channels on both sides") {
  const auto x = var({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto y = subsample_pad(x, 2, 1, 2);
  CHECK(y.shape() == Shape{1, 2, 2, 4});
  CHECK(list(y) == Values{0, 1, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0});
  CHECK(list(subsample_pad(x, 1, 0, 0)) == list(x));
}

TEST_CASE("subsample_pad: gradients over strides, odd and even images, paddings") {
  using Padding = std::pair<std::int64_t, std::int64_t>;
  for (const std::int64_t stride : {1, 2, 3})
    for (const Padding& pad : {Padding{0, 0}, Padding{2, 2}, Padding{1, 0}})
      check_gradients([&](const auto& in) { return subsample_pad(in[0], stride, pad.first, pad.second); },
                      {random_var({2, 4, 5, 3}, 1)});
}

TEST_CASE("subsample_pad: codes pass on, the inserted zeros being the zero point") {
  auto x = with_codes(var({1, 1, 1, 1}, {3.75}));
  CHECK(subsample_pad(x, 1, 1, 1).codes().codes[0] == 0);
  CHECK(subsample_pad(x, 1, 1, 1).codes().codes[1] == 15);
  Var<double> shifted(x.value());
  shifted.set_quant(std::make_shared<QuantInfo>(QuantInfo{Grid::kUnsigned, 5, {0.25}, 3}));
  const auto codes = subsample_pad(shifted, 1, 1, 0).codes().codes;
  CHECK(codes[0] == 3);
  CHECK(codes[1] == 18);
}

TEST_CASE("subsample_pad: codes are dropped when zeros are inserted into a grid without zero") {
  const auto coded = [](Grid grid, int bits, std::vector<double> step) {
    Var<double> x(Tensor<double>({1, 1, 1, 1}, {1.0}));
    x.set_quant(std::make_shared<QuantInfo>(QuantInfo{grid, bits, std::move(step), 0}));
    return x;
  };
  CHECK(subsample_pad(coded(Grid::kOdd, 2, {1}), 1, 1, 1).quant() == nullptr);
  CHECK(subsample_pad(coded(Grid::kSigned, 1, {1}), 1, 1, 1).quant() == nullptr);
  CHECK(subsample_pad(coded(Grid::kOdd, 2, {1}), 1, 0, 0).quant() != nullptr);
  CHECK(subsample_pad(coded(Grid::kSigned, 2, {1}), 1, 1, 1).quant() != nullptr);
  CHECK(subsample_pad(coded(Grid::kSigned, 2, {1, 1}), 1, 1, 1).quant() == nullptr);
}

TEST_CASE("subsample_pad: traced with stride and padding, what does not fit is named") {
  const auto x = random_var({1, 4, 4, 2}, 1);
  const auto record = traced([&] { subsample_pad(x, 2, 1, 3); });
  CHECK(record.op == "subsample_pad");
  CHECK(record.attributes.stride == 2);
  CHECK(record.attributes.pad_before == 1);
  CHECK(record.attributes.pad_after == 3);
  CHECK(names(error_of([&] { subsample_pad(x, 0, 1, 1); }), {"subsample_pad", "stride 0"}));
  CHECK(names(error_of([&] { subsample_pad(x, 1, -1, 1); }), {"subsample_pad", "-1"}));
  CHECK(names(error_of([&] { subsample_pad(random_var({4, 4}, 1), 1, 1, 1); }), {"subsample_pad", "[4,4]"}));
}

TEST_CASE("subsample_pad and reshape: codes in bytes stay bytes") {
  const auto info = std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 4, {0.5}, 3});
  auto x = Var<double>::of_codes(Tensor<std::uint8_t>({1, 2, 2, 1}, {4, 5, 6, 7}), info);
  x.set_requires_grad(true);
  const auto y = subsample_pad(x, 2, 1, 2);
  REQUIRE(y.has_code_bytes());
  CHECK(list(y) == Values{0, 0.5, 0, 0});
  const auto z = reshape(x, {4, -1});
  REQUIRE(z.has_code_bytes());
  CHECK(list(z) == Values{0.5, 1, 1.5, 2});
  y.backward(Tensor<double>(y.shape(), 1.0));
  CHECK(list(x.grad()) == Values{1, 0, 0, 0});
}
