#pragma once

/// Convolution of unsigned bytes with signed bytes into int32 accumulators, exact on every machine. A linear layer is
/// a 1x1 convolution of a 1x1 image.
///
/// The output is made in bands of pixels small enough to stay in the first-level cache together with the weights of a
/// block; a band is handed to a sink while it is still there. Within a band a register tile of kPixels pixels x
/// kBlocks * 16 output channels walks the runs of the window (packed_conv2d.hpp): per four products one broadcast of
/// four input bytes per pixel, one load of 64 weight bytes per block, one dot step for each pair.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/padded_input.hpp"
#include "bitgrain/kernels/kernel_set.hpp"

namespace bitgrain::kernels {

namespace detail {

// One register tile: kPixels pixels, Blocks blocks of 16 output channels, all products. Row p of `acc` starts at
// p * acc_stride.
template <class Dot, int Blocks>
void dot_tile(const PackedConv2d& conv, const std::uint8_t* x, const std::int64_t* pixel,
              const std::int64_t* run_offset, const std::int8_t* w, const std::int32_t* start, std::int32_t* acc,
              std::int64_t acc_stride) {
  constexpr int kPixels = Dot::kPixels;
  typename Dot::Lanes lanes[kPixels][Blocks];
  for (int b = 0; b < Blocks; ++b)
    for (int p = 0; p < kPixels; ++p) lanes[p][b] = Dot::load(start + b * kDotLanes);
  const std::int64_t block_bytes = conv.block_bytes(), quads = conv.quads, runs = conv.runs;
  for (std::int64_t run = 0; run < runs; ++run) {
    const std::uint8_t* from[kPixels];
    for (int p = 0; p < kPixels; ++p) from[p] = x + pixel[p] + run_offset[run];
    for (std::int64_t q = 0; q < quads; ++q, w += kDotLanes * kDotQuad) {
      typename Dot::Block block[Blocks];
      for (int b = 0; b < Blocks; ++b) block[b] = Dot::block(w + b * block_bytes);
      for (int p = 0; p < kPixels; ++p) {
        const typename Dot::Quad quad = Dot::quad(from[p] + q * kDotQuad);
        for (int b = 0; b < Blocks; ++b) Dot::dot(lanes[p][b], quad, block[b]);
      }
    }
  }
  for (int p = 0; p < kPixels; ++p)
    for (int b = 0; b < Blocks; ++b) Dot::store(acc + p * acc_stride + b * kDotLanes, lanes[p][b]);
}

// The tile at the edge: the missing pixels repeat the last one, the missing channels have zero weights, and only what
// exists is copied out.
template <class Dot, int Blocks>
void edge_tile(const PackedConv2d& conv, const std::uint8_t* x, const std::int64_t* pixel, std::int64_t pixels,
               const std::int64_t* run_offset, const std::int8_t* w, const std::int32_t* start, std::int32_t* acc,
               std::int64_t acc_stride, std::int64_t channels) {
  constexpr std::int64_t kWidth = Blocks * kDotLanes;
  std::int64_t repeated[Dot::kPixels];
  for (std::int64_t p = 0; p < Dot::kPixels; ++p) repeated[p] = pixel[std::min(p, pixels - 1)];
  alignas(64) std::int32_t tile[Dot::kPixels * kWidth];
  dot_tile<Dot, Blocks>(conv, x, repeated, run_offset, w, start, tile, kWidth);
  for (std::int64_t p = 0; p < pixels; ++p)
    std::memcpy(acc + p * acc_stride, tile + p * kWidth, static_cast<std::size_t>(channels) * sizeof(std::int32_t));
}

// All pixels of a band for Blocks blocks of output channels, of which `channels` exist.
template <class Dot, int Blocks>
void block_band(const PackedConv2d& conv, const std::uint8_t* x, const std::int64_t* pixel, std::int64_t pixels,
                const std::int64_t* run_offset, const std::int8_t* w, const std::int32_t* start, std::int32_t* acc,
                std::int64_t channels) {
  const std::int64_t stride = conv.geometry.out_channels;
  const bool whole_blocks = channels == Blocks * kDotLanes;
  for (std::int64_t p = 0; p < pixels; p += Dot::kPixels) {
    const std::int64_t count = std::min<std::int64_t>(Dot::kPixels, pixels - p);
    if (whole_blocks && count == Dot::kPixels)
      dot_tile<Dot, Blocks>(conv, x, pixel + p, run_offset, w, start, acc + p * stride, stride);
    else
      edge_tile<Dot, Blocks>(conv, x, pixel + p, count, run_offset, w, start, acc + p * stride, stride, channels);
  }
}

template <class Dot>
void dense_band(const PackedConv2d& conv, const PaddedInput& input, const std::int64_t* pixel, std::int64_t pixels,
                const std::int64_t* run_offset, std::int32_t* acc) {
  const std::int64_t group_out = conv.geometry.group_out();
  for (std::int64_t group = 0; group < conv.geometry.groups; ++group) {
    const std::uint8_t* x = input.data() + group * input.group_bytes();
    for (std::int64_t block = 0; block < conv.blocks;) {
      const std::int64_t first = block * kDotLanes;
      const std::int8_t* w = conv.weights.data() + group * conv.group_bytes() + block * conv.block_bytes();
      const std::int32_t* start = conv.start.data() + group * conv.blocks * kDotLanes + first;
      std::int32_t* to = acc + group * group_out + first;
      if (Dot::kBlocks > 1 && block + Dot::kBlocks <= conv.blocks) {
        block_band<Dot, Dot::kBlocks>(conv, x, pixel, pixels, run_offset, w, start, to,
                                      std::min(Dot::kBlocks * kDotLanes, group_out - first));
        block += Dot::kBlocks;
      } else {
        block_band<Dot, 1>(conv, x, pixel, pixels, run_offset, w, start, to, std::min(kDotLanes, group_out - first));
        ++block;
      }
    }
  }
}

// One input channel per group: the loop runs along the channels, sums modulo 2^32.
inline void depthwise_band(const PackedConv2d& conv, const PaddedInput& input, const std::int64_t* pixel,
                           std::int64_t pixels, const std::int64_t* tap_offset, std::int32_t* acc) {
  const std::int64_t out = conv.geometry.out_channels, multiple = conv.geometry.group_out();
  const std::int64_t taps = conv.geometry.window.kernel_h * conv.geometry.window.kernel_w;
  for (std::int64_t p = 0; p < pixels; ++p, acc += out) {
    std::copy_n(conv.start.data(), out, acc);
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::uint8_t* x = input.data() + pixel[p] + tap_offset[tap];
      const std::int8_t* w = conv.weights.data() + tap * out;
      const auto add = [&](std::int64_t o, std::int64_t i) {
        acc[o] =
            static_cast<std::int32_t>(static_cast<std::uint32_t>(acc[o]) + static_cast<std::uint32_t>(x[i] * w[o]));
      };
      if (multiple == 1)
        for (std::int64_t o = 0; o < out; ++o) add(o, o);
      else
        for (std::int64_t o = 0; o < out; ++o) add(o, o / multiple);
    }
  }
}

// What receives the bands, without its type: the driver below is compiled once.
struct BandSink {
  void* object;
  void (*call)(void* object, std::int64_t first, std::int64_t count, const std::int32_t* acc);
};

template <class Dot>
void run_bands(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, BandSink sink) {
  const ConvGeometry& g = conv.geometry;
  const Window2d& win = g.window;
  const std::int64_t out_h = g.out_h(), out_w = g.out_w(), image_pixels = out_h * out_w;
  // Images that together give a full band: one image of a convolution, several of a linear layer.
  constexpr std::int64_t kBandPixels = 64, kBandElements = 8192;
  const std::int64_t pass_images =
      std::clamp<std::int64_t>(kBandPixels / image_pixels, 1, std::max<std::int64_t>(batch, 1));
  const std::int64_t band_pixels =
      std::max<std::int64_t>(kBandElements / g.out_channels / Dot::kPixels, 2) * Dot::kPixels;

  PaddedInput input(conv, pass_images);
  const bool taps_apart = conv.depthwise || conv.runs != win.kernel_h;
  const std::int64_t columns = taps_apart ? win.kernel_w : 1;
  Scratch<std::int64_t> run_offset(static_cast<std::size_t>(win.kernel_h * columns));
  for (std::int64_t ky = 0; ky < win.kernel_h; ++ky)
    for (std::int64_t kx = 0; kx < columns; ++kx)
      run_offset[static_cast<std::size_t>(ky * columns + kx)] =
          input.offset(0, ky * win.dilation_h, kx * win.dilation_w);
  Scratch<std::int64_t> pixel(static_cast<std::size_t>(band_pixels));
  Scratch<std::int32_t> acc(static_cast<std::size_t>(band_pixels * g.out_channels));

  for (std::int64_t image = 0; image < batch; image += pass_images) {
    const std::int64_t images = std::min(pass_images, batch - image);
    input.fill(x + image * g.in_h * g.in_w * g.in_channels, images);
    std::int64_t n = 0, oy = 0, ox = 0;  // of the next output pixel
    for (std::int64_t first = 0; first < images * image_pixels; first += band_pixels) {
      const std::int64_t count = std::min(band_pixels, images * image_pixels - first);
      for (std::int64_t p = 0; p < count; ++p) {
        pixel[static_cast<std::size_t>(p)] = input.offset(n, oy * win.stride_h, ox * win.stride_w);
        if (++ox < out_w) continue;
        ox = 0;
        if (++oy < out_h) continue;
        oy = 0;
        ++n;
      }
      if (conv.depthwise)
        depthwise_band(conv, input, pixel.data(), count, run_offset.data(), acc.data());
      else
        dense_band<Dot>(conv, input, pixel.data(), count, run_offset.data(), acc.data());
      sink.call(sink.object, image * image_pixels + first, count, acc.data());
    }
  }
}

}  // namespace detail

/// Convolves `batch` images x [N,H,W,I] on the calling thread and calls `sink(first, count, acc)` for consecutive
/// bands of output pixels: acc [count][O] holds the accumulators of the pixels first .. first + count - 1, counted
/// through the batch.
template <class Dot = BestDot, class Sink>
void conv2d_u8s8_bands(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, Sink&& sink) {
  using Object = std::remove_reference_t<Sink>;
  const detail::BandSink untyped{const_cast<void*>(static_cast<const void*>(&sink)),
                                 [](void* object, std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                                   (*static_cast<Object*>(object))(first, count, acc);
                                 }};
  if constexpr (kDispatch && std::is_same_v<Dot, BestDot>)
    kernel_set().conv2d_u8s8_bands(conv, batch, x, untyped);
  else
    detail::run_bands<Dot>(conv, batch, x, untyped);
}

/// The whole batch into acc [N,Ho,Wo,O], images in parallel.
template <class Dot = BestDot>
void conv2d_u8s8(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, std::int32_t* acc) {
  const ConvGeometry& g = conv.geometry;
  const std::int64_t image_in = g.in_h * g.in_w * g.in_channels;
  const std::int64_t image_out = g.out_h() * g.out_w() * g.out_channels;
  // About a million multiply-accumulates per chunk: well above the cost of handing it to a thread.
  const std::int64_t image_macs = image_out * g.window.kernel_h * g.window.kernel_w * g.group_in();
  parallel_for(batch, std::max<std::int64_t>(1, (std::int64_t{1} << 20) / image_macs),
               [&](std::int64_t begin, std::int64_t end) {
                 std::int32_t* to = acc + begin * image_out;
                 conv2d_u8s8_bands<Dot>(conv, end - begin, x + begin * image_in,
                                        [&](std::int64_t first, std::int64_t count, const std::int32_t* band) {
                                          std::copy_n(band, count * g.out_channels, to + first * g.out_channels);
                                        });
               });
}

/// Packs and runs, for weights used once. x [N,H,W,I] means x - input_offset; `padding` stands outside the image;
/// w [O,Kh,Kw,I/groups]; acc [N,Ho,Wo,O].
template <class Dot = BestDot>
void conv2d_u8s8(const ConvGeometry& geometry, const std::uint8_t* x, std::uint8_t padding, const std::int8_t* w,
                 std::int32_t input_offset, std::int32_t* acc) {
  conv2d_u8s8<Dot>(pack_conv2d(geometry, w, input_offset, padding), geometry.batch, x, acc);
}

}  // namespace bitgrain::kernels
