#pragma once

/// oneDNN's fp32 convolutions as a peer: all directions, the best of its layouts and direct algorithms, or Winograd.

#include <algorithm>
#include <chrono>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>

#include "bitgrain/tensor/geometry.hpp"

namespace onednn {

enum class Direction { forward, backward_data, backward_weights };

inline dnnl::engine& engine() {
  static dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}
inline dnnl::stream& stream() {
  static dnnl::stream s(engine());
  return s;
}
/// Memory of the primitive's own layout, filled with numbers around zero.
inline dnnl::memory filled(const dnnl::memory::desc& layout) {
  dnnl::memory memory(layout, engine());
  auto* p = static_cast<float*>(memory.get_data_handle());
  unsigned state = 1;
  for (std::size_t i = 0; i < layout.get_size() / sizeof(float); ++i) {
    state = state * 1664525u + 1013904223u;
    p[i] = static_cast<float>(state >> 9) / 8388608.0F - 0.5F;
  }
  return memory;
}

/// One primitive with its tensors. The layout of the images is `layout`; weights lie as the primitive likes best.
class Conv {
 public:
  /// Throws dnnl::error when there is no such primitive.
  Conv(Direction direction, const bitgrain::ConvGeometry& g, dnnl::algorithm algorithm,
       dnnl::memory::format_tag layout) {
    using dnnl::memory;
    const bitgrain::Window2d& w = g.window;
    const auto f32 = memory::data_type::f32;
    const memory::desc x({g.batch, g.in_channels, g.in_h, g.in_w}, f32, layout);
    const memory::desc y({g.batch, g.out_channels, g.out_h(), g.out_w()}, f32, layout);
    const memory::desc weights(g.groups > 1
                                   ? memory::dims{g.groups, g.group_out(), g.group_in(), w.kernel_h, w.kernel_w}
                                   : memory::dims{g.out_channels, g.in_channels, w.kernel_h, w.kernel_w},
                               f32, memory::format_tag::any);
    const memory::dims stride{w.stride_h, w.stride_w}, dilation{w.dilation_h - 1, w.dilation_w - 1},
        pad{w.pad_h, w.pad_w};
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, algorithm, x, weights, y, stride, dilation, pad, pad}, engine());
    if (direction == Direction::forward) {
      take(forward, dnnl::convolution_forward(forward),
           {{DNNL_ARG_SRC, filled(forward.src_desc())},
            {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())},
            {DNNL_ARG_DST, filled(forward.dst_desc())}});
    } else if (direction == Direction::backward_data) {
      const dnnl::convolution_backward_data::primitive_desc backward(
          {algorithm, x, weights, y, stride, dilation, pad, pad}, engine(), forward);
      take(backward, dnnl::convolution_backward_data(backward),
           {{DNNL_ARG_DIFF_SRC, filled(backward.diff_src_desc())},
            {DNNL_ARG_WEIGHTS, filled(backward.weights_desc())},
            {DNNL_ARG_DIFF_DST, filled(backward.diff_dst_desc())}});
    } else {
      const dnnl::convolution_backward_weights::primitive_desc backward(
          {algorithm, x, weights, y, stride, dilation, pad, pad}, engine(), forward);
      take(backward, dnnl::convolution_backward_weights(backward),
           {{DNNL_ARG_SRC, filled(backward.src_desc())},
            {DNNL_ARG_DIFF_WEIGHTS, filled(backward.diff_weights_desc())},
            {DNNL_ARG_DIFF_DST, filled(backward.diff_dst_desc())}});
    }
  }

  void run() {
    primitive_.execute(stream(), tensors_);
    stream().wait();
  }
  const std::string& implementation() const { return implementation_; }

 private:
  template <class Desc>
  void take(const Desc& desc, dnnl::primitive primitive, std::unordered_map<int, dnnl::memory> tensors) {
    implementation_ = desc.impl_info_str();
    primitive_ = std::move(primitive);
    tensors_ = std::move(tensors);
  }

  dnnl::primitive primitive_;
  std::unordered_map<int, dnnl::memory> tensors_;
  std::string implementation_;
};

/// The primitive, or null if oneDNN has none.
inline std::unique_ptr<Conv> make_conv(Direction direction, const bitgrain::ConvGeometry& g,
                                       dnnl::algorithm algorithm, dnnl::memory::format_tag layout) {
  try {
    return std::make_unique<Conv>(direction, g, algorithm, layout);
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

/// The fastest of oneDNN's layouts (its own choice, NHWC, NCHW) for direct convolution, by the best of three runs of
/// each. Null if it has none.
inline std::unique_ptr<Conv> best_direct(Direction direction, const bitgrain::ConvGeometry& g) {
  using Clock = std::chrono::steady_clock;
  std::unique_ptr<Conv> best;
  Clock::duration least = Clock::duration::max();
  for (const auto layout :
       {dnnl::memory::format_tag::any, dnnl::memory::format_tag::nhwc, dnnl::memory::format_tag::nchw}) {
    std::unique_ptr<Conv> conv = make_conv(direction, g, dnnl::algorithm::convolution_direct, layout);
    if (!conv) continue;
    conv->run();
    Clock::duration mine = Clock::duration::max();
    for (int run = 0; run < 3; ++run) {
      const auto start = Clock::now();
      conv->run();
      mine = std::min(mine, Clock::now() - start);
    }
    if (mine < least) {
      least = mine;
      best = std::move(conv);
    }
  }
  return best;
}

/// oneDNN's Winograd, or null where it has none.
inline std::unique_ptr<Conv> winograd(Direction direction, const bitgrain::ConvGeometry& g) {
  return make_conv(direction, g, dnnl::algorithm::convolution_winograd, dnnl::memory::format_tag::any);
}

}  // namespace onednn
