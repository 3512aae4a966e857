#pragma once

/// The convolutions and linear layers of a program (integer_program.hpp), all on bytes: the kernels of every machine,
/// whatever the layer, with scratch memory whose size is known before. What ArenaEngine runs.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/base/arena.hpp"
#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/report.hpp"
#include "bitgrain/deploy/packed_network.hpp"
#include "bitgrain/deploy/requantize_rows.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"

namespace bitgrain::deploy {

class ByteLayers {
 public:
  using Layer = kernels::PackedConv2d;
  /// No values are observed: a requantization needs no second form.
  static constexpr bool kObservable = false;

  /// For at most `images` images at a time.
  explicit ByteLayers(std::int64_t images) : images_(images) {}

  /// Packs the weights of a layer. They are unpacked to bytes on the way, one layer at a time.
  Layer pack(const PackedConvOp& op, const PackedValue& in) const {
    const Scratch<std::int8_t> codes(op.weights.codes.size());
    if (std::int8_t* to = codes.data(); to != nullptr) {
      Report ignored({});  // read and found good before
      op.weights.codes.for_each(ignored, [&](std::int8_t code) { *to++ = code; });
    }
    const std::int32_t offset = storage_offset(in);
    return kernels::pack_conv2d(op.geometry, codes.data(), offset, static_cast<std::uint8_t>(in.zero_point + offset));
  }

  // Straight to the kernels of this translation unit: those of a dispatching library (kernel_set.hpp) know nothing of
  // the arena.
  template <class Sink>
  static void run_sums(const Layer& layer, std::int64_t images, const std::uint8_t* x, Sink&& sink) {
    using Object = std::remove_reference_t<Sink>;
    kernels::detail::run_bands<kernels::BestDot>(
        layer, images, x,
        {const_cast<void*>(static_cast<const void*>(&sink)),
         [](void* object, std::int64_t first, std::int64_t count, const std::int32_t* acc) {
           (*static_cast<Object*>(object))(first, count, acc);
         }});
  }
  static void run_codes(const Layer& layer, std::int64_t images, const std::uint8_t* x,
                        const kernels::Requantization& constants, const std::uint8_t* residual, std::uint8_t* codes) {
    kernels::detail::run_any_codes<kernels::BestDot>(layer, images, x, constants, residual, codes);
  }

  /// Notes the scratch memory of a layer that makes codes, or sums.
  void note_scratch(const Layer& layer, bool codes, bool residual) {
    Arena arena;
    const ArenaScope scope(arena);
    if (codes)
      kernels::detail::take_codes_memory<kernels::BestDot>(layer, images_, residual);
    else
      kernels::detail::take_bands_memory<kernels::BestDot>(layer, images_);
    scratch_bytes_ = std::max(scratch_bytes_, arena.peak());
  }
  /// Scratch memory of the layer that takes most.
  std::uint64_t scratch_bytes() const { return scratch_bytes_; }

 private:
  std::int64_t images_;
  std::uint64_t scratch_bytes_ = 0;
};

}  // namespace bitgrain::deploy
