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
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/bits/packed_weights.hpp"

namespace bitgrain::kernels {

struct PackedLinear {
  std::int64_t inputs = 0, outputs = 0;
  std::int64_t blocks = 0;
  std::int64_t block_groups = 0;  ///< groups of eight quads per block
  PackedWeights weights;
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
  packed.weights = pack_weights(blocks.data(), static_cast<std::int64_t>(blocks.size()));
  for (const std::uint32_t s : sum)
    packed.start.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(128 - input_offset) * s));
  return packed;
}

namespace detail {

// sums[r][b] = the sums of u x' of Rows rows of x with Blocks blocks: levels are unpacked once for all rows, and two
// blocks share the loads of x. A chain of dot products waits for each of them: one row takes several chains.
template <class F, int Bits, int Rows, int Blocks>
void field_tile(const std::uint8_t* group, std::int64_t block_bytes, std::int64_t groups, const std::int8_t* x,
                std::int64_t x_stride, std::int32_t* sums) {
  constexpr int kChains = Rows * Blocks >= 4 ? 1 : 4;
  typename F::Lanes lanes[Rows][Blocks][kChains] = {};
  for (std::int64_t g = 0; g < groups; ++g, group += kStepFields * Bits, x += kGroupSteps * kFieldQuad)
    for_each_step([&]<int kStep>() {
      typename F::Fields levels[Blocks];
      for (int b = 0; b < Blocks; ++b) levels[b] = unpack_levels<F, Bits, kStep>(group + b * block_bytes);
      for (int r = 0; r < Rows; ++r) {
        const typename F::Quad quad = F::quad(x + r * x_stride + kStep * kFieldQuad);
        for (int b = 0; b < Blocks; ++b) F::template dot<Bits>(lanes[r][b][kStep % kChains], quad, levels[b]);
      }
    });
  for (int r = 0; r < Rows; ++r)
    for (int b = 0; b < Blocks; ++b, sums += kFieldLanes) {
      for (int c = 1; c < kChains; ++c) F::add(lanes[r][b][0], lanes[r][b][c]);
      F::store(sums, lanes[r][b][0]);
    }
}

// Rows of x' (in steps of x_stride) from `row` on with the blocks from `block` on.
template <class F, int Bits, int Rows, int Blocks>
void field_rows(const PackedLinear& linear, std::int64_t block, std::int64_t row, const std::int8_t* x,
                std::int64_t x_stride, const std::int32_t* x_part, std::int32_t* acc) {
  const std::int64_t block_bytes = linear.block_groups * linear.weights.group_bytes();
  const std::int64_t first = block * kFieldLanes, channels = std::min(Blocks * kFieldLanes, linear.outputs - first);
  alignas(64) std::int32_t sums[Rows * Blocks * kFieldLanes];
  field_tile<F, Bits, Rows, Blocks>(linear.weights.bytes.data() + block * block_bytes, block_bytes,
                                    linear.block_groups, x + row * x_stride, x_stride, sums);
  const auto spacing = static_cast<std::uint32_t>(linear.weights.codes.spacing);
  for (std::int64_t r = 0; r < Rows; ++r)
    for (std::int64_t c = 0; c < channels; ++c)
      acc[(row + r) * linear.outputs + first + c] =
          static_cast<std::int32_t>(spacing * static_cast<std::uint32_t>(sums[r * Blocks * kFieldLanes + c]) +
                                    static_cast<std::uint32_t>(x_part[row + r]) +
                                    static_cast<std::uint32_t>(linear.start[static_cast<std::size_t>(first + c)]));
}

// The blocks begin .. end - 1 with the whole batch: two blocks, or eight or four rows, at a time.
template <class F, int Bits>
void field_blocks(const PackedLinear& linear, std::int64_t begin, std::int64_t end, std::int64_t batch,
                  const std::int8_t* x, std::int64_t x_stride, const std::int32_t* x_part, std::int32_t* acc) {
  for (std::int64_t block = begin; block < end; block += 2) {
    const std::int64_t blocks = std::min<std::int64_t>(2, end - block);
    for (std::int64_t row = 0; row < batch;) {
      const std::int64_t rows = batch - row >= 8 ? 8 : batch - row >= 4 ? 4 : 1;
      if (rows == 1 && blocks == 2)
        field_rows<F, Bits, 1, 2>(linear, block, row, x, x_stride, x_part, acc);
      else
        for (std::int64_t b = block; b < block + blocks; ++b) {
          if (rows == 8)
            field_rows<F, Bits, 8, 1>(linear, b, row, x, x_stride, x_part, acc);
          else if (rows == 4)
            field_rows<F, Bits, 4, 1>(linear, b, row, x, x_stride, x_part, acc);
          else
            field_rows<F, Bits, 1, 1>(linear, b, row, x, x_stride, x_part, acc);
        }
      row += rows;
    }
  }
}

}  // namespace detail

/// acc [batch][outputs] = the products of x [batch][inputs] with the weights, output channels in parallel.
template <class F = BestFields>
void linear_packed(const PackedLinear& linear, std::int64_t batch, const std::uint8_t* x, std::int32_t* acc) {
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
  // About a million products per chunk: well above the cost of handing it to a thread.
  const std::int64_t block_products = linear.block_groups * kGroupFields * std::max<std::int64_t>(batch, 1);
  parallel_for(linear.blocks, std::max<std::int64_t>(1, (std::int64_t{1} << 20) / block_products),
               [&](std::int64_t begin, std::int64_t end) {
                 detail::with_bits(linear.weights.codes.bits, [&]<int kBits>() {
                   detail::field_blocks<F, kBits>(linear, begin, end, batch, rows.data(), stride, x_part.data(), acc);
                 });
               });
}

}  // namespace bitgrain::kernels
