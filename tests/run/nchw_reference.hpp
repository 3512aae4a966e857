#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "bitgrain/tensor/tensor.hpp"

/// Networks as PyTorch computes them, written down plainly in double: images [C,H,W], convolution weights OIHW.
namespace nchw {

using Weights = std::map<std::string, bitgrain::Tensor<float>>;

struct Image {
  std::int64_t c, h, w;
  std::vector<double> v;
  Image(std::int64_t channels, std::int64_t height, std::int64_t width)
      : c(channels), h(height), w(width), v(static_cast<std::size_t>(channels * height * width)) {}
  double& at(std::int64_t k, std::int64_t y, std::int64_t x) {
    return v[static_cast<std::size_t>((k * h + y) * w + x)];
  }
  double at(std::int64_t k, std::int64_t y, std::int64_t x) const {
    return v[static_cast<std::size_t>((k * h + y) * w + x)];
  }
};

inline Image conv(const Weights& all, const std::string& name, const Image& x, std::int64_t stride,
                  std::int64_t pad) {
  const auto& w = all.at(name + ".weight");
  const std::int64_t out = w.shape()[0], in = w.shape()[1], kernel = w.shape()[2];
  Image y(out, (x.h + 2 * pad - kernel) / stride + 1, (x.w + 2 * pad - kernel) / stride + 1);
  const auto bias = all.find(name + ".bias");
  for (std::int64_t o = 0; o < out; ++o)
    for (std::int64_t r = 0; r < y.h; ++r)
      for (std::int64_t s = 0; s < y.w; ++s) {
        double sum = bias == all.end() ? 0 : static_cast<double>(bias->second[o]);
        for (std::int64_t i = 0; i < in; ++i)
          for (std::int64_t a = 0; a < kernel; ++a)
            for (std::int64_t b = 0; b < kernel; ++b) {
              const std::int64_t row = r * stride + a - pad, column = s * stride + b - pad;
              if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
              sum += static_cast<double>(w[((o * in + i) * kernel + a) * kernel + b]) * x.at(i, row, column);
            }
        y.at(o, r, s) = sum;
      }
  return y;
}
inline Image batch_norm(const Weights& all, const std::string& name, Image x) {
  const auto value = [&](const char* what, std::int64_t c) { return static_cast<double>(all.at(name + what)[c]); };
  const auto pixels = static_cast<std::size_t>(x.h * x.w);
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    const auto c = static_cast<std::int64_t>(i / pixels);
    x.v[i] = (x.v[i] - value(".running_mean", c)) / std::sqrt(value(".running_var", c) + 1e-5) * value(".weight", c) +
             value(".bias", c);
  }
  return x;
}
inline Image relu(Image x) {
  for (double& v : x.v) v = std::max(v, 0.0);
  return x;
}
inline Image max_pool2(const Image& x) {
  Image y(x.c, x.h / 2, x.w / 2);
  for (std::int64_t k = 0; k < y.c; ++k)
    for (std::int64_t r = 0; r < y.h; ++r)
      for (std::int64_t s = 0; s < y.w; ++s)
        y.at(k, r, s) = std::max({x.at(k, 2 * r, 2 * s), x.at(k, 2 * r, 2 * s + 1), x.at(k, 2 * r + 1, 2 * s),
                                  x.at(k, 2 * r + 1, 2 * s + 1)});
  return y;
}
/// The values of `x` as they lie (flattened in NCHW order) through a linear layer, as an image of 1 x 1.
inline Image linear(const Weights& all, const std::string& name, const Image& x) {
  const auto& w = all.at(name + ".weight");
  const auto bias = all.find(name + ".bias");
  Image y(w.shape()[0], 1, 1);
  for (std::int64_t o = 0; o < y.c; ++o) {
    double sum = bias == all.end() ? 0 : static_cast<double>(bias->second[o]);
    for (std::int64_t i = 0; i < w.shape()[1]; ++i)
      sum += static_cast<double>(w[o * w.shape()[1] + i]) * x.v[static_cast<std::size_t>(i)];
    y.at(o, 0, 0) = sum;
  }
  return y;
}
inline Image average(const Image& x) {
  Image y(x.c, 1, 1);
  for (std::int64_t k = 0; k < x.c; ++k)
    for (std::int64_t i = 0; i < x.h * x.w; ++i)
      y.at(k, 0, 0) += x.v[static_cast<std::size_t>(k * x.h * x.w + i)] / static_cast<double>(x.h * x.w);
  return y;
}

inline Image lenet5(const Weights& all, const Image& x) {
  const Image first = max_pool2(relu(conv(all, "conv1", x, 1, 0)));
  const Image second = max_pool2(relu(conv(all, "conv2", first, 1, 0)));
  return linear(all, "fc2", relu(linear(all, "fc1", second)));
}
inline Image vgg7(const Weights& all, Image x) {
  for (int i = 1; i <= 6; ++i) {
    const std::string n = std::to_string(i);
    x = relu(batch_norm(all, "bn" + n, conv(all, "conv" + n, x, 1, 1)));
    if (i % 2 == 0) x = max_pool2(x);
  }
  return linear(all, "fc2", relu(batch_norm(all, "bn7", linear(all, "fc1", x))));
}
/// torchvision's names; shortcuts with weights ("downsample") where the file has them, else option A.
inline Image resnet20(const Weights& all, Image x) {
  x = relu(batch_norm(all, "bn1", conv(all, "conv1", x, 1, 1)));
  for (int stage = 1; stage <= 3; ++stage)
    for (int block = 0; block < 3; ++block) {
      const std::string at = "layer" + std::to_string(stage) + "." + std::to_string(block) + ".";
      const std::int64_t stride = stage > 1 && block == 0 ? 2 : 1;
      const Image first = relu(batch_norm(all, at + "bn1", conv(all, at + "conv1", x, stride, 1)));
      Image y = batch_norm(all, at + "bn2", conv(all, at + "conv2", first, 1, 1));
      Image shortcut = x;
      if (all.contains(at + "downsample.0.weight")) {
        shortcut = batch_norm(all, at + "downsample.1", conv(all, at + "downsample.0", x, stride, 0));
      } else if (stride == 2) {
        shortcut = Image(y.c, y.h, y.w);
        for (std::int64_t k = 0; k < x.c; ++k)
          for (std::int64_t r = 0; r < y.h; ++r)
            for (std::int64_t s = 0; s < y.w; ++s) shortcut.at(k + (y.c - x.c) / 2, r, s) = x.at(k, 2 * r, 2 * s);
      }
      for (std::size_t i = 0; i < y.v.size(); ++i) y.v[i] += shortcut.v[i];
      x = relu(y);
    }
  return linear(all, "fc", average(x));
}

}  // namespace nchw
