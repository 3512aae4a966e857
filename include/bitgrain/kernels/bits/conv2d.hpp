#pragma once

/// Bit-serial convolution: products of a few bits as logic and counts of bits, into int32 accumulators, exact on
/// every machine. packed_conv2d.hpp has the identities. A linear layer (a matrix product) is a 1x1 convolution of a
/// 1x1 image.
///
/// It pays while the passes are few: on a machine whose vectors have a count of bits a pass takes about a fifth of
/// the time of an 8-bit convolution, and there is one pass per pair of a magnitude bit of the weights and an input
/// bit.
///
/// The driver is that of kernels/int8/conv2d.hpp: bands of output pixels that stay in the first-level cache, within a
/// band a register tile of kPixels pixels x kBlocks * 16 output channels, for each pass over all runs of the window:
/// per 32 products one broadcast of four bytes per pixel and one load of 64 weight bytes per block and plane.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/bits/frame.hpp"
#include "bitgrain/kernels/bits/packed_conv2d.hpp"
#include "bitgrain/kernels/bits/popcount.hpp"
#include "bitgrain/kernels/kernel_set.hpp"

namespace bitgrain::kernels {

namespace detail {

// What a band of output pixels reads.
struct BitBand {
  const std::uint8_t* plane[9];    // of the frame
  const std::int64_t* run_offset;  // of each run from the pixel's first byte
  const std::int64_t* pixel;       // first byte of each output pixel's window
  const std::int32_t* value;       // what is added to each output pixel
};

// One register tile: kPixels pixels, Blocks blocks of 16 output channels, all passes. Row p of `acc` starts at
// p * acc_stride.
template <class Bits, int Blocks>
void bit_tile(const PackedBitConv2d& conv, const BitBand& band, const std::int64_t* pixel, const std::int32_t* value,
              const std::uint8_t* w, const std::int32_t* start, std::int32_t* acc, std::int64_t acc_stride) {
  constexpr int kPixels = Bits::kPixels;
  typename Bits::Lanes lanes[kPixels][Blocks] = {};
  const std::int64_t block_bytes = conv.block_bytes(), plane_bytes = conv.plane_bytes();
  const std::int64_t words = conv.words, runs = conv.runs;
  const BitPass* next = conv.passes.data();
  const BitPass* const end = next + conv.passes.size();
  do {  // there is at least one: a loop that may not run would keep the lanes in memory
    const BitPass& pass = *next;
    if (pass.multiply != 1)
      for (int p = 0; p < kPixels; ++p)
        for (int b = 0; b < Blocks; ++b) Bits::multiply(lanes[p][b], pass.multiply);
    const std::uint8_t* sign = w + pass.sign * plane_bytes;
    const std::uint8_t* mask = w + pass.mask * plane_bytes;
    const std::uint8_t* x = band.plane[pass.input];
    const std::int64_t to_y = band.plane[pass.input_mask] - x;
    for (std::int64_t run = 0; run < runs; ++run) {
      const std::uint8_t* from[kPixels];
      for (int p = 0; p < kPixels; ++p) from[p] = x + pixel[p] + band.run_offset[run];
      const auto count_run = [&]<BitLogic kLogic>() {
        for (std::int64_t q = 0; q < words; ++q, sign += kBitBlockBytes, mask += kBitBlockBytes) {
          typename Bits::Block s[Blocks] = {}, m[Blocks] = {};
          for (int b = 0; b < Blocks; ++b) {
            if constexpr (kLogic != BitLogic::kCommon) s[b] = Bits::block(sign + b * block_bytes);
            if constexpr (kLogic == BitLogic::kCommon || kLogic == BitLogic::kSigned)
              m[b] = Bits::block(mask + b * block_bytes);
          }
          for (int p = 0; p < kPixels; ++p) {
            const typename Bits::Word bits = Bits::word(from[p] + q * kBitWordBytes);
            for (int b = 0; b < Blocks; ++b) {
              if constexpr (kLogic == BitLogic::kCommon) Bits::count_common(lanes[p][b], bits, m[b]);
              if constexpr (kLogic == BitLogic::kDiffering) Bits::count_differing(lanes[p][b], bits, s[b]);
              if constexpr (kLogic == BitLogic::kSigned) Bits::count(lanes[p][b], bits, s[b], m[b]);
              if constexpr (kLogic == BitLogic::kWithin)
                Bits::count_within(lanes[p][b], bits, Bits::word(from[p] + to_y + q * kBitWordBytes), s[b]);
            }
          }
        }
      };
      switch (pass.logic) {
        case BitLogic::kCommon:
          count_run.template operator()<BitLogic::kCommon>();
          break;
        case BitLogic::kDiffering:
          count_run.template operator()<BitLogic::kDiffering>();
          break;
        case BitLogic::kSigned:
          count_run.template operator()<BitLogic::kSigned>();
          break;
        case BitLogic::kWithin:
          count_run.template operator()<BitLogic::kWithin>();
          break;
      }
    }
  } while (++next != end);
  for (int p = 0; p < kPixels; ++p)
    for (int b = 0; b < Blocks; ++b)
      Bits::store(acc + p * acc_stride + b * kBitLanes, lanes[p][b], conv.shift, start + b * kBitLanes, value[p]);
}

// All pixels of a band for Blocks blocks of output channels, of which `channels` exist. At the edge the missing
// pixels repeat the last one, the missing channels have zero masks, and only what exists is copied out.
template <class Bits, int Blocks>
void bit_block_band(const PackedBitConv2d& conv, const BitBand& band, std::int64_t pixels, const std::uint8_t* w,
                    const std::int32_t* start, std::int32_t* acc, std::int64_t channels) {
  constexpr std::int64_t kPixels = Bits::kPixels, kWidth = Blocks * kBitLanes;
  const std::int64_t stride = conv.geometry.out_channels;
  for (std::int64_t p = 0; p < pixels; p += kPixels, acc += kPixels * stride) {
    const std::int64_t count = std::min(kPixels, pixels - p);
    if (channels == kWidth && count == kPixels) {
      bit_tile<Bits, Blocks>(conv, band, band.pixel + p, band.value + p, w, start, acc, stride);
      continue;
    }
    std::int64_t pixel[kPixels];
    std::int32_t value[kPixels];
    for (std::int64_t i = 0; i < kPixels; ++i) {
      pixel[i] = band.pixel[p + std::min(i, count - 1)];
      value[i] = band.value[p + std::min(i, count - 1)];
    }
    alignas(64) std::int32_t tile[kPixels * kWidth];
    bit_tile<Bits, Blocks>(conv, band, pixel, value, w, start, tile, kWidth);
    for (std::int64_t i = 0; i < count; ++i)
      std::memcpy(acc + i * stride, tile + i * kWidth, static_cast<std::size_t>(channels) * sizeof(std::int32_t));
  }
}

template <class Bits>
void bit_band(const PackedBitConv2d& conv, const BitBand& band, std::int64_t pixels, std::int32_t* acc) {
  for (std::int64_t block = 0; block < conv.blocks;) {
    const std::int64_t first = block * kBitLanes, left = conv.geometry.out_channels - first;
    const std::uint8_t* w = conv.weights.data() + block * conv.block_bytes();
    const std::int32_t* start = conv.start.data() + first;
    if (Bits::kBlocks > 1 && block + Bits::kBlocks <= conv.blocks) {
      bit_block_band<Bits, Bits::kBlocks>(conv, band, pixels, w, start, acc + first,
                                          std::min(Bits::kBlocks * kBitLanes, left));
      block += Bits::kBlocks;
    } else {
      bit_block_band<Bits, 1>(conv, band, pixels, w, start, acc + first, std::min(kBitLanes, left));
      ++block;
    }
  }
}

// What receives the bands, without its type: the driver below is compiled once.
struct BitBandSink {
  void* object;
  void (*call)(void* object, std::int64_t first, std::int64_t count, const std::int32_t* acc);
};

template <class Bits>
void run_bit_bands(const PackedBitConv2d& conv, std::int64_t batch, const std::uint8_t* x, BitBandSink sink) {
  const ConvGeometry& g = conv.geometry;
  const Window2d& win = g.window;
  const std::int64_t out_h = g.out_h(), out_w = g.out_w(), image_pixels = out_h * out_w;
  // Images that together give a full band: one image of a convolution, several of a linear layer.
  constexpr std::int64_t kBandPixels = 64, kBandElements = 8192;
  const std::int64_t pass_images =
      std::clamp<std::int64_t>(kBandPixels / image_pixels, 1, std::max<std::int64_t>(batch, 1));
  const std::int64_t band_pixels =
      std::max<std::int64_t>(kBandElements / g.out_channels / Bits::kPixels, 2) * Bits::kPixels;

  BitFrame<Bits> frame(conv, pass_images);
  const std::int64_t columns = conv.runs == win.kernel_h ? 1 : win.kernel_w;
  Scratch<std::int64_t> run_offset(static_cast<std::size_t>(conv.runs));
  for (std::int64_t run = 0; run < conv.runs; ++run)
    run_offset[static_cast<std::size_t>(run)] =
        frame.offset(0, run / columns * win.dilation_h, run % columns * win.dilation_w);
  Scratch<std::int64_t> pixel(static_cast<std::size_t>(band_pixels));
  Scratch<std::int32_t> value(static_cast<std::size_t>(band_pixels));
  std::fill_n(value.data(), band_pixels, 0);
  Scratch<std::int32_t> acc(static_cast<std::size_t>(band_pixels * g.out_channels));
  BitBand band{{}, run_offset.data(), pixel.data(), value.data()};
  for (int j = 0; j < conv.input_planes; ++j) band.plane[j] = frame.plane(j);
  const std::int64_t taps = win.kernel_h * win.kernel_w;
  Scratch<std::int64_t> tap_pixel(static_cast<std::size_t>(taps));
  for (std::int64_t tap = 0; tap < taps; ++tap)
    tap_pixel[static_cast<std::size_t>(tap)] =
        frame.pixel(0, tap / win.kernel_w * win.dilation_h, tap % win.kernel_w * win.dilation_w);
  const auto value_of = [&](const std::int32_t* first) {
    std::int32_t sum = 0;
    for (std::int64_t tap = 0; tap < taps; ++tap) sum += first[tap_pixel[static_cast<std::size_t>(tap)]];
    return sum;
  };

  for (std::int64_t image = 0; image < batch; image += pass_images) {
    const std::int64_t images = std::min(pass_images, batch - image);
    frame.fill(x + image * g.in_h * g.in_w * g.in_channels, images);
    std::int64_t n = 0, oy = 0, ox = 0;  // of the next output pixel
    for (std::int64_t first = 0; first < images * image_pixels; first += band_pixels) {
      const std::int64_t count = std::min(band_pixels, images * image_pixels - first);
      for (std::int64_t p = 0; p < count; ++p) {
        const auto at = static_cast<std::size_t>(p);
        pixel[at] = frame.offset(n, oy * win.stride_h, ox * win.stride_w);
        if (conv.has_values)
          value[at] = value_of(frame.values() + frame.pixel(n, oy * win.stride_h, ox * win.stride_w));
        if (++ox < out_w) continue;
        ox = 0;
        if (++oy < out_h) continue;
        oy = 0;
        ++n;
      }
      bit_band<Bits>(conv, band, count, acc.data());
      sink.call(sink.object, image * image_pixels + first, count, acc.data());
    }
  }
}

}  // namespace detail

/// Convolves `batch` images x [N,H,W,I] on the calling thread and calls `sink(first, count, acc)` for consecutive
/// bands of output pixels: acc [count][O] holds the accumulators of the pixels first .. first + count - 1, counted
/// through the batch. acc is in cache and valid during the call only.
template <class Bits = BestBits, class Sink>
void conv2d_bits_bands(const PackedBitConv2d& conv, std::int64_t batch, const std::uint8_t* x, Sink&& sink) {
  using Object = std::remove_reference_t<Sink>;
  const detail::BitBandSink untyped{
      const_cast<void*>(static_cast<const void*>(&sink)),
      [](void* object, std::int64_t first, std::int64_t count, const std::int32_t* acc) {
        (*static_cast<Object*>(object))(first, count, acc);
      }};
  if constexpr (kDispatch && std::is_same_v<Bits, BestBits>)
    kernel_set().conv2d_bits_bands(conv, batch, x, untyped);
  else
    detail::run_bit_bands<Bits>(conv, batch, x, untyped);
}

/// The whole batch into acc [N,Ho,Wo,O], images in parallel.
template <class Bits = BestBits>
void conv2d_bits(const PackedBitConv2d& conv, std::int64_t batch, const std::uint8_t* x, std::int32_t* acc) {
  const ConvGeometry& g = conv.geometry;
  const std::int64_t image_in = g.in_h * g.in_w * g.in_channels;
  const std::int64_t image_out = g.out_h() * g.out_w() * g.out_channels;
  // About a million words of 32 products per chunk: well above the cost of handing it to a thread.
  const std::int64_t image_words = image_out * conv.runs * conv.words * static_cast<std::int64_t>(conv.passes.size());
  parallel_for(batch, std::max<std::int64_t>(1, (std::int64_t{1} << 20) / image_words),
               [&](std::int64_t begin, std::int64_t end) {
                 std::int32_t* to = acc + begin * image_out;
                 conv2d_bits_bands<Bits>(conv, end - begin, x + begin * image_in,
                                         [&](std::int64_t first, std::int64_t count, const std::int32_t* band) {
                                           std::copy_n(band, count * g.out_channels, to + first * g.out_channels);
                                         });
               });
}

/// The instance of the best primitive (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_CONV2D_BITS_INSTANCES(linkage)                                                                    \
  linkage template void detail::run_bit_bands<BestBits>(const PackedBitConv2d&, std::int64_t, const std::uint8_t*, \
                                                        detail::BitBandSink);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_CONV2D_BITS_INSTANCES(extern)
#endif

}  // namespace bitgrain::kernels
