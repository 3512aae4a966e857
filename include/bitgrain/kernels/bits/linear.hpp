#pragma once

/// Linear layers from packed weights: matrix times vector, or times a few vectors. At batch 1 a linear layer does two
/// operations per weight, so reading the weights from memory is what takes time, and weights of 2 bits are read four
/// times as fast as bytes. There they are multiplied as they lie; a batch shares levels that are unpacked in the
/// first-level cache.
///
/// Weights lie as [panels of 64 output channels][groups of 8 inputs], a group as [2 quads of inputs][4 blocks of 16
/// channels][16 channels][4 products], eight steps of fields.hpp. Every row of the batch takes a panel while it is in
/// cache. With x' = x - 128, signed,
///
///     sum of w (x - offset) = spacing * sum of u x' + lowest * sum of x' + (128 - offset) * sum of w

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/bits/packed_fields.hpp"
#include "bitgrain/kernels/compiler_hints.hpp"
#include "bitgrain/kernels/kernel_set.hpp"

namespace bitgrain::kernels {

inline constexpr std::int64_t kPanelBlocks = 4;
inline constexpr std::int64_t kPanelOutputs = kPanelBlocks * kFieldLanes;
inline constexpr std::int64_t kGroupQuads = kGroupSteps / kPanelBlocks;
inline constexpr std::int64_t kGroupInputs = kGroupQuads * kFieldQuad;

struct PackedLinear {
  std::int64_t inputs = 0, outputs = 0;
  std::int64_t panels = 0;
  std::int64_t panel_groups = 0;
  PackedFields weights;
  std::vector<std::int32_t> start;  ///< [64 panels]: (128 - input_offset) * sum(w)
};

/// Packs w [outputs][inputs], at the fewest bits that hold its codes, for inputs whose byte b means b - input_offset.
inline PackedLinear pack_linear(std::int64_t inputs, std::int64_t outputs, const std::int8_t* w,
                                std::int32_t input_offset = 0) {
  BITGRAIN_CHECK(inputs >= 1 && outputs >= 1, "a linear layer needs inputs and outputs, got ", inputs, " and ",
                 outputs);
  PackedLinear packed;
  packed.inputs = inputs;
  packed.outputs = outputs;
  packed.panels = (outputs + kPanelOutputs - 1) / kPanelOutputs;
  packed.panel_groups = (inputs + kGroupInputs - 1) / kGroupInputs;
  // What fills up is a code that exists, not 0, which might need another bit: the driver puts x' = 0 there.
  std::vector<std::int8_t> panels(static_cast<std::size_t>(packed.panels * packed.panel_groups * kGroupFields), w[0]);
  std::vector<std::uint32_t> sum(static_cast<std::size_t>(packed.panels * kPanelOutputs), 0);
  const std::int64_t panel_quads = packed.panel_groups * kGroupQuads;
  for (std::int64_t o = 0; o < outputs; ++o)
    for (std::int64_t i = 0; i < inputs; ++i) {
      const std::int8_t code = w[o * inputs + i];
      const std::int64_t quad = o / kPanelOutputs * panel_quads + i / kFieldQuad;
      panels[static_cast<std::size_t>((quad * kPanelOutputs + o % kPanelOutputs) * kFieldQuad + i % kFieldQuad)] =
          code;
      sum[static_cast<std::size_t>(o)] += static_cast<std::uint32_t>(code);
    }
  packed.weights = pack_fields(panels.data(), static_cast<std::int64_t>(panels.size()));
  for (const std::uint32_t s : sum)
    packed.start.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(128 - input_offset) * s));
  return packed;
}

namespace detail {

// The parts of the levels are multiplied one by one, and their fields where they lie. Of a part of p = 1, 2 or 4 bits
// the fields f_0, f_1 .. of one quad lie side by side in a byte, each of another block. Of the bytes' lowest fields,
//
//     P_k = sum of (f_0 + 2^p f_1 + .. + 2^(kp) f_k) x',        sum of f_k x' = (P_k - P_(k-1)) / 2^(kp)
//
// without shifts, and at no more than one logical instruction per dot product.

// The fields of one quad in a byte.
constexpr int fields_side_by_side(int part) { return std::min(8 / part, static_cast<int>(kPanelBlocks)); }

// The bits of the byte that the product of a step takes: up to its own field, or 0 where it takes the field alone.
template <class F, int Part, int Step>
inline constexpr int kProductBits = [] {
  constexpr int kBits = Part * (Step % fields_side_by_side(Part) + 1);
  return kBits <= F::kDotBits ? kBits : 0;
}();

// The bytes that a quad is multiplied with in a step of one part.
template <class F, int Part, int Step>
[[gnu::always_inline]] inline typename F::Fields factor(const std::uint8_t* group) {
  constexpr int kBits = kProductBits<F, Part, Step>;
  if constexpr (kBits == 0) {
    return unpack_levels<F, Part, Step>(group);
  } else {
    constexpr int kBegin = field_begin(Part, Step - Step % fields_side_by_side(Part));
    auto bytes = F::load_once(group + part_offset(Part, Part, Step));
    if constexpr (kBegin > 0) bytes = F::template moved_down<kBegin>(bytes);
    if constexpr (kBegin + kBits < 8) bytes = F::template lowest_bits<kBits>(bytes);
    return bytes;
  }
}

// The accumulators of a part: one per block and chain, for the steps of a group in turn. The parts of `Bits` bits.
template <class F>
inline constexpr int kPartLanes = (F::kManyRegisters ? 2 : 1) * static_cast<int>(kPanelBlocks);
template <class F, int Bits>
using RowLanes = typename F::Lanes[std::popcount(static_cast<unsigned>(Bits))][kPartLanes<F>];
constexpr int part_index(int part, int bits) { return std::popcount(static_cast<unsigned>(bits & ~(2 * part - 1))); }

template <class F, int Part, int... kStep>
[[gnu::always_inline]] inline void dot_steps(typename F::Lanes* lanes, const std::int8_t* x,
                                             const std::uint8_t* group, std::integer_sequence<int, kStep...>) {
  const auto dot = [&]<int kOf>(const typename F::Fields& fields) __attribute__((always_inline)) {
    constexpr int kBits = kProductBits<F, Part, kOf>;
    F::template dot<kBits == 0 ? Part : kBits>(lanes[kOf % kPartLanes<F>],
                                               F::quad(x + kOf / kPanelBlocks * kFieldQuad), fields);
  };
  if constexpr (F::kManyRegisters) {
    typename F::Fields factors[] = {factor<F, Part, kStep>(group)...};
    F::make_now(factors);
    (dot.template operator()<kStep>(factors[kStep]), ...);
  } else {
    (dot.template operator()<kStep>(factor<F, Part, kStep>(group)), ...);
  }
}
// lanes += the products of a group, if it has such a part.
template <class F, int Bits, int Part>
[[gnu::always_inline]] inline void dot_part(RowLanes<F, Bits>& lanes, const std::int8_t* x,
                                            const std::uint8_t* group) {
  if constexpr ((Bits & Part) != 0)
    dot_steps<F, Part>(lanes[part_index(Part, Bits)], x, group + kStepFields * part_begin(Part, Bits),
                       std::make_integer_sequence<int, kGroupSteps>{});
}

// sum[16] += the sums of a block over a part, if the levels have such a part.
template <class F, int Bits, int Part, int Block>
[[gnu::always_inline]] inline void add_part(const RowLanes<F, Bits>& lanes, std::int32_t* sum) {
  if constexpr ((Bits & Part) != 0) {
    constexpr int kAt = kProductBits<F, Part, Block> == 0 ? 0 : Block % fields_side_by_side(Part);
    const auto& of_part = lanes[part_index(Part, Bits)];
    typename F::Lanes own = of_part[Block];
    if constexpr (kAt > 0) F::subtract(own, of_part[Block - 1]);
    if constexpr (F::kManyRegisters) {
      F::add(own, of_part[kPanelBlocks + Block]);
      if constexpr (kAt > 0) F::subtract(own, of_part[kPanelBlocks + Block - 1]);
    }
    F::template scale<part_begin(Part, Bits) - Part * kAt>(own);
    typename F::Lanes all = F::load(sum);
    F::add(all, own);
    F::store(sum, all);
  }
}
template <class F, int Bits, int Block>
[[gnu::always_inline]] inline void add_block(const RowLanes<F, Bits>& lanes, std::int32_t* sums) {
  add_part<F, Bits, 8, Block>(lanes, sums + Block * kFieldLanes);
  add_part<F, Bits, 4, Block>(lanes, sums + Block * kFieldLanes);
  add_part<F, Bits, 2, Block>(lanes, sums + Block * kFieldLanes);
  add_part<F, Bits, 1, Block>(lanes, sums + Block * kFieldLanes);
}

// sums[64] += the sums of u x' of one row with a panel, over 1 to kLinearGroups groups.
template <class F, int Bits>
void field_row(const std::uint8_t* group, std::int64_t groups, const std::int8_t* x, std::int32_t* sums) {
  RowLanes<F, Bits> lanes = {};
  do {  // there is at least one: a loop that may not run would keep the lanes in memory
    // From a third-level cache, pages begin late otherwise. More than this much ahead delays 4 and 8 bits.
    for (int v = 0; v < Bits; ++v) prefetch_near(group + 512 + v * kStepFields);
    dot_part<F, Bits, 8>(lanes, x, group);
    dot_part<F, Bits, 4>(lanes, x, group);
    dot_part<F, Bits, 2>(lanes, x, group);
    dot_part<F, Bits, 1>(lanes, x, group);
    group += kStepFields * Bits;
    x += kGroupInputs;
  } while (--groups > 0);
  add_block<F, Bits, 0>(lanes, sums);
  add_block<F, Bits, 1>(lanes, sums);
  add_block<F, Bits, 2>(lanes, sums);
  add_block<F, Bits, 3>(lanes, sums);
}
using FieldRow = void (*)(const std::uint8_t*, std::int64_t, const std::int8_t*, std::int32_t*);
// Products of whole bytes stay below 2^31: 65536 inputs * 255 * 128.
inline constexpr std::int64_t kLinearGroups = 65536 / kGroupInputs;

// sums [kRows][64] += the sums of u x' of rows of x with the levels [quads][4 blocks] of a panel, already unpacked.
// `Bits` is at least theirs.
template <class F, int Bits>
void level_rows(const std::uint8_t* levels, std::int64_t quads, const std::int8_t* x, std::int64_t x_stride,
                std::int32_t* sums) {
  constexpr int kBlocks = static_cast<int>(kPanelBlocks);
  typename F::Lanes lanes[F::kRows][kBlocks] = {};
  do {  // there is at least one
    typename F::Fields fields[kBlocks];
#pragma GCC unroll 4
    for (int b = 0; b < kBlocks; ++b) fields[b] = F::load_once(levels + b * kStepFields);
#pragma GCC unroll 4
    for (int r = 0; r < F::kRows; ++r) {
      const typename F::Quad quad = F::quad(x + r * x_stride);
#pragma GCC unroll 4
      for (int b = 0; b < kBlocks; ++b) F::template dot<Bits>(lanes[r][b], quad, fields[b]);
    }
    levels += kPanelBlocks * kStepFields;
    x += kFieldQuad;
  } while (--quads > 0);
#pragma GCC unroll 4
  for (int r = 0; r < F::kRows; ++r)
#pragma GCC unroll 4
    for (int b = 0; b < kBlocks; ++b) {
      std::int32_t* to = sums + r * kPanelOutputs + b * kFieldLanes;
      typename F::Lanes all = F::load(to);
      F::add(all, lanes[r][b]);
      F::store(to, all);
    }
}
using LevelRows = void (*)(const std::uint8_t*, std::int64_t, const std::int8_t*, std::int64_t, std::int32_t*);

// row [stride] = x' of x [inputs], then zeros. Returns the sum of x'.
inline std::uint32_t centre_row(const std::uint8_t* x, std::int64_t inputs, std::int64_t stride, std::int8_t* row) {
  std::uint32_t sum = 0;
  for (std::int64_t i = 0; i < inputs; ++i) {
    row[i] = static_cast<std::int8_t>(x[i] ^ 128);
    sum += x[i];
  }
  std::memset(row + inputs, 0, static_cast<std::size_t>(stride - inputs));
  return sum - 128 * static_cast<std::uint32_t>(inputs);
}

// A linear layer on its way: the functions for its bits, and its input.
struct LinearRun {
  static constexpr std::int64_t kMostRows = 16;  // that share the unpacking
  const PackedLinear& linear;
  FieldRow one_row;
  UnpackGroups unpack;
  LevelRows level_rows;
  std::int64_t rows_together;  // that it takes
  const std::int8_t* x;        // x', rows of x_stride
  std::int64_t x_stride;
  const std::int32_t* x_part;  // lowest * sum of x', by row
  std::int32_t* acc;

  const std::uint8_t* groups(std::int64_t panel, std::int64_t first) const {
    return linear.weights.bytes.data() + (panel * linear.panel_groups + first) * linear.weights.group_bytes();
  }
  // Writes what the sums of a row with the panel mean.
  void finish(std::int64_t row, std::int64_t panel, const std::int32_t* sums) const {
    const std::int64_t first = panel * kPanelOutputs, channels = std::min(kPanelOutputs, linear.outputs - first);
    const auto spacing = static_cast<std::uint32_t>(linear.weights.codes.spacing);
    for (std::int64_t c = 0; c < channels; ++c)
      acc[row * linear.outputs + first + c] = static_cast<std::int32_t>(
          spacing * static_cast<std::uint32_t>(sums[c]) + static_cast<std::uint32_t>(x_part[row]) +
          static_cast<std::uint32_t>(linear.start[static_cast<std::size_t>(first + c)]));
  }
  void run_row(std::int64_t row, std::int64_t panel) const {
    alignas(64) std::int32_t sums[kPanelOutputs] = {};
    for (std::int64_t g = 0; g < linear.panel_groups; g += kLinearGroups)
      one_row(groups(panel, g), std::min(kLinearGroups, linear.panel_groups - g),
              x + row * x_stride + g * kGroupInputs, sums);
    finish(row, panel, sums);
  }
  // Rows in fours, for which a stretch of levels at a time is unpacked into the first-level cache.
  void run_rows(std::int64_t row, std::int64_t rows, std::int64_t panel) const {
    constexpr std::int64_t kStretch = 32;  // groups: 16 KB
    alignas(64) std::uint8_t levels[kStretch * kGroupFields];
    alignas(64) std::int32_t sums[kMostRows * kPanelOutputs] = {};
    for (std::int64_t g = 0; g < linear.panel_groups; g += kStretch) {
      const std::int64_t count = std::min(kStretch, linear.panel_groups - g);
      const std::uint8_t* from = groups(panel, g);
      if (linear.weights.codes.bits < 8) {
        unpack(from, count, levels);
        from = levels;
      }
      for (std::int64_t r = 0; r < rows; r += rows_together)
        level_rows(from, count * kGroupQuads, x + (row + r) * x_stride + g * kGroupInputs, x_stride,
                   sums + r * kPanelOutputs);
    }
    for (std::int64_t r = 0; r < rows; ++r) finish(row + r, panel, sums + r * kPanelOutputs);
  }
  // The whole batch with the panels begin .. end - 1.
  void run_panels(std::int64_t batch, std::int64_t begin, std::int64_t end) const {
    for (std::int64_t panel = begin; panel < end; ++panel)
      for (std::int64_t row = 0; row < batch;) {
        const std::int64_t rows = std::max<std::int64_t>(std::min(kMostRows, batch - row) / 4 * 4, 1);
        if (rows == 1)
          run_row(row, panel);
        else
          run_rows(row, rows, panel);
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
  const std::int64_t stride = linear.panel_groups * kGroupInputs;
  Scratch<std::int8_t> rows(static_cast<std::size_t>(std::max<std::int64_t>(batch, 1) * stride));
  Scratch<std::int32_t> x_part(static_cast<std::size_t>(std::max<std::int64_t>(batch, 1)));
  for (std::int64_t r = 0; r < batch; ++r) {
    const std::uint32_t sum =
        detail::centre_row(x + r * linear.inputs, linear.inputs, stride, rows.data() + r * stride);
    x_part[static_cast<std::size_t>(r)] =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(linear.weights.codes.lowest) * sum);
  }
  const int bits = linear.weights.codes.bits;
  const bool whole_byte = bits == 8;
  detail::LinearRun run{linear,
                        nullptr,
                        unpack_groups_of<F>(bits),
                        whole_byte ? detail::level_rows<F, 8> : detail::level_rows<F, 7>,
                        F::kRows,
                        rows.data(),
                        stride,
                        x_part.data(),
                        acc};
  detail::with_bits(bits, [&]<int kBits>() { run.one_row = detail::field_row<F, kBits>; });
  // About a million products per chunk: well above the cost of handing it to a thread.
  const std::int64_t panel_products = linear.panel_groups * kGroupFields * std::max<std::int64_t>(batch, 1);
  parallel_for(linear.panels, std::max<std::int64_t>(1, (std::int64_t{1} << 20) / panel_products),
               [&](std::int64_t begin, std::int64_t end) { run.run_panels(batch, begin, end); });
}

/// The instance of the best primitive (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_LINEAR_PACKED_INSTANCES(linkage)                                                         \
  linkage template void linear_packed<BestFields>(const PackedLinear&, std::int64_t, const std::uint8_t*, \
                                                  std::int32_t*);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_LINEAR_PACKED_INSTANCES(extern)
#endif

}  // namespace bitgrain::kernels
