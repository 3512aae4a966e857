#pragma once

/// The convolutions and linear layers of a program (integer_program.hpp), each on the kernel that measured times say
/// is fastest. What Engine runs.

#include <cstdint>
#include <utility>

#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/integer_program.hpp"
#include "bitgrain/deploy/kernel_choice.hpp"
#include "bitgrain/deploy/kernel_times.hpp"
#include "bitgrain/kernels/bits/any_conv2d.hpp"

namespace bitgrain::deploy {

class TimedLayers {
 public:
  using Layer = kernels::AnyConv2d;
  /// Values may be observed one by one: a requantization that runs with a convolution can run alone, too.
  static constexpr bool kObservable = true;

  /// `times` choose the kernels.
  TimedLayers(KernelTable times = shipped_kernel_times()) : times_(std::move(times)) {}

  Layer pack(const ConvOp& op, const Value& in) const { return pack_layer(choose_kernel(times_, op, in), op, in); }

  template <class Sink>
  static void run_sums(const Layer& layer, std::int64_t images, const std::uint8_t* x, Sink&& sink) {
    kernels::any_conv2d_bands(layer, images, x, sink);
  }
  static void run_codes(const Layer& layer, std::int64_t images, const std::uint8_t* x,
                        const kernels::Requantization& constants, const std::uint8_t* residual, std::uint8_t* codes) {
    kernels::any_conv2d_codes(layer, images, x, constants, residual, codes);
  }
  /// Scratch memory comes from the pool.
  void note_scratch(const Layer&, bool, bool) {}

 private:
  KernelTable times_;
};

/// What Engine runs.
using IntegerProgram = BasicIntegerProgram<IntegerNetwork, TimedLayers>;

}  // namespace bitgrain::deploy
