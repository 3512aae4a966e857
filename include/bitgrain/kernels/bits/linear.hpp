#pragma once

/// Linear layers from packed weights: matrix times vector, or times a few vectors. At batch 1 a linear layer does two
/// operations per weight, so reading the weights from memory is what takes time, and weights of 2 bits are read four
/// times as fast as bytes. They are unpacked within registers and never written back.
///
/// Weights lie as [blocks of 16 output channels][quads of inputs][16 channels][4 products], a block filled up to
/// whole groups. Every row of the batch takes a block while it is in cache. With x' = x - 128, signed,
///
///     sum of w (x - offset) = spacing * sum of u x' + lowest * sum of x' + (128 - offset) * sum of w

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/bits/packed_fields.hpp"
#include "bitgrain/kernels/kernel_set.hpp"

namespace bitgrain::kernels {

struct PackedLinear {
  std::int64_t inputs = 0, outputs = 0;
  std::int64_t blocks = 0;
  std::int64_t block_groups = 0;  ///< groups of eight quads per block
  PackedFields weights;
  std::vector<std::int32_t> start;  ///< [16 blocks]: (128 - input_offset) * sum(w)
};

/// Packs w [outputs][inputs], at the fewest bits that hold its codes, for inputs whose byte b means b - input_offset.
inline PackedLinear pack_linear(std::int64_t inputs, std::int64_t outputs, const std::int8_t* w,
                                std::int32_t input_offset = 0) {
  BITGRAIN_CHECK(inputs >= 1 && outputs >= 1, "a linear layer needs inputs and outputs, got ", inputs, " and ",
                 outputs);
  PackedLinear packed;
  packed.inputs = inputs;
  packed.outputs = outputs;
  packed.blocks = (outputs + kFieldLanes - 1) / kFieldLanes;
  packed.block_groups = (inputs + kGroupSteps * kFieldQuad - 1) / (kGroupSteps * kFieldQuad);
  // What fills up is a code that exists, not 0, which might need another bit: the driver puts x' = 0 there.
  std::vector<std::int8_t> blocks(static_cast<std::size_t>(packed.blocks * packed.block_groups * kGroupFields), w[0]);
  std::vector<std::uint32_t> sum(static_cast<std::size_t>(packed.blocks * kFieldLanes), 0);
  for (std::int64_t o = 0; o < outputs; ++o)
    for (std::int64_t i = 0; i < inputs; ++i) {
      const std::int8_t code = w[o * inputs + i];
      const std::int64_t step = o / kFieldLanes * packed.block_groups * kGroupSteps + i / kFieldQuad;
      blocks[static_cast<std::size_t>((step * kFieldLanes + o % kFieldLanes) * kFieldQuad + i % kFieldQuad)] = code;
      sum[static_cast<std::size_t>(o)] += static_cast<std::uint32_t>(code);
    }
  packed.weights = pack_fields(blocks.data(), static_cast<std::int64_t>(blocks.size()));
  for (const std::uint32_t s : sum)
    packed.start.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(128 - input_offset) * s));
  return packed;
}

namespace detail {

// sums[b] = the sums of u x' of one row with two blocks, which share the loads of x. Levels are unpacked in registers
// and never written. A chain of dot products waits for each of them, so there are four per block.
template <class F, int Bits>
void field_row(const std::uint8_t* group, std::int64_t block_bytes, std::int64_t groups, const std::int8_t* x,
               std::int32_t* sums) {
  constexpr int kBlocks = 2, kChains = 4;
  typename F::Lanes lanes[kBlocks][kChains] = {};
  for (std::int64_t g = 0; g < groups; ++g, group += kStepFields * Bits, x += kGroupSteps * kFieldQuad)
    for_each_step([&]<int kStep>() {
      const typename F::Quad quad = F::quad(x + kStep * kFieldQuad);
      for (int b = 0; b < kBlocks; ++b)
        F::template dot<Bits>(lanes[b][kStep % kChains], quad,
                              unpack_levels<F, Bits, kStep>(group + b * block_bytes));
    });
  for (int b = 0; b < kBlocks; ++b) {
    for (int c = 1; c < kChains; ++c) F::add(lanes[b][0], lanes[b][c]);
    F::store(sums + b * kFieldLanes, lanes[b][0]);
  }
}
using FieldRow = void (*)(const std::uint8_t*, std::int64_t, std::int64_t, const std::int8_t*, std::int32_t*);

// sums[r] += the sums of u x' of Rows rows of x with the levels of a block, already unpacked; `Bits` at least theirs.
template <class F, int Bits, int Rows>
void level_rows(const std::uint8_t* levels, std::int64_t steps, const std::int8_t* x, std::int64_t x_stride,
                std::int32_t* sums) {
  typename F::Lanes lanes[Rows];
  for (int r = 0; r < Rows; ++r) lanes[r] = F::load(sums + r * kFieldLanes);
  for (std::int64_t s = 0; s < steps; ++s, levels += kStepFields, x += kFieldQuad) {
    const typename F::Fields fields = F::load(levels);
    for (int r = 0; r < Rows; ++r) F::template dot<Bits>(lanes[r], F::quad(x + r * x_stride), fields);
  }
  for (int r = 0; r < Rows; ++r) F::store(sums + r * kFieldLanes, lanes[r]);
}
using LevelRows = void (*)(const std::uint8_t*, std::int64_t, const std::int8_t*, std::int64_t, std::int32_t*);

// A linear layer on its way: the functions for its bits, and its input.
struct LinearRun {
  const PackedLinear& linear;
  FieldRow one_row;
  UnpackGroups unpack;
  LevelRows four_rows, eight_rows;
  const std::int8_t* x;  // x', rows of x_stride
  std::int64_t x_stride;
  const std::int32_t* x_part;  // lowest * sum of x', by row
  std::int32_t* acc;

  const std::uint8_t* block_data(std::int64_t block) const {
    return linear.weights.bytes.data() + block * linear.block_groups * linear.weights.group_bytes();
  }
  // Writes what the sums of a row with the block mean.
  void finish(std::int64_t row, std::int64_t block, const std::int32_t* sums) const {
    const std::int64_t first = block * kFieldLanes, channels = std::min(kFieldLanes, linear.outputs - first);
    const auto spacing = static_cast<std::uint32_t>(linear.weights.codes.spacing);
    for (std::int64_t c = 0; c < channels; ++c)
      acc[row * linear.outputs + first + c] = static_cast<std::int32_t>(
          spacing * static_cast<std::uint32_t>(sums[c]) + static_cast<std::uint32_t>(x_part[row]) +
          static_cast<std::uint32_t>(linear.start[static_cast<std::size_t>(first + c)]));
  }
  // One row with the blocks `block` and `block` + 1, of which the second may not exist.
  void run_row(std::int64_t row, std::int64_t block) const {
    const bool both = block + 1 < linear.blocks;
    const std::int64_t block_bytes = linear.block_groups * linear.weights.group_bytes();
    alignas(64) std::int32_t sums[2 * kFieldLanes];
    one_row(block_data(block), both ? block_bytes : 0, linear.block_groups, x + row * x_stride, sums);
    finish(row, block, sums);
    if (both) finish(row, block + 1, sums + kFieldLanes);
  }
  // Four or eight rows with one block, a stretch of whose levels at a time is unpacked into the first-level cache.
  void run_rows(std::int64_t row, std::int64_t rows, std::int64_t block) const {
    constexpr std::int64_t kStretch = 16;  // groups: 8 KB
    alignas(64) std::uint8_t levels[kStretch * kGroupFields];
    alignas(64) std::int32_t sums[8 * kFieldLanes] = {};
    for (std::int64_t g = 0; g < linear.block_groups; g += kStretch) {
      const std::int64_t groups = std::min(kStretch, linear.block_groups - g);
      const std::uint8_t* from = block_data(block) + g * linear.weights.group_bytes();
      if (linear.weights.codes.bits < 8) unpack(from, groups, levels);
      (rows == 8 ? eight_rows : four_rows)(linear.weights.codes.bits < 8 ? levels : from, groups * kGroupSteps,
                                           x + row * x_stride + g * kGroupSteps * kFieldQuad, x_stride, sums);
    }
    for (std::int64_t r = 0; r < rows; ++r) finish(row + r, block, sums + r * kFieldLanes);
  }
  // The whole batch with the pairs of blocks begin .. end - 1.
  void run_pairs(std::int64_t batch, std::int64_t begin, std::int64_t end) const {
    for (std::int64_t block = 2 * begin; block < 2 * end; block += 2)
      for (std::int64_t row = 0; row < batch;) {
        const std::int64_t rows = batch - row >= 8 ? 8 : batch - row >= 4 ? 4 : 1;
        if (rows == 1)
          run_row(row, block);
        else
          for (std::int64_t b = block; b < std::min(block + 2, linear.blocks); ++b) run_rows(row, rows, b);
        row += rows;
      }
  }
};

}  // namespace detail

/// acc [batch][outputs] = the products of x [batch][inputs] with the weights, output channels in parallel.
template <class F = BestFields>
void linear_packed(const PackedLinear& linear, std::int64_t batch, const std::uint8_t* x, std::int32_t* acc) {
  if constexpr (kDispatch && std::is_same_v<F, BestFields>) return kernel_set().linear_packed(linear, batch, x, acc);
  // x', filled up with zeros to whole groups, and lowest * sum(x').
  const std::int64_t stride = linear.block_groups * kGroupSteps * kFieldQuad;
  Scratch<std::int8_t> rows(static_cast<std::size_t>(std::max<std::int64_t>(batch, 1) * stride));
  Scratch<std::int32_t> x_part(static_cast<std::size_t>(std::max<std::int64_t>(batch, 1)));
  for (std::int64_t r = 0; r < batch; ++r) {
    const std::uint8_t* from = x + r * linear.inputs;
    std::int8_t* row = rows.data() + r * stride;
    std::memset(row + linear.inputs, 0, static_cast<std::size_t>(stride - linear.inputs));
    std::uint32_t sum = 0;
    for (std::int64_t i = 0; i < linear.inputs; ++i) {
      row[i] = static_cast<std::int8_t>(from[i] ^ 128);
      sum += static_cast<std::uint32_t>(row[i]);
    }
    x_part[static_cast<std::size_t>(r)] =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(linear.weights.codes.lowest) * sum);
  }
  const int bits = linear.weights.codes.bits;
  const bool whole_byte = bits == 8;
  detail::LinearRun run{linear,
                        nullptr,
                        unpack_groups_of<F>(bits),
                        whole_byte ? detail::level_rows<F, 8, 4> : detail::level_rows<F, 7, 4>,
                        whole_byte ? detail::level_rows<F, 8, 8> : detail::level_rows<F, 7, 8>,
                        rows.data(),
                        stride,
                        x_part.data(),
                        acc};
  detail::with_bits(bits, [&]<int kBits>() { run.one_row = detail::field_row<F, kBits>; });
  // About a million products per chunk: well above the cost of handing it to a thread.
  const std::int64_t pair_products = 2 * linear.block_groups * kGroupFields * std::max<std::int64_t>(batch, 1);
  parallel_for((linear.blocks + 1) / 2, std::max<std::int64_t>(1, (std::int64_t{1} << 20) / pair_products),
               [&](std::int64_t begin, std::int64_t end) { run.run_pairs(batch, begin, end); });
}

/// The instance of the best primitive (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_LINEAR_PACKED_INSTANCES(linkage)                                                         \
  linkage template void linear_packed<BestFields>(const PackedLinear&, std::int64_t, const std::uint8_t*, \
                                                  std::int32_t*);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_LINEAR_PACKED_INSTANCES(extern)
#endif

}  // namespace bitgrain::kernels
