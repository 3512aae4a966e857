#pragma once

#include <string>

#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain {

/// A window in words, for describe(): "3x3, stride 2, padding 1"; unequal axes as "2x1"; no dilation unless it is
/// above 1.
inline std::string window_text(const Window2d& w) {
  const auto pair = [](std::int64_t h, std::int64_t v) {
    return h == v ? std::to_string(h) : std::to_string(h) + "x" + std::to_string(v);
  };
  std::string text = std::to_string(w.kernel_h) + "x" + std::to_string(w.kernel_w) + ", stride " +
                     pair(w.stride_h, w.stride_w) + ", padding " + pair(w.pad_h, w.pad_w);
  if (w.dilation_h != 1 || w.dilation_w != 1) text += ", dilation " + pair(w.dilation_h, w.dilation_w);
  return text;
}

}  // namespace bitgrain
