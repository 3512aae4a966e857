#include "bitgrain/run/safetensors.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/random.hpp"
#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

namespace {
SafetensorsWriter sample() {
  SafetensorsWriter writer;
  writer.set_metadata("format", "test");
  writer.add("codes", Tensor<std::int8_t>(Shape{3}, {-128, 0, 127}));
  writer.add("weight", Tensor<float>(Shape{2, 2}, {1, -2, 0.5F, 1e-30F}));
  writer.add("scalar", Tensor<double>(Shape{}, {1.0 / 3}));
  writer.add("empty", Tensor<float>(Shape{0, 4}));
  return writer;
}
}  // namespace

TEST_CASE("tensors and metadata come back from the file bit for bit") {
  const TestFolder folder("safetensors");
  sample().save(folder / "a.safetensors");
  const auto file = SafetensorsFile::read(folder / "a.safetensors");
  CHECK(file.metadata().at("format") == "test");
  CHECK(file.entries().size() == 4);
  const auto weight = file.tensor<float>("weight");
  CHECK(weight.shape() == Shape{2, 2});
  CHECK(std::vector<float>(weight.values().begin(), weight.values().end()) ==
        std::vector<float>{1, -2, 0.5F, 1e-30F});
  CHECK(file.tensor<double>("scalar").item() == 1.0 / 3);
  CHECK(file.tensor<std::int8_t>("codes")[0] == -128);
  CHECK(file.tensor<float>("empty").shape() == Shape{0, 4});
}

TEST_CASE("the same tensors give the same bytes, in whatever order they were added") {
  SafetensorsWriter a, b;
  const Tensor<float> x(Shape{1}, 1.0F);
  const Tensor<std::int8_t> y(Shape{1}, std::int8_t{1});
  a.add("x", x);
  a.add("y", y);
  b.add("y", y);
  b.add("x", x);
  CHECK(a.bytes() == b.bytes());
}

TEST_CASE("each tensor starts at a multiple of its element size") {
  const auto bytes = sample().bytes();
  const SafetensorsFile file(bytes, "f");
  const auto header = parse_safetensors_header(bytes, "f");
  CHECK(header.data_begin % 8 == 0);
  for (const auto& e : file.entries())
    CHECK(e.begin % static_cast<std::uint64_t>(safetensors_bits(e.dtype) / 8) == 0);
}

TEST_CASE("asking for what is not there, or for another type, names the file and the tensor") {
  const SafetensorsFile file(sample().bytes(), "file 'm'");
  CHECK(error_of([&] { file.tensor<float>("bias"); }) == "file 'm': there is no tensor 'bias'");
  CHECK(error_of([&] { file.tensor<float>("codes"); }) == "file 'm': tensor 'codes' is of type I8, expected F32");
  CHECK(contains(error_of([&] { SafetensorsFile::read("no such file"); }), "does not exist"));
}

TEST_CASE("the writer refuses names twice and bytes that do not fit") {
  SafetensorsWriter writer = sample();
  CHECK(contains(error_of([&] { writer.add("weight", Tensor<float>(Shape{1}, 0.0F)); }),
                 "two tensors called 'weight'"));
  CHECK(contains(error_of([&] { writer.add("__metadata__", Tensor<float>(Shape{1}, 0.0F)); }), "__metadata__"));
  const std::vector<std::uint8_t> three(3);
  CHECK(contains(error_of([&] { writer.add("q", "F32", {1}, three); }), "needs 4 bytes, got 3"));
}

TEST_CASE("a damaged file is an error or a valid file, never a crash: truncations and random damage") {
  const auto good = sample().bytes();
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(error_of([&] {
            SafetensorsFile({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}, "f");
          }) != "");
  RandomStream random(1, "safetensors.fuzz");
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    auto bad = good;
    for (std::uint32_t hits = 1 + random.below(4); hits > 0; --hits) {
      const auto header = static_cast<std::uint32_t>(good.size());
      bad[random.below(header)] = static_cast<std::uint8_t>(random.below(256));
    }
    refused += error_of([&] {
                 const SafetensorsFile file(bad, "f");
                 for (const auto& e : file.entries()) static_cast<void>(file.bytes(e).size());
               }) != "";
  }
  CHECK(refused > 1500);
}
