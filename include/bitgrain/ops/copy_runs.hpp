#pragma once

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/tensor/shape.hpp"

namespace bitgrain::detail {

/// Copies `count` runs of `run` elements that lie `from_stride` and `to_stride` apart: what slices and
/// concatenations along any axis come down to.
template <class T>
void copy_runs(std::int64_t count, std::int64_t run, const T* from, std::int64_t from_stride, T* to,
               std::int64_t to_stride) {
  if (run <= 0) return;
  parallel_for(count, std::max<std::int64_t>(1, 16384 / run), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) std::copy_n(from + i * from_stride, run, to + i * to_stride);
  });
}

/// The extents before and behind `axis`, multiplied: a tensor is [outer, shape[axis], inner].
struct AxisExtents {
  std::int64_t outer = 1, inner = 1;
};
inline AxisExtents axis_extents(const Shape& shape, int axis) {
  AxisExtents e;
  for (int i = 0; i < axis; ++i) e.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) e.inner *= shape[i];
  return e;
}

/// `shape` with another extent at `axis`.
inline Shape with_extent(const Shape& shape, int axis, std::int64_t extent) {
  Shape result;
  for (int i = 0; i < shape.rank(); ++i) result.append(i == axis ? extent : shape[i]);
  return result;
}

}  // namespace bitgrain::detail
