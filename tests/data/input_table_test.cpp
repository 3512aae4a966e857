#include "bitgrain/data/input_table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("the unsigned table is the byte itself with step 1/255 and zero point 0") {
  const InputEncoding encoding = InputEncoding::unsigned_bytes(2);
  encoding.validate();
  CHECK(encoding.channels() == 2);
  CHECK(encoding.step == 1.0 / 255.0);
  CHECK_FALSE(encoding.is_signed);
  for (int c = 0; c < 2; ++c)
    for (int v = 0; v < 256; ++v) CHECK(encoding.code(c, static_cast<std::uint8_t>(v)) == v);
  const QuantInfo info = encoding.quant_info();
  CHECK(info.grid == Grid::kUnsigned);
  CHECK(info.bits == 8);
  CHECK(info.zero_point == 0);
  CHECK(info.step == std::vector<double>{1.0 / 255.0});
}

TEST_CASE("the signed table is the nearest multiple of one step that spans all channels") {
  const std::vector<double> mean{0.4914, 0.4822, 0.4465}, std{0.2023, 0.1994, 0.2010};
  const InputEncoding encoding = InputEncoding::normalised(mean, std);
  encoding.validate();
  CHECK(encoding.is_signed);
  double largest = 0;
  int largest_code = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v) {
      const double value = (v / 255.0 - mean[c]) / std[c];
      largest = std::max(largest, std::abs(value));
      const int code = encoding.code(static_cast<std::int64_t>(c), static_cast<std::uint8_t>(v));
      largest_code = std::max(largest_code, std::abs(code));
      CHECK(std::abs(value - encoding.step * code) <= encoding.step / 2 * (1 + 1e-12));
    }
  }
  CHECK(encoding.step == largest / 127);
  CHECK(largest_code == 127);
  CHECK(encoding.quant_info().grid == Grid::kSymmetric);
  CHECK(encoding.quant_info().step == std::vector<double>{encoding.step});
}

TEST_CASE("training and the engine read the same numbers: real = step * code for every byte and channel") {
  const std::vector<double> mean{0.1, 0.9, 0.5}, std{0.3, 0.2, 0.25};
  for (const InputEncoding& encoding : {InputEncoding::unsigned_bytes(3), InputEncoding::normalised(mean, std)}) {
    Tensor<std::uint8_t> bytes(Shape{2, 8, 16, 3});
    for (std::int64_t i = 0; i < bytes.numel(); ++i) bytes.mutable_data()[i] = static_cast<std::uint8_t>(i / 3);
    const auto f = encoding.real<float>(bytes);
    const auto d = encoding.real<double>(bytes);
    const auto wide = encoding.encoded<std::int16_t>(bytes);
    const auto engine = encoding.encoded(bytes);
    CHECK(f.shape() == bytes.shape());
    for (std::int64_t i = 0; i < bytes.numel(); ++i) {
      const int code = encoding.code(i % 3, bytes[i]);
      CHECK(d[i] == encoding.step * code);
      CHECK(f[i] == static_cast<float>(encoding.step * code));
      CHECK(int{wide[i]} == code);
      CHECK(int{encoding.is_signed ? static_cast<std::int8_t>(engine[i]) : engine[i]} == code);
    }
    // The integer layers get their codes back from the values.
    const QTensor recovered = recover_codes(f, encoding.quant_info());
    for (std::int64_t i = 0; i < bytes.numel(); ++i) CHECK(recovered.codes[i] == wide[i]);
  }
}

TEST_CASE("one channel and four channels use their own rows of the table") {
  for (const std::int64_t channels : {1, 2, 4, 5}) {
    InputEncoding encoding = InputEncoding::unsigned_bytes(channels);
    for (std::int64_t c = 0; c < channels; ++c)
      for (int v = 0; v < 256; ++v)
        encoding.codes[static_cast<std::size_t>(256 * c + v)] = static_cast<std::int16_t>((v + 7 * c) % 256);
    Tensor<std::uint8_t> bytes(Shape{3, 7, channels});
    for (std::int64_t i = 0; i < bytes.numel(); ++i) bytes.mutable_data()[i] = static_cast<std::uint8_t>(i * 37);
    const auto codes = encoding.encoded(bytes);
    for (std::int64_t i = 0; i < bytes.numel(); ++i) CHECK(int{codes[i]} == (bytes[i] + 7 * (i % channels)) % 256);
  }
}

TEST_CASE("tables and bytes that do not fit are refused with both numbers") {
  const std::vector<double> one{0.5}, two{0.5, 0.5}, zero{0.0}, nan{std::nan("")};
  CHECK(contains(error_of([&] { InputEncoding::normalised(one, two); }), "got 1 and 2"));
  CHECK(contains(error_of([&] { InputEncoding::normalised(one, zero); }), "std positive, got 0.5 and 0"));
  CHECK(contains(error_of([&] { InputEncoding::normalised(nan, one); }), "mean must be finite"));
  CHECK(contains(error_of([&] { InputEncoding::unsigned_bytes(0); }), "got 0"));
  const InputEncoding encoding = InputEncoding::unsigned_bytes(3);
  CHECK(contains(error_of([&] {
                   encoding.real<float>(Tensor<std::uint8_t>(Shape{2, 4}, 0));
                 }),
                 "for 3 channels, the bytes have shape [2,4]"));
  InputEncoding bad = encoding;
  bad.codes[5] = 256;
  CHECK(contains(error_of([&] { bad.validate(); }), "in 0..255, got 256"));
  bad = encoding;
  bad.codes.pop_back();
  CHECK(contains(error_of([&] { bad.validate(); }), "got 767"));
  bad = encoding;
  bad.step = 0;
  CHECK(contains(error_of([&] { bad.validate(); }), "must be positive, got 0"));
}
