#pragma once

/// oneDNN's 8-bit convolutions and matrix products as a peer: unsigned source, signed weights, unsigned destination
/// with one scale per output channel; the best of its layouts. Weights are reordered beforehand, and it adds no bias.

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "bitgrain/tensor/geometry.hpp"

namespace onednn_int8 {

struct Way {
  std::string how;
  std::function<void()> run;
};

inline dnnl::engine& engine() {
  static dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

/// Memory of any layout, filled with bytes.
inline dnnl::memory filled(const dnnl::memory::desc& layout) {
  dnnl::memory memory(layout, engine());
  auto* p = static_cast<unsigned char*>(memory.get_data_handle());
  unsigned state = 1;
  for (std::size_t i = 0; i < layout.get_size(); ++i) {
    state = state * 1664525u + 1013904223u;
    p[i] = static_cast<unsigned char>(state >> 24);
  }
  return memory;
}

template <class Primitive, class Description>
Way make_way(const Description& description) {
  const Primitive primitive(description);
  const std::unordered_map<int, dnnl::memory> tensors{{DNNL_ARG_SRC, filled(description.src_desc())},
                                                      {DNNL_ARG_WEIGHTS, filled(description.weights_desc())},
                                                      {DNNL_ARG_DST, filled(description.dst_desc())}};
  static dnnl::stream stream(engine());
  return {description.impl_info_str(), [=] {
            primitive.execute(stream, tensors);
            stream.wait();
          }};
}

/// The fastest of the ways that exist, by the best of five runs of each; none if `ways` is empty.
inline Way fastest(const std::vector<Way>& ways) {
  Way best;
  double least = std::numeric_limits<double>::infinity();
  for (const Way& way : ways) {
    way.run();
    for (int run = 0; run < 5; ++run) {
      const auto start = std::chrono::steady_clock::now();
      way.run();
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (seconds >= least) continue;
      least = seconds;
      best = way;
    }
  }
  return best;
}

inline dnnl::primitive_attr scaled_by_channel(std::int64_t channels) {
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(1 << 1, std::vector<float>(static_cast<std::size_t>(channels), 1e-3F));
  return attributes;
}

inline Way best_conv(const bitgrain::ConvGeometry& g) {
  using dnnl::memory;
  const bitgrain::Window2d& w = g.window;
  std::vector<Way> ways;
  for (const auto layout : {memory::format_tag::any, memory::format_tag::nhwc}) try {
      const memory::desc x({g.batch, g.in_channels, g.in_h, g.in_w}, memory::data_type::u8, layout);
      const memory::desc y({g.batch, g.out_channels, g.out_h(), g.out_w()}, memory::data_type::u8, layout);
      const memory::dims size = g.groups > 1
                                    ? memory::dims{g.groups, g.group_out(), g.group_in(), w.kernel_h, w.kernel_w}
                                    : memory::dims{g.out_channels, g.in_channels, w.kernel_h, w.kernel_w};
      const memory::desc weights(size, memory::data_type::s8, memory::format_tag::any);
      ways.push_back(make_way<dnnl::convolution_forward>(
          dnnl::convolution_forward::primitive_desc({dnnl::prop_kind::forward_inference,
                                                     dnnl::algorithm::convolution_direct,
                                                     x,
                                                     weights,
                                                     y,
                                                     {w.stride_h, w.stride_w},
                                                     {w.dilation_h - 1, w.dilation_w - 1},
                                                     {w.pad_h, w.pad_w},
                                                     {w.pad_h, w.pad_w}},
                                                    scaled_by_channel(g.out_channels), engine())));
    } catch (const dnnl::error&) {
    }
  return fastest(ways);
}

/// C [m,n] = A [m,k] B [k,n], as matmul and as inner product.
inline Way best_gemm(std::int64_t m, std::int64_t n, std::int64_t k) {
  using dnnl::memory;
  constexpr auto u8 = memory::data_type::u8, s8 = memory::data_type::s8;
  std::vector<Way> ways;
  try {
    ways.push_back(make_way<dnnl::matmul>(dnnl::matmul::primitive_desc(
        dnnl::matmul::desc({{m, k}, u8, memory::format_tag::ab}, {{k, n}, s8, memory::format_tag::any},
                           {{m, n}, u8, memory::format_tag::ab}),
        scaled_by_channel(n), engine())));
  } catch (const dnnl::error&) {
  }
  try {
    ways.push_back(make_way<dnnl::inner_product_forward>(dnnl::inner_product_forward::primitive_desc(
        {dnnl::prop_kind::forward_inference, memory::desc({m, k}, u8, memory::format_tag::ab),
         memory::desc({n, k}, s8, memory::format_tag::any), memory::desc({m, n}, u8, memory::format_tag::ab)},
        scaled_by_channel(n), engine())));
  } catch (const dnnl::error&) {
  }
  return fastest(ways);
}

}  // namespace onednn_int8
