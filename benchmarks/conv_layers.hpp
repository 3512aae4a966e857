#pragma once

/// The convolutions that benchmarks measure, and how their work is counted.

#include <string>
#include <vector>

#include "bitgrain/tensor/geometry.hpp"
#include "threads_flag.hpp"

struct ConvLayer {
  std::string name;
  bitgrain::ConvGeometry geometry;
};

/// Layers of ResNet-20 (batch 128), ResNet-18 (batch 8), VGG-7 (batch 100) and LeNet-5 (batch 128), depthwise layers
/// of MobileNetV2 (batch 8). The names of stems hold "stem", those of depthwise layers "dw".
inline std::vector<ConvLayer> known_layers() {
  using bitgrain::Window2d;
  const Window2d k3 = Window2d::square(3, 1, 1), k3s2 = Window2d::square(3, 2, 1);
  return {
      {"stem_3-16@32", {128, 32, 32, 3, 16, k3, 1}},
      {"16-16@32", {128, 32, 32, 16, 16, k3, 1}},
      {"16-32@32_s2", {128, 32, 32, 16, 32, k3s2, 1}},
      {"32-32@16", {128, 16, 16, 32, 32, k3, 1}},
      {"32-64@16_s2", {128, 16, 16, 32, 64, k3s2, 1}},
      {"64-64@8", {128, 8, 8, 64, 64, k3, 1}},
      {"stem_7x7_3-64@224_s2", {8, 224, 224, 3, 64, Window2d::square(7, 2, 3), 1}},
      {"64-64@56", {8, 56, 56, 64, 64, k3, 1}},
      {"128-128@28", {8, 28, 28, 128, 128, k3, 1}},
      {"256-256@14", {8, 14, 14, 256, 256, k3, 1}},
      {"512-512@7", {8, 7, 7, 512, 512, k3, 1}},
      {"1x1_64-128@56_s2", {8, 56, 56, 64, 128, Window2d::square(1, 2, 0), 1}},
      {"stem_3-128@32", {100, 32, 32, 3, 128, k3, 1}},
      {"128-128@32", {100, 32, 32, 128, 128, k3, 1}},
      {"128-256@16", {100, 16, 16, 128, 256, k3, 1}},
      {"256-256@16", {100, 16, 16, 256, 256, k3, 1}},
      {"256-512@8", {100, 8, 8, 256, 512, k3, 1}},
      {"512-512@8", {100, 8, 8, 512, 512, k3, 1}},
      {"stem_5x5_1-32@28", {128, 28, 28, 1, 32, Window2d::square(5), 1}},
      {"5x5_32-64@12", {128, 12, 12, 32, 64, Window2d::square(5), 1}},
      {"dw_32@112", {8, 112, 112, 32, 32, k3, 32}},
      {"dw_96@56", {8, 56, 56, 96, 96, k3, 96}},
      {"dw_384@14", {8, 14, 14, 384, 384, k3, 384}},
  };
}

/// Layers that nobody tuned for: 8 to 512 channels by 8, kernels 1, 3 and 5, batch 1 and 32. The image shrinks as the
/// channels grow, as in networks.
inline std::vector<ConvLayer> sweep_layers() {
  std::vector<ConvLayer> layers;
  for (const int batch : {1, 32})
    for (const int kernel : {1, 3, 5})
      for (int channels = 8; channels <= 512; channels += 8) {
        const int size = channels <= 32 ? 32 : channels <= 96 ? 16 : channels <= 256 ? 14 : 7;
        layers.push_back(
            {"sweep_" + std::to_string(channels) + "@" + std::to_string(size) + "_k" + std::to_string(kernel) + "_b" +
                 std::to_string(batch),
             {batch, size, size, channels, channels, bitgrain::Window2d::square(kernel, 1, kernel / 2), 1}});
      }
  return layers;
}

/// The layer that `N,H,W,I,O,K[,stride[,pad[,groups[,dilation]]]]` describes: stride 1, padding (K - 1) / 2, 1 group
/// and no dilation unless told.
inline ConvLayer parse_layer(const std::string& text) {
  const char* expected = "--shape=N,H,W,I,O,K[,stride[,pad[,groups[,dilation]]]]";
  std::vector<int> v;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    v.push_back(flag_number(text.substr(at, comma - at), 0, expected));
    at = comma + 1;
  }
  if (v.size() < 6 || v.size() > 10) bad_flag(text, expected);
  const auto field = [&](std::size_t i, int otherwise) { return v.size() > i ? v[i] : otherwise; };
  ConvLayer layer{
      text,
      {v[0], v[1], v[2], v[3], v[4],
       bitgrain::Window2d::square(v[5], field(6, 1), field(7, (v[5] - 1) / 2), field(9, 1)), field(8, 1)}};
  try {
    layer.geometry.validate();
  } catch (const bitgrain::Error& error) {
    bad_flag(text, error.what());
  }
  return layer;
}

/// Operations inside the image, 2 per multiply-accumulate: taps that fall on zero padding are left out. Every peer is
/// counted so.
inline double conv_operations(const bitgrain::ConvGeometry& g) {
  const auto taps = [](std::int64_t in, std::int64_t out, std::int64_t k, std::int64_t s, std::int64_t p,
                       std::int64_t d) {
    std::int64_t count = 0;
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t t = 0; t < k; ++t) count += o * s - p + t * d >= 0 && o * s - p + t * d < in;
    return static_cast<double>(count);
  };
  const bitgrain::Window2d& w = g.window;
  return 2.0 * taps(g.in_h, g.out_h(), w.kernel_h, w.stride_h, w.pad_h, w.dilation_h) *
         taps(g.in_w, g.out_w(), w.kernel_w, w.stride_w, w.pad_w, w.dilation_w) * static_cast<double>(g.batch) *
         static_cast<double>(g.out_channels) * static_cast<double>(g.group_in());
}
