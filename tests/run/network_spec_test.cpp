#include "bitgrain/run/network_spec.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
NetworkSpec sample() {
  NetworkSpec spec;
  spec.model = {"lenet5", {28, 28, 1}, 3, "A"};
  spec.quantization.weights = "lsq";
  spec.quantization.activations = "uniform-mse";
  spec.quantization.per_channel = true;
  spec.quantization.allocation.weights = {{"conv1", 3}, {"head", 8}};
  spec.quantization.allocation.activations = {{"act1", 4}};
  const double mean[] = {0.1307}, deviation[] = {0.3081};
  spec.encoding = InputEncoding::normalised(mean, deviation);
  spec.classes = {"a", "\"b\"", "c"};
  return spec;
}
std::string objection(const char* key, const std::string& value) {
  auto metadata = to_metadata(sample());
  if (value.empty())
    metadata.erase(key);
  else
    metadata[key] = value;
  return error_of([&] { network_spec_from_metadata(metadata, "file 'f'"); });
}
}  // namespace

TEST_CASE("a network spec comes back from its metadata, every code and every bit of the step") {
  const NetworkSpec spec = sample();
  const NetworkSpec back = network_spec_from_metadata(to_metadata(spec), "f");
  CHECK(back.model == spec.model);
  CHECK(back.quantization == spec.quantization);
  CHECK(back.quantization.quantized());
  CHECK(back.encoding.codes == spec.encoding.codes);
  CHECK(back.encoding.step == spec.encoding.step);
  CHECK(back.encoding.is_signed);
  CHECK(back.classes == spec.classes);
}

TEST_CASE("bits keep the order of the network") {
  const auto json = to_json(sample().quantization);
  CHECK(json["allocation"]["weights"].dump() == R"({"conv1":3,"head":8})");
  CHECK_FALSE(QuantizationSpec{}.quantized());
}

TEST_CASE("metadata that is missing, foreign or inconsistent is refused and named") {
  CHECK(objection("other", "x") == "");
  for (const char* key : {"format", "model", "quantization", "input", "classes"})
    CHECK(contains(objection(key, ""), std::string("the metadata '") + key + "' is missing"));
  CHECK(contains(objection("format", "pt"), "expected the format 'bitgrain network 1', got 'pt'"));
  CHECK(contains(objection("model", "{"), "metadata 'model', offset"));
  CHECK(contains(objection("classes", "[1, 2, 3]"), "expected a string"));
  CHECK(contains(objection("classes", "[\"a\"]"), "expected 3 names"));
  CHECK(contains(objection("quantization", "{}"), "'weights' is missing"));
  auto quantization = to_json(sample().quantization);
  quantization["allocation"]["weights"]["conv1"] = 77;
  CHECK(contains(objection("quantization", quantization.dump()), "conv1"));
  auto input = to_json(sample().encoding);
  input["codes"][0] = 1000;
  CHECK(contains(objection("input", input.dump()), "an input code must be in"));
  input["codes"] = "none";
  CHECK(contains(objection("input", input.dump()), "expected an array 'codes'"));
  CHECK(contains(objection("input", to_json(InputEncoding::unsigned_bytes(3)).dump()),
                 "the input table has 3 channels, the model's images 1"));
}
