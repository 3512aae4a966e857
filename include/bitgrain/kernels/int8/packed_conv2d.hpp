#pragma once

/// Weights of an int8 convolution, arranged once for the microkernel.
///
/// Bytes are multiplied four at a time, as quads. The bytes under one output pixel are stretches of input memory: in
/// NHWC the kw * I bytes of one kernel row are contiguous (with dilation along w, or in a group, only the I bytes of
/// one tap). Where the channels of a group are whole quads, the kernel leaves out the taps that fall outside the
/// image; elsewhere (stems) it reads a framed copy of the image (padded_input.hpp) in runs of kw * I bytes, padded
/// with zero weights to whole quads, so that reading up to three bytes past a run is harmless:
///
///     weights [groups][blocks of 16 output channels][runs][quads of a run][16 channels][4 products]
///
/// A depthwise convolution (one input channel per group) keeps its weights as [kh][kw][out] instead: its loop runs
/// along the channels.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/array.hpp"
#include "bitgrain/base/check.hpp"
#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/kernels/int8/pixel_unit.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// Channels that the depthwise convolution takes at a time.
inline constexpr std::int64_t kDepthwiseLanes = 32;

/// Consecutive output rows (or columns) whose windows have the same taps inside the image.
struct TapRange {
  std::int64_t first_out = 0, outs = 0;  ///< the output rows
  std::int64_t first_tap = 0, taps = 0;  ///< their taps inside
};

namespace detail {
// Calls visit(range) for the ranges of one dimension, in order of the outputs.
template <class Visit>
void for_each_tap_range(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                        std::int64_t dilation, Visit&& visit) {
  TapRange range;
  for (std::int64_t o = 0; o < out; ++o) {
    std::int64_t first = 0, end = kernel;
    while (first < kernel && o * stride - pad + first * dilation < 0) ++first;
    while (end > first && o * stride - pad + (end - 1) * dilation >= in) --end;
    if (range.outs > 0 && range.first_tap == first && range.taps == end - first) {
      ++range.outs;
      continue;
    }
    if (range.outs > 0) visit(range);
    range = {o, 1, first, end - first};
  }
  if (range.outs > 0) visit(range);
}
}  // namespace detail

/// The ranges of one dimension, in order of the outputs.
inline Array<TapRange> tap_ranges(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                  std::int64_t pad, std::int64_t dilation) {
  std::size_t count = 0;
  detail::for_each_tap_range(in, out, kernel, stride, pad, dilation, [&](const TapRange&) { ++count; });
  Array<TapRange> ranges(count);
  if (ranges.data() == nullptr) return ranges;
  TapRange* to = ranges.data();
  detail::for_each_tap_range(in, out, kernel, stride, pad, dilation, [&](const TapRange& range) { *to++ = range; });
  return ranges;
}

struct PackedConv2d {
  ConvGeometry geometry;       ///< its batch is not used
  std::uint8_t padding = 0;    ///< the byte outside the image
  bool depthwise = false;      ///< one input channel per group, more than one group
  bool framed = false;         ///< reads a framed copy of the image: also where a group has no whole quads
  std::int64_t runs = 0;       ///< contiguous stretches of input under one output pixel of one group
  std::int64_t run_bytes = 0;  ///< length of a run
  std::int64_t quads = 0;      ///< ceil(run_bytes / 4)
  std::int64_t blocks = 0;     ///< of 16 output channels, per group
  Array<std::int8_t> weights;
  /// Depthwise with at least 32 channels and one output each: the weights of conv2d_depthwise.hpp.
  Array<std::int8_t> lane_weights;
  /// Ranges of output rows and columns with the same taps inside the image; one of each with all taps if framed.
  Array<TapRange> rows, columns;
  /// [rows][columns][groups][16 blocks], or [out] when depthwise: first value of every accumulator,
  /// -input_offset * (sum of w) + padding * (sum of w outside the image, if these taps are left out).
  Array<std::int32_t> start;

  std::int64_t block_bytes() const { return runs * quads * kDotLanes * kDotQuad; }
  std::int64_t group_bytes() const { return blocks * block_bytes(); }
  /// Where in `start` the first values of a range of rows and one of columns stand: [groups][16 blocks].
  std::int64_t start_of(std::size_t row_range, std::size_t column_range) const {
    return static_cast<std::int64_t>(row_range * columns.size() + column_range) * geometry.groups * blocks *
           kDotLanes;
  }
  /// How the images lie, or their frames (padded_input.hpp).
  detail::InputView view() const {
    const ConvGeometry& g = geometry;
    if (!framed) return {g.in_h * g.in_w * g.in_channels, g.in_w * g.in_channels, g.in_channels};
    const std::int64_t channels = depthwise ? g.in_channels : g.group_in(), pad_h = g.window.pad_h,
                       row = (g.in_w + 2 * g.window.pad_w) * channels;
    return {(g.in_h + 2 * pad_h) * row, row, channels, pad_h, g.window.pad_w};
  }
  /// The pixels of one image, or nothing if it is large: a network run image by image would list them every time. Not
  /// in an arena (base/arena.hpp), whose owner has little memory.
  detail::PixelLists<Array> image_pixels;
};

/// The largest image whose pixels are listed beforehand.
inline constexpr std::int64_t kListedPixels = 2048;

namespace detail {

// Adds factor * (sum of w over the taps of [first_ky, first_ky + kys) x [first_kx, ...)) to start [groups][16
// blocks], modulo 2^32: the accumulators wrap the same way.
inline void add_tap_sums(const PackedConv2d& conv, const std::int8_t* w, std::int32_t factor, const TapRange& ky,
                         const TapRange& kx, std::int32_t* start) {
  const ConvGeometry& g = conv.geometry;
  const std::int64_t group_in = g.group_in(), group_out = g.group_out();
  for (std::int64_t o = 0; o < g.out_channels; ++o) {
    std::uint32_t sum = 0;
    for (std::int64_t y = ky.first_tap; y < ky.first_tap + ky.taps; ++y) {
      const std::int8_t* from = w + ((o * g.window.kernel_h + y) * g.window.kernel_w + kx.first_tap) * group_in;
      for (std::int64_t i = 0; i < kx.taps * group_in; ++i) sum += static_cast<std::uint32_t>(from[i]);
    }
    std::int32_t& to = start[o / group_out * conv.blocks * kDotLanes + o % group_out];
    to = static_cast<std::int32_t>(static_cast<std::uint32_t>(to) + static_cast<std::uint32_t>(factor) * sum);
  }
}

// Whether a depthwise convolution takes quads of four rows of a column, which serve three columns and, with stride 1,
// two rows of outputs; else it takes quads of four columns of a row.
inline bool depthwise_by_columns(const ConvGeometry& g) {
  const Window2d& w = g.window;
  return w.kernel_h <= 3 && w.kernel_w == 3 && w.dilation_h == 1 && w.dilation_w == 1 && w.stride_h == w.stride_w &&
         w.stride_h <= 2;
}

// Weights of a depthwise convolution w [C,Kh,Kw] for quads of four taps of a line, a row or a column of the kernel:
//     [blocks of 32 channels][kernel lines][quads of a line][2][4 vectors][8 channels][4 taps]
// The last block ends at the last channel. The second copy is one tap later (0, w0, w1, w2): for the output one
// further along the line, of the same quad. The vectors hold the channels as unpacking bytes to 32-bit lanes leaves
// them: channel c of a block stands in vector c % 16 / 4, lane c / 16 * 4 + c % 4.
inline Array<std::int8_t> pack_lane_weights(const ConvGeometry& g, const std::int8_t* w) {
  const bool columns = depthwise_by_columns(g);
  const std::int64_t kw = g.window.kernel_w, kernel = g.window.kernel_h * kw;
  const std::int64_t lines = columns ? kw : g.window.kernel_h, taps = columns ? g.window.kernel_h : kw;
  const std::int64_t quads = (taps + 3) / 4, blocks = (g.groups + kDepthwiseLanes - 1) / kDepthwiseLanes;
  Array<std::int8_t> packed(static_cast<std::size_t>(blocks * lines * quads * 2 * kDepthwiseLanes * kDotQuad));
  std::int8_t* to = packed.data();
  if (to == nullptr) return packed;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t first = std::min(block * kDepthwiseLanes, g.groups - kDepthwiseLanes);
    for (std::int64_t line = 0; line < lines; ++line)
      for (std::int64_t q = 0; q < quads; ++q)
        for (std::int64_t later = 0; later < 2; ++later)
          for (std::int64_t c = 0; c < kDepthwiseLanes; ++c)
            for (std::int64_t i = 0; i < kDotQuad; ++i) {
              const std::int64_t tap = q * kDotQuad + i - later, lane = c / 16 * 4 + c % 4;
              if (tap >= 0 && tap < taps)
                to[(((block * lines + line) * quads + q) * 2 + later) * kDepthwiseLanes * kDotQuad +
                   (c % 16 / 4 * 8 + lane) * kDotQuad + i] =
                    w[(first + c) * kernel + (columns ? tap * kw + line : line * kw + tap)];
            }
  }
  return packed;
}

}  // namespace detail

/// Packs w [O,Kh,Kw,I/groups] for inputs whose byte b means b - input_offset (128 for s8 codes stored +128), with
/// `padding` standing outside the image. Throws Error if the geometry does not exist.
inline PackedConv2d pack_conv2d(const ConvGeometry& geometry, const std::int8_t* w, std::int32_t input_offset = 0,
                                std::uint8_t padding = 0) {
  geometry.validate("int8 convolution");
  BITGRAIN_CHECK(geometry.in_h * geometry.in_w * geometry.in_channels < std::int64_t{1} << 30,
                 "int8 convolution: an image of less than 2^30 bytes was expected, got ", geometry.in_h, " x ",
                 geometry.in_w, " x ", geometry.in_channels);
  PackedConv2d packed;
  packed.geometry = geometry;
  packed.padding = padding;
  const Window2d& window = geometry.window;
  const std::int64_t taps = window.kernel_h * window.kernel_w;
  const std::int64_t group_in = geometry.group_in(), group_out = geometry.group_out();
  const std::int64_t k = taps * group_in;
  packed.depthwise = group_in == 1 && geometry.groups > 1;
  packed.framed = packed.depthwise || group_in % kDotQuad != 0;
  // Of a group, the bytes of a row are contiguous in its frame only.
  const bool whole_rows = window.kernel_w == 1 || (window.dilation_w == 1 && (packed.framed || geometry.groups == 1));
  packed.runs = whole_rows ? window.kernel_h : taps;
  packed.run_bytes = whole_rows ? window.kernel_w * group_in : group_in;
  packed.quads = (packed.run_bytes + kDotQuad - 1) / kDotQuad;
  packed.blocks = (group_out + kDotLanes - 1) / kDotLanes;

  const bool has_lane_weights = packed.depthwise && group_out == 1 && geometry.groups >= kDepthwiseLanes;
  packed.weights = Array<std::int8_t>(static_cast<std::size_t>(
      packed.depthwise ? taps * geometry.out_channels : geometry.groups * packed.group_bytes()));
  if (packed.framed) {
    packed.rows = Array<TapRange>(1);
    packed.columns = Array<TapRange>(1);
  } else {
    packed.rows = tap_ranges(geometry.in_h, geometry.out_h(), window.kernel_h, window.stride_h, window.pad_h,
                             window.dilation_h);
    packed.columns = tap_ranges(geometry.in_w, geometry.out_w(), window.kernel_w, window.stride_w, window.pad_w,
                                window.dilation_w);
  }
  if (has_lane_weights) packed.lane_weights = detail::pack_lane_weights(geometry, w);
  const auto each = static_cast<std::size_t>(geometry.groups * packed.blocks * kDotLanes);
  packed.start = Array<std::int32_t>(packed.depthwise ? static_cast<std::size_t>(geometry.out_channels)
                                                      : packed.rows.size() * packed.columns.size() * each);
  if (packed.weights.data() == nullptr) return packed;  // only the memory is wanted

  std::int8_t* to = packed.weights.data();
  for (std::int64_t o = 0; o < geometry.out_channels; ++o) {
    const std::int8_t* from = w + o * k;
    if (packed.depthwise) {
      for (std::int64_t tap = 0; tap < taps; ++tap) to[tap * geometry.out_channels + o] = from[tap];
      continue;
    }
    const std::int64_t group = o / group_out, channel = o % group_out;
    std::int8_t* row = to + group * packed.group_bytes() + channel / kDotLanes * packed.block_bytes() +
                       channel % kDotLanes * kDotQuad;
    for (std::int64_t run = 0; run < packed.runs; ++run)
      for (std::int64_t byte = 0; byte < packed.run_bytes; byte += kDotQuad, row += kDotLanes * kDotQuad)
        std::copy_n(from + run * packed.run_bytes + byte, std::min(kDotQuad, packed.run_bytes - byte), row);
  }

  const TapRange all_rows{0, geometry.out_h(), 0, window.kernel_h},
      all_columns{0, geometry.out_w(), 0, window.kernel_w};
  if (packed.framed) {
    packed.rows[0] = all_rows;
    packed.columns[0] = all_columns;
  }
  if (packed.depthwise) {
    for (std::int64_t o = 0; o < geometry.out_channels; ++o) {
      std::int32_t sum = 0;
      for (std::int64_t i = 0; i < taps; ++i) sum += w[o * taps + i];
      packed.start[static_cast<std::size_t>(o)] = static_cast<std::int32_t>(
          ~(static_cast<std::uint32_t>(input_offset) * static_cast<std::uint32_t>(sum)) + 1u);
    }
    return packed;
  }
  // The sums with all taps, then without what the kernel adds itself: the taps it takes. In a frame these are all.
  detail::add_tap_sums(packed, w, padding - input_offset, all_rows, all_columns, packed.start.data());
  for (std::int32_t* at = packed.start.data() + each; at != packed.start.end(); at += each)
    std::copy_n(packed.start.data(), each, at);
  std::int32_t* at = packed.start.data();
  for (const TapRange& ky : packed.rows)
    for (const TapRange& kx : packed.columns) {
      if (padding != 0) detail::add_tap_sums(packed, w, -padding, ky, kx, at);
      at += each;
    }
  const std::int64_t pixels = geometry.out_h() * geometry.out_w();
  if (pixels <= kListedPixels && bitgrain::detail::current_arena() == nullptr) {
    packed.image_pixels = detail::PixelLists<Array>(packed, pixels);
    packed.image_pixels.build(packed, packed.view(), 1, 0, geometry.out_h());
  }
  return packed;
}

}  // namespace bitgrain::kernels
