#pragma once

/// Weights of an int8 convolution, arranged once for the microkernel.
///
/// The bytes under one output pixel are `runs` stretches of input memory: in NHWC the kw * I bytes of one kernel row
/// are contiguous (with dilation along w, or in a group, only the I bytes of one tap). Every run is padded with zero
/// weights to whole quads, so that reading up to three bytes past it is harmless:
///
///     weights [groups][blocks of 16 output channels][runs][quads][16 channels][4 products]
///
/// A depthwise convolution (one input channel per group) keeps its weights as [kh][kw][out] instead: its loop runs
/// along the channels.

#include <cstdint>
#include <vector>

#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/tensor/geometry.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain::kernels {

struct PackedConv2d {
  ConvGeometry geometry;       ///< its batch is not used
  std::uint8_t padding = 0;    ///< the byte outside the image
  bool depthwise = false;      ///< one input channel per group, more than one group
  std::int64_t runs = 0;       ///< contiguous stretches of input under one output pixel of one group
  std::int64_t run_bytes = 0;  ///< length of a run
  std::int64_t quads = 0;      ///< ceil(run_bytes / 4)
  std::int64_t blocks = 0;     ///< of 16 output channels, per group
  Tensor<std::int8_t> weights;
  /// [groups][16 blocks], or [out] when depthwise: first value of every accumulator, -input_offset * sum(w).
  std::vector<std::int32_t> start;

  std::int64_t block_bytes() const { return runs * quads * kDotLanes * kDotQuad; }
  std::int64_t group_bytes() const { return blocks * block_bytes(); }
};

/// Packs w [O,Kh,Kw,I/groups] for inputs whose byte b means b - input_offset (128 for s8 codes stored +128), with
/// `padding` standing outside the image. Throws Error if the geometry does not exist.
inline PackedConv2d pack_conv2d(const ConvGeometry& geometry, const std::int8_t* w, std::int32_t input_offset = 0,
                                std::uint8_t padding = 0) {
  geometry.validate("int8 convolution");
  PackedConv2d packed;
  packed.geometry = geometry;
  packed.padding = padding;
  const Window2d& window = geometry.window;
  const std::int64_t taps = window.kernel_h * window.kernel_w;
  const std::int64_t group_in = geometry.group_in(), group_out = geometry.group_out();
  const std::int64_t k = taps * group_in;
  packed.depthwise = group_in == 1 && geometry.groups > 1;
  const bool whole_rows = window.dilation_w == 1 || window.kernel_w == 1;
  packed.runs = whole_rows ? window.kernel_h : taps;
  packed.run_bytes = whole_rows ? window.kernel_w * group_in : group_in;
  packed.quads = (packed.run_bytes + kDotQuad - 1) / kDotQuad;
  packed.blocks = (group_out + kDotLanes - 1) / kDotLanes;

  const std::int64_t padded_out = packed.depthwise ? group_out : packed.blocks * kDotLanes;
  packed.start.assign(static_cast<std::size_t>(geometry.groups * padded_out), 0);
  packed.weights = packed.depthwise ? Tensor<std::int8_t>(Shape{taps, geometry.out_channels})
                                    : Tensor<std::int8_t>(Shape{geometry.groups, packed.group_bytes()}, 0);
  std::int8_t* to = packed.weights.mutable_data();
  for (std::int64_t o = 0; o < geometry.out_channels; ++o) {
    const std::int8_t* from = w + o * k;
    const std::int64_t group = o / group_out, channel = o % group_out;
    // Modulo 2^32: the accumulators wrap the same way.
    std::uint32_t sum = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      sum += static_cast<std::uint32_t>(from[i]);
      const std::int64_t run = i / packed.run_bytes, byte = i % packed.run_bytes;
      const std::int64_t at =
          packed.depthwise
              ? i * geometry.out_channels + o
              : group * packed.group_bytes() + channel / kDotLanes * packed.block_bytes() +
                    ((run * packed.quads + byte / kDotQuad) * kDotLanes + channel % kDotLanes) * kDotQuad +
                    byte % kDotQuad;
      to[at] = from[i];
    }
    packed.start[static_cast<std::size_t>(group * padded_out + channel)] =
        static_cast<std::int32_t>(~(static_cast<std::uint32_t>(input_offset) * sum) + 1u);
  }
  return packed;
}

}  // namespace bitgrain::kernels
