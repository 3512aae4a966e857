#pragma once

/// Convolution of unsigned bytes with signed bytes, exact on every machine: to int32 accumulators, band by band, or
/// straight to the codes of the next layer. A linear layer is a 1x1 convolution of a 1x1 image.
///
/// The calling thread goes through the batch in units of some rows or images (pixel_unit.hpp): for each block of
/// output channels all tiles (conv2d_tile.hpp) of the unit, so that its input and the weights of the block are read
/// from cache. Codes are made from the sums tile by tile; accumulators are handed to a sink while they are in cache.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/int8/conv2d_depthwise.hpp"
#include "bitgrain/kernels/int8/conv2d_tile.hpp"
#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/padded_input.hpp"
#include "bitgrain/kernels/int8/pixel_unit.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"
#include "bitgrain/kernels/int8/requantize_band.hpp"
#include "bitgrain/kernels/kernel_set.hpp"

namespace bitgrain::kernels {

namespace detail {

// What receives the bands, without its type: the driver below is compiled once.
struct BandSink {
  void* object;
  void (*call)(void* object, std::int64_t first, std::int64_t count, const std::int32_t* acc);
};

// The units of a batch: how many images, or how many rows of one image, are made in one go.
class Units {
 public:
  /// About `pixels` output pixels each.
  Units(const PackedConv2d& conv, std::int64_t pixels)
      : out_h_(conv.geometry.out_h()),
        out_w_(conv.geometry.out_w()),
        // Offsets of pixels are 32 bits wide.
        images_(std::clamp<std::int64_t>(pixels / (out_h_ * conv.geometry.out_w()), 1,
                                         (std::int64_t{1} << 30) / image_bytes(conv.geometry))),
        rows_(std::clamp<std::int64_t>(pixels / conv.geometry.out_w(), 1, out_h_)) {}

  std::int64_t images() const { return images_; }
  /// Output pixels of the largest unit of a batch.
  std::int64_t most_pixels(std::int64_t batch) const { return std::min(images_, batch) * rows_ * out_w_; }
  /// Calls body(first image, images, first row, end row).
  template <class Body>
  void for_each(std::int64_t batch, Body&& body) const {
    for (std::int64_t image = 0; image < batch; image += images_) {
      const std::int64_t images = std::min(images_, batch - image);
      for (std::int64_t row = 0; row < out_h_; row += rows_) body(image, images, row, std::min(row + rows_, out_h_));
    }
  }

 private:
  // Of an image in its frame.
  static std::int64_t image_bytes(const ConvGeometry& g) {
    return (g.in_h + 2 * g.window.pad_h) * (g.in_w + 2 * g.window.pad_w) * g.in_channels;
  }
  std::int64_t out_h_, out_w_, images_, rows_;
};

// The pixels of a unit for all channels. x is what the offsets of the unit refer to.
template <class Dot, class Epilogue>
void dense_unit(const PackedConv2d& conv, const std::uint8_t* x, const InputView& view, std::int64_t group_bytes,
                const PixelUnit& unit, const Epilogue& epilogue) {
  const ConvGeometry& g = conv.geometry;
  DotTileInput in{};
  in.x_row = view.row_bytes * g.window.dilation_h;
  in.x_column = view.pixel_bytes * g.window.dilation_w;
  in.w_row = conv.runs / g.window.kernel_h * conv.quads * kDotLanes * kDotQuad;
  in.block_bytes = conv.block_bytes();
  for (std::int64_t group = 0; group < g.groups; ++group) {
    in.x = x + group * group_bytes;
    for (std::int64_t block = 0; block < conv.blocks;) {
      const bool wide = Dot::kBlocks > 1 && block + Dot::kBlocks <= conv.blocks;
      in.channel = group * g.group_out() + block * kDotLanes;
      in.channels = g.group_out() - block * kDotLanes;
      const std::int8_t* w = conv.weights.data() + group * conv.group_bytes() + block * conv.block_bytes();
      for (const PixelClass& k : unit.classes) {
        in.w = w + k.weights;
        in.start = conv.start.data() + k.start + (group * conv.blocks + block) * kDotLanes;
        in.rows = k.rows;
        in.columns = k.columns;
        in.quads = k.quads;
        const std::int32_t *pixel = unit.input + k.begin, *number = unit.output + k.begin;
        if (wide)
          dot_tiles<Dot, Dot::kBlocks>(in, pixel, number, k.end - k.begin, epilogue);
        else
          dot_tiles<Dot, 1>(in, pixel, number, k.end - k.begin, epilogue);
      }
      block += wide ? Dot::kBlocks : 1;
    }
  }
}

// What the units of a batch need besides what they read and write.
struct UnitMemory {
  UnitMemory(const PackedConv2d& conv, const Units& units, std::int64_t batch)
      : lists(conv, units.most_pixels(batch)) {
    if (conv.framed) frame.emplace(conv, std::min(units.images(), batch));
  }
  PixelLists<Scratch> lists;
  std::optional<PaddedInput> frame;
};

// Calls compute(first pixel, pixels, x, view, group bytes, unit) for all units of a batch.
template <class Compute>
void for_each_unit(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, const Units& units,
                   Compute&& compute) {
  const ConvGeometry& g = conv.geometry;
  const std::int64_t image_bytes = g.in_h * g.in_w * g.in_channels, out_w = g.out_w();
  UnitMemory memory(conv, units, batch);
  const InputView view = conv.view();
  const auto run = [&](auto&& prepare, std::int64_t group_bytes) {
    units.for_each(batch, [&](std::int64_t image, std::int64_t images, std::int64_t first, std::int64_t end) {
      const std::uint8_t* from = prepare(x + image * image_bytes, images, first);
      const bool listed = conv.image_pixels.is(images, first, end);
      if (!listed) memory.lists.build(conv, view, images, first, end);
      compute((image * g.out_h() + first) * out_w, images * (end - first) * out_w, from, view, group_bytes,
              listed ? conv.image_pixels.unit() : memory.lists.unit());
    });
  };
  if (!conv.framed) {
    run([](const std::uint8_t* from, std::int64_t, std::int64_t) { return from; }, g.group_in());
    return;
  }
  PaddedInput& frame = *memory.frame;
  run(
      [&](const std::uint8_t* from, std::int64_t images, std::int64_t first) {
        if (first == 0) frame.fill(from, images);
        return frame.data();
      },
      frame.group_bytes());
}

// The units of bands: 32 KiB, or where there are hundreds of channels a few tiles: what a sink finds in cache.
template <class Dot>
Units band_units(const PackedConv2d& conv) {
  return Units(conv, std::max<std::int64_t>(8192 / conv.geometry.out_channels, 4 * Dot::pixels(Dot::kBlocks)));
}
// The units of codes, or of sums that stay in memory: their input stays in a second-level cache while all channels
// are made.
inline Units code_units(const PackedConv2d& conv) {
  const ConvGeometry& g = conv.geometry;
  constexpr std::int64_t kUnitBytes = 128 << 10, kUnitPixels = 2048;
  const std::int64_t pixel_bytes = g.in_h * g.in_w * g.in_channels / (g.out_h() * g.out_w()) + 1;
  return Units(conv, std::min(kUnitBytes / pixel_bytes + 1, kUnitPixels));
}

// Room for the sums of a unit.
inline Scratch<std::int32_t> band_sums(const PackedConv2d& conv, const Units& units, std::int64_t batch) {
  return Scratch<std::int32_t>(static_cast<std::size_t>(units.most_pixels(batch) * conv.geometry.out_channels));
}

template <class Dot>
void run_bands(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, BandSink sink) {
  const Units units = band_units<Dot>(conv);
  const Scratch<std::int32_t> acc = band_sums(conv, units, batch);
  for_each_unit(
      conv, batch, x, units,
      [&](std::int64_t first, std::int64_t count, const std::uint8_t* from, const InputView& view,
          std::int64_t group_bytes, const PixelUnit& unit) {
        if (conv.depthwise)
          depthwise_sums(conv, view, from, unit, acc.data());
        else
          dense_unit<Dot>(conv, from, view, group_bytes, unit, SumsEpilogue{acc.data(), conv.geometry.out_channels});
        sink.call(sink.object, first, count, acc.data());
      });
}

template <class Dot, bool Residual>
void run_codes(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, const Requantization& constants,
               const std::uint8_t* residual, std::uint8_t* codes) {
  for_each_unit(conv, batch, x, code_units(conv),
                [&](std::int64_t first, std::int64_t, const std::uint8_t* from, const InputView& view,
                    std::int64_t group_bytes, const PixelUnit& unit) {
                  const std::int64_t at = first * conv.geometry.out_channels;
                  dense_unit<Dot>(
                      conv, from, view, group_bytes, unit,
                      CodesEpilogue<Residual>{{constants, Residual ? residual + at : nullptr, codes + at}});
                });
}

// Any depthwise convolution to codes, by its sums.
template <class Dot>
void run_depthwise_codes(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x,
                         const Requantization& constants, const std::uint8_t* residual, std::uint8_t* codes) {
  const ConvGeometry& g = conv.geometry;
  const auto sink = [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
    const std::int64_t at = first * g.out_channels;
    requantize_band<Dot>(constants, count, acc, constants.residual ? residual + at : nullptr, codes + at);
  };
  using Sink = decltype(sink);
  run_bands<Dot>(conv, batch, x,
                 {const_cast<void*>(static_cast<const void*>(&sink)),
                  [](void* object, std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                    (*static_cast<const Sink*>(object))(first, count, acc);
                  }});
}

// Whether the kernel of depthwise_lanes.hpp makes the codes.
template <class Dot>
bool has_depthwise_codes([[maybe_unused]] const PackedConv2d& conv, [[maybe_unused]] bool residual) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
  return std::is_same_v<Dot, Vnni512Dot> && !conv.lane_weights.empty() && !residual &&
         DepthwiseTaps::fit(conv.geometry);
#else
  return false;
#endif
}

template <class Dot>
void run_any_codes(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x,
                   const Requantization& constants, const std::uint8_t* residual, std::uint8_t* codes) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
  if (has_depthwise_codes<Dot>(conv, constants.residual)) return depthwise_codes(conv, batch, x, constants, codes);
#endif
  if (conv.depthwise)
    run_depthwise_codes<Dot>(conv, batch, x, constants, residual, codes);
  else if (constants.residual)
    run_codes<Dot, true>(conv, batch, x, constants, residual, codes);
  else
    run_codes<Dot, false>(conv, batch, x, constants, residual, codes);
}

// Takes and gives back the scratch memory of run_bands for a batch.
template <class Dot>
void take_bands_memory(const PackedConv2d& conv, std::int64_t batch) {
  const Units units = band_units<Dot>(conv);
  const Scratch<std::int32_t> acc = band_sums(conv, units, batch);
  const UnitMemory memory(conv, units, batch);
}

// Takes and gives back the scratch memory of run_any_codes for a batch.
template <class Dot>
void take_codes_memory(const PackedConv2d& conv, std::int64_t batch, [[maybe_unused]] bool residual) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
  if (has_depthwise_codes<Dot>(conv, residual)) {
    take_depthwise_memory(conv);
    return;
  }
#endif
  if (conv.depthwise) return take_bands_memory<Dot>(conv, batch);
  const UnitMemory memory(conv, code_units(conv), batch);
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

/// Convolves `batch` images x [N,H,W,I] on the calling thread and requantizes: codes [N,Ho,Wo,O] are stored bytes, as
/// is `residual` of the same shape, which is read only if the requantization has a residual term; they must not
/// overlap.
template <class Dot = BestDot>
void conv2d_u8s8_codes(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x,
                       const Requantization& requantization, const std::uint8_t* residual, std::uint8_t* codes) {
  if constexpr (kDispatch && std::is_same_v<Dot, BestDot>)
    kernel_set().conv2d_u8s8_codes(conv, batch, x, requantization, residual, codes);
  else
    detail::run_any_codes<Dot>(conv, batch, x, requantization, residual, codes);
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

/// The instances of the best primitive (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_CONV2D_INT8_INSTANCES(linkage)                                                                \
  linkage template void detail::run_bands<BestDot>(const PackedConv2d&, std::int64_t, const std::uint8_t*,     \
                                                   detail::BandSink);                                          \
  linkage template void detail::run_any_codes<BestDot>(const PackedConv2d&, std::int64_t, const std::uint8_t*, \
                                                       const Requantization&, const std::uint8_t*, std::uint8_t*);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_CONV2D_INT8_INSTANCES(extern)
#endif

}  // namespace bitgrain::kernels
