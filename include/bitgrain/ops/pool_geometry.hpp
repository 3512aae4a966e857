#pragma once

#include "bitgrain/ops/shape_check.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain {

/// The geometry of pooling x [N,H,W,C]. Throws Error, naming `op`, when there is none.
template <class T>
PoolGeometry pool2d_geometry(const char* op, const Var<T>& x, const Window2d& window) {
  detail::check_rank(op, "x", x, 4, "[N,H,W,C]");
  PoolGeometry g;
  g.batch = x.shape()[0], g.in_h = x.shape()[1], g.in_w = x.shape()[2], g.channels = x.shape()[3];
  g.window = window;
  g.validate(op);
  return g;
}

}  // namespace bitgrain
