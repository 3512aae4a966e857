#pragma once

#include "bitgrain/ops/avg_pool2d.hpp"
#include "bitgrain/ops/flatten.hpp"

namespace bitgrain {

/// The mean over the image of every channel: x [N,H,W,C] gives [N,C]. Traced as what it is made of, "avg_pool2d" with
/// a window of the whole image and "flatten". Throws Error when x is not [N,H,W,C].
template <class T>
Var<T> global_avg_pool(const Var<T>& x) {
  detail::check_rank("global_avg_pool", "x", x, 4, "[N,H,W,C]");
  Window2d window;
  window.kernel_h = x.shape()[1];
  window.kernel_w = x.shape()[2];
  BITGRAIN_CHECK(window.kernel_h > 0 && window.kernel_w > 0, "global_avg_pool: x ", x.shape(), " has no pixels");
  return flatten(avg_pool2d(x, window));
}

}  // namespace bitgrain
