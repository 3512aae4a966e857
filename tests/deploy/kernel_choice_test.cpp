// Which kernel a layer gets: the rules of the choice, on tables small enough to follow by hand.

#include "bitgrain/deploy/kernel_choice.hpp"

#include <doctest/doctest.h>

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
using kernels::BitsKernel;

ConvOp choice_layer(std::int64_t size, std::int64_t in, std::int64_t out, std::vector<std::int8_t> codes,
                    std::int64_t groups = 1) {
  ConvOp op;
  const std::int64_t kernel = size == 1 ? 1 : 3;
  op.geometry = {1, size, size, in, out, Window2d::square(kernel, 1, kernel / 2), groups};
  op.weights.bits = 2;
  while (static_cast<std::int64_t>(op.weights.codes.size()) < op.geometry.weight_size())
    op.weights.codes.push_back(codes[op.weights.codes.size() % codes.size()]);
  return op;
}
Value choice_input(int bits, ValueType type = ValueType::kU8) {
  Value value;
  value.bits = bits;
  value.type = type;
  return value;
}
}  // namespace

TEST_CASE("a layer's bits are those of the codes that occur, not of the grid they were allowed") {
  const auto bits = [](std::vector<std::int8_t> codes, const Value& input) {
    return layer_bits(choice_layer(1, 4, 4, std::move(codes)).weights, input);
  };
  CHECK(bits({-1, 1}, choice_input(1)) == LayerBits{1, 1, 1});
  CHECK(bits({-1, 0, 1}, choice_input(2)) == LayerBits{2, 1, 2});
  CHECK(bits({-2, -1, 0, 1}, choice_input(3)) == LayerBits{2, 2, 3});
  CHECK(bits({-3, 2, 3}, choice_input(4)) == LayerBits{3, 2, 4});
  CHECK(bits({-3, -1, 1, 3}, choice_input(8)) == LayerBits{2, 2, 8});
  CHECK(bits({0}, choice_input(8)) == LayerBits{1, 1, 8});
  // One signed bit is -1, 0 or 1.
  CHECK(bits({-1, 1}, choice_input(1, ValueType::kS8)) == LayerBits{1, 1, 2});
  CHECK(bits({-1, 1}, choice_input(4, ValueType::kS8)) == LayerBits{1, 1, 4});
}

TEST_CASE("stored codes contain every code of the value, and its zero point") {
  for (const ValueType type : {ValueType::kU8, ValueType::kS8})
    for (int bits = 1; bits <= 8; ++bits) {
      const Value value = choice_input(bits, type);
      const kernels::BitCodes stored = stored_codes(value);
      CHECK(stored.lowest >= 0);
      CHECK(stored.highest() <= 255);
      for (std::int32_t code = code_range(value).low; code <= code_range(value).high; ++code)
        CHECK(stored.contains(code + storage_offset(value)));
    }
}

TEST_CASE("the nearest shape decides, bytes win unless another kernel is clearly faster") {
  const ConvOp ternary = choice_layer(8, 64, 64, {-1, 0, 1});
  const Value input = choice_input(2);
  const LayerShape shape = layer_shape(ternary.geometry);
  CHECK(shape == LayerShape{64, 64, 9, 64, false});
  const LayerBits bits{2, 1, 2};
  CHECK(choose_kernel({}, ternary, input) == BitsKernel::kBytes);

  KernelTable table = {{shape, BitsKernel::kBytes, {}, 100, 100}, {shape, BitsKernel::kBitSerial, bits, 50, 50}};
  CHECK(choose_kernel(table, ternary, input) == BitsKernel::kBitSerial);
  // Single images and batches count alike.
  table[1].single_ns = 400;
  CHECK(choose_kernel(table, ternary, input) == BitsKernel::kBytes);
  table[1].batched_ns = 20;
  CHECK(choose_kernel(table, ternary, input) == BitsKernel::kBitSerial);
  // A small gain is none.
  table[1].single_ns = table[1].batched_ns = 95;
  CHECK(choose_kernel(table, ternary, input) == BitsKernel::kBytes);
  table[1].single_ns = table[1].batched_ns = 50;

  // Times of other bits say nothing to the bit-serial kernel.
  CHECK(choose_kernel(table, ternary, choice_input(3)) == BitsKernel::kBytes);
  CHECK(choose_kernel(table, choice_layer(8, 64, 64, {-2, 1}), input) == BitsKernel::kBytes);
  // Unpacked bytes do not depend on the input's bits.
  table.push_back({shape, BitsKernel::kPacked8, bits, 40, 40});
  CHECK(choose_kernel(table, ternary, choice_input(5)) == BitsKernel::kPacked8);
  table.pop_back();

  // A shape between: the nearer one.
  const LayerShape larger{256, 256, 9, 64, false};
  table.push_back({larger, BitsKernel::kBytes, {}, 100, 100});
  CHECK(choose_kernel(table, choice_layer(8, 80, 80, {-1, 0, 1}), input) == BitsKernel::kBitSerial);
  CHECK(choose_kernel(table, choice_layer(8, 200, 200, {-1, 0, 1}), input) == BitsKernel::kBytes);
  // Too far from all of them.
  table.pop_back();
  CHECK(choose_kernel(table, choice_layer(8, 128, 128, {-1, 0, 1}), input) == BitsKernel::kBitSerial);
  CHECK(choose_kernel(table, choice_layer(8, 160, 160, {-1, 0, 1}), input) == BitsKernel::kBytes);
  CHECK(choose_kernel(table, choice_layer(1, 64, 64, {-1, 0, 1}), input) == BitsKernel::kBytes);

  // A later measurement of the same shape replaces an earlier one.
  table.push_back({shape, BitsKernel::kBytes, {}, 20, 20});
  CHECK(choose_kernel(table, ternary, input) == BitsKernel::kBytes);
}

TEST_CASE("a kernel that cannot run the layer is not chosen, however fast the table says it is") {
  const Value input = choice_input(2);
  for (const BitsKernel kernel : kernels::kBitsKernels) {
    const ConvOp grouped = choice_layer(8, 64, 64, {-1, 0, 1}, 2), image = choice_layer(8, 64, 64, {-1, 0, 1});
    for (const ConvOp* op : {&grouped, &image}) {
      const LayerShape shape = layer_shape(op->geometry);
      const KernelTable table = {{shape, BitsKernel::kBytes, {}, 100, 100}, {shape, kernel, {2, 1, 2}, 1, 1}};
      const bool can = op == &image && kernel != BitsKernel::kPackedLinear;
      CHECK(choose_kernel(table, *op, input) == (can ? kernel : BitsKernel::kBytes));
    }
  }
}

TEST_CASE("strides break ties between shapes, groups keep them apart, and both are named") {
  const LayerShape one{16, 32, 9, 256, false}, two{16, 32, 9, 256, false, 2}, grouped{1, 32, 9, 256, false, 1, 32};
  ConvGeometry g{1, 32, 32, 16, 32, Window2d::square(3, 2, 1), 1};
  CHECK(layer_shape(g) == two);
  CHECK(shape_distance(one, two) > 0);
  CHECK(shape_distance(one, two) < 0.01);
  CHECK(shape_distance(one, grouped) > kFarthestShape);
  const KernelTable table = {{two, BitsKernel::kBytes, {}, 7, 7},
                             {one, BitsKernel::kBytes, {}, 5, 5},
                             {grouped, BitsKernel::kBytes, {}, 3, 3},
                             {grouped, BitsKernel::kPacked8, {}, 1, 1}};
  const auto chosen = [&](const LayerShape& shape) {
    return choose_time(table, shape, LayerBits{}, [](BitsKernel) { return true; });
  };
  CHECK(chosen(one) == &table[1]);
  CHECK(chosen(two) == &table[0]);
  CHECK(chosen(grouped) == &table[2]);
  CHECK(chosen({1, 1, 1, 1, true}) == nullptr);
  CHECK(to_string(two) == "16 -> 32 channels, 9 taps, 256 pixels, stride 2");
  CHECK(to_string(grouped) == "1 -> 32 channels, 9 taps, 256 pixels, 32 groups");
  CHECK(to_string(LayerShape{64, 10, 1, 1, true}) == "64 -> 10 channels");
}
