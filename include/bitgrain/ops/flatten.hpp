#pragma once

#include "bitgrain/ops/reshape.hpp"

namespace bitgrain {

/// [N, ...] read as [N, rest], in memory order (height, width, channel); shares storage. Integer codes pass on.
/// Traced as "flatten". Throws Error for rank 0.
template <class T>
Var<T> flatten(const Var<T>& x) {
  detail::check_defined("flatten", "x", x);
  BITGRAIN_CHECK(x.shape().rank() >= 1, "flatten: x must have a leading dimension, got ", x.shape());
  std::int64_t rest = 1;
  for (int i = 1; i < x.shape().rank(); ++i) rest *= x.shape()[i];
  return detail::reshape_as("flatten", x, Shape{x.shape()[0], rest});
}

}  // namespace bitgrain
