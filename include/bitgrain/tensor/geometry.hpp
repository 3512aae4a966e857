#pragma once

#include <cstdint>
#include <ostream>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/report.hpp"

namespace bitgrain {

/// A 2-D window sliding over an image: kernel, stride, zero padding and dilation per axis.
struct Window2d {
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_h = 0, pad_w = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;

  /// Square window: the usual case.
  static Window2d square(std::int64_t kernel, std::int64_t stride = 1, std::int64_t pad = 0,
                         std::int64_t dilation = 1) {
    return {kernel, kernel, stride, stride, pad, pad, dilation, dilation};
  }
  friend bool operator==(const Window2d&, const Window2d&) = default;
};

namespace detail {
// floor((in + 2 pad - dilation (kernel - 1) - 1) / stride) + 1, and 0 if the window does not fit.
inline std::int64_t window_positions(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                                     std::int64_t dilation) {
  const std::int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}
// Whether every window of one axis has a tap inside the input, given padding of at most half the kernel. Only windows
// that start in the padding can miss it, and only with dilation: taps at -1 and 2 of an axis of 2.
inline bool windows_reach_input(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                                std::int64_t dilation) {
  const std::int64_t positions = window_positions(in, kernel, stride, pad, dilation);
  for (std::int64_t o = 0; o < positions && o * stride < pad; ++o) {
    const std::int64_t before = pad - o * stride;
    const std::int64_t tap = (before + dilation - 1) / dilation;  // the first that is not left of the input
    if (tap * dilation - before >= in) return false;
  }
  return true;
}
template <class What>
bool check_window(const What& what, const Window2d& w, Report& report) {
  BITGRAIN_EXPECT(report,
                  w.kernel_h >= 1 && w.kernel_w >= 1 && w.stride_h >= 1 && w.stride_w >= 1 && w.pad_h >= 0 &&
                      w.pad_w >= 0 && w.dilation_h >= 1 && w.dilation_w >= 1,
                  what, ": kernel, stride and dilation must be at least 1 and padding at least 0, got kernel ",
                  w.kernel_h, "x", w.kernel_w, ", stride ", w.stride_h, "x", w.stride_w, ", padding ", w.pad_h, "x",
                  w.pad_w, ", dilation ", w.dilation_h, "x", w.dilation_w);
  return true;
}
// Throws Error unless the window exists.
inline void check_window(const char* what, const Window2d& w) {
  char text[512];
  Report report(text);
  if (!check_window(what, w, report)) raise(text);
}
// Throws Error unless the geometry exists.
template <class Geometry>
void validate_geometry(const char* what, const Geometry& geometry) {
  char text[512];
  Report report(text);
  if (!geometry.check(what, report)) raise(text);
}
}  // namespace detail

/// Everything that defines a convolution of x [N,H,W,I] with w [O,Kh,Kw,I/groups] giving y [N,Ho,Wo,O].
struct ConvGeometry {
  std::int64_t batch = 1;
  std::int64_t in_h = 1, in_w = 1, in_channels = 1, out_channels = 1;
  Window2d window;
  std::int64_t groups = 1;

  std::int64_t out_h() const {
    return detail::window_positions(in_h, window.kernel_h, window.stride_h, window.pad_h, window.dilation_h);
  }
  std::int64_t out_w() const {
    return detail::window_positions(in_w, window.kernel_w, window.stride_w, window.pad_w, window.dilation_w);
  }
  /// Input channels that one output channel reads.
  std::int64_t group_in() const { return in_channels / groups; }
  std::int64_t group_out() const { return out_channels / groups; }
  std::int64_t input_size() const { return batch * in_h * in_w * in_channels; }
  std::int64_t output_size() const { return batch * out_h() * out_w() * out_channels; }
  std::int64_t weight_size() const { return out_channels * window.kernel_h * window.kernel_w * group_in(); }
  /// Multiply-accumulates for the whole batch, zero padding counted.
  std::int64_t macs() const { return output_size() * window.kernel_h * window.kernel_w * group_in(); }

  /// Throws Error, naming `what`, unless the convolution exists.
  void validate(const char* what = "convolution") const { detail::validate_geometry(what, *this); }
  /// The same without an exception.
  template <class What>
  bool check(const What& what, Report& report) const {
    if (!detail::check_window(what, window, report)) return false;
    BITGRAIN_EXPECT(report,
                    in_channels >= 1 && out_channels >= 1 && groups >= 1 && in_channels % groups == 0 &&
                        out_channels % groups == 0,
                    what, ": groups must divide the channels, got ", in_channels, " input and ", out_channels,
                    " output channels in ", groups, " groups");
    BITGRAIN_EXPECT(report, out_h() >= 1 && out_w() >= 1, what, ": a kernel of ", window.kernel_h, "x",
                    window.kernel_w, " does not fit an input of ", in_h, "x", in_w, " with padding ", window.pad_h,
                    "x", window.pad_w);
    return true;
  }
  friend bool operator==(const ConvGeometry&, const ConvGeometry&) = default;
};

/// Pooling of x [N,H,W,C] to y [N,Ho,Wo,C].
struct PoolGeometry {
  std::int64_t batch = 1;
  std::int64_t in_h = 1, in_w = 1, channels = 1;
  Window2d window;

  std::int64_t out_h() const {
    return detail::window_positions(in_h, window.kernel_h, window.stride_h, window.pad_h, window.dilation_h);
  }
  std::int64_t out_w() const {
    return detail::window_positions(in_w, window.kernel_w, window.stride_w, window.pad_w, window.dilation_w);
  }
  std::int64_t input_size() const { return batch * in_h * in_w * channels; }
  std::int64_t output_size() const { return batch * out_h() * out_w() * channels; }

  /// Throws Error, naming `what`, unless every window holds at least one element of the input.
  void validate(const char* what = "pooling") const { detail::validate_geometry(what, *this); }
  /// The same without an exception.
  template <class What>
  bool check(const What& what, Report& report) const {
    if (!detail::check_window(what, window, report)) return false;
    BITGRAIN_EXPECT(report, 2 * window.pad_h <= window.kernel_h && 2 * window.pad_w <= window.kernel_w, what,
                    ": padding must be at most half the kernel, got padding ", window.pad_h, "x", window.pad_w,
                    ", kernel ", window.kernel_h, "x", window.kernel_w);
    BITGRAIN_EXPECT(report, channels >= 1 && out_h() >= 1 && out_w() >= 1, what, ": a window of ", window.kernel_h,
                    "x", window.kernel_w, " does not fit an input of ", in_h, "x", in_w);
    const auto& w = window;
    BITGRAIN_EXPECT(report,
                    detail::windows_reach_input(in_h, w.kernel_h, w.stride_h, w.pad_h, w.dilation_h) &&
                        detail::windows_reach_input(in_w, w.kernel_w, w.stride_w, w.pad_w, w.dilation_w),
                    what, ": a window of ", w.kernel_h, "x", w.kernel_w, " with dilation ", w.dilation_h, "x",
                    w.dilation_w, " lies in the padding altogether, input ", in_h, "x", in_w);
    return true;
  }
  friend bool operator==(const PoolGeometry&, const PoolGeometry&) = default;
};

}  // namespace bitgrain
