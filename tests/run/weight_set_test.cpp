// Weights come as one safetensors file, as a folder of .npy files or as one of them, in any floating type.
#include "bitgrain/run/weight_set.hpp"

#include <doctest/doctest.h>

#include "bitgrain/run/npy.hpp"
#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

TEST_CASE("safetensors with several types become floats; PyTorch's batch counters are passed over") {
  const TestFolder folder("weights");
  SafetensorsWriter writer;
  const std::vector<std::uint8_t> half = {0x00, 0x3C, 0x00, 0xC0}, brain = {0x80, 0x3F};
  writer.add("half", "F16", {2}, half);
  writer.add("brain", "BF16", {}, brain);
  writer.add("double", Tensor<double>(Shape{1, 1}, 0.25));
  writer.add("bn.num_batches_tracked", Tensor<std::int64_t>(Shape{}, std::int64_t{17}));
  writer.save(folder / "w.safetensors");
  const WeightSet set = read_weights(folder / "w.safetensors");
  REQUIRE(set.tensors.size() == 3);
  CHECK(set.tensors.at("half")[1] == -2.0F);
  CHECK(set.tensors.at("brain").item() == 1.0F);
  CHECK(set.tensors.at("double").shape() == Shape{1, 1});
  CHECK_FALSE(set.one_tensor);
}

TEST_CASE("a folder of .npy files is a set, one .npy file is a set of one") {
  const TestFolder folder("weights");
  write_npy(folder / "conv1.weight.npy", Tensor<float>(Shape{2, 1, 1, 1}, 3.0F));
  write_npy(folder / "conv1.bias.npy", Tensor<double>(Shape{2}, 4.0));
  write_npy(folder / "bn.num_batches_tracked.npy", Tensor<std::int64_t>(Shape{}, std::int64_t{1}));
  write_file_atomically(folder / "notes.txt", "mine");
  const WeightSet all = read_weights(folder.path().string());
  REQUIRE(all.tensors.size() == 2);
  CHECK(all.tensors.at("conv1.weight").shape() == Shape{2, 1, 1, 1});
  CHECK(all.tensors.at("conv1.bias")[1] == 4.0F);
  const WeightSet one = read_weights(folder / "conv1.bias.npy");
  CHECK(one.tensors.size() == 1);
  CHECK(one.one_tensor);
}

TEST_CASE("what cannot be weights is refused by name") {
  const TestFolder folder("weights");
  SafetensorsWriter writer;
  writer.add("codes", Tensor<std::int8_t>(Shape{1}, std::int8_t{1}));
  writer.save(folder / "w.safetensors");
  CHECK(contains(error_of([&] { read_weights(folder / "w.safetensors"); }), "tensor 'codes' is of type I8"));
  std::filesystem::create_directory(folder / "empty");
  CHECK(contains(error_of([&] { read_weights(folder / "empty"); }), "holds no .npy files"));
  CHECK(contains(error_of([&] { read_weights(folder / "nothing"); }), "does not exist"));
}
