#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/ops/copy_runs.hpp"
#include "bitgrain/ops/pass_codes.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// Elements [begin, end) along `axis` (negative counts from the end). Shares storage along the first axis, copies
/// along the others. Integer codes pass on. Traced as "slice". Throws Error when the range does not exist.
template <class T>
Var<T> slice(const Var<T>& x, int axis, std::int64_t begin, std::int64_t end) {
  detail::check_defined("slice", "x", x);
  const int at = detail::check_axis("slice", x.shape(), axis);
  const std::int64_t extent = x.shape()[at];
  BITGRAIN_CHECK(0 <= begin && begin <= end && end <= extent, "slice: [", begin, ",", end, ") along axis ", axis,
                 " of shape ", x.shape());
  const detail::AxisExtents e = detail::axis_extents(x.shape(), at);
  const std::int64_t count = e.outer, row = extent * e.inner, run = (end - begin) * e.inner, skip = begin * e.inner;
  Tensor<T> y;
  if (at == 0) {
    y = x.value().slice(begin, end);
  } else {
    y = Tensor<T>(detail::with_extent(x.shape(), at, end - begin));
    detail::copy_runs(count, run, x.value().data() + skip, row, y.mutable_data(), run);
  }
  Var<T> result =
      make_result<T>("slice", std::move(y), {x}, [x = x.slot(), count, row, run, skip](const Tensor<T>& dy) {
        Tensor<T> dx(x.shape(), T{0});
        detail::copy_runs(count, run, dy.data(), run, dx.mutable_data() + skip, row);
        x.add_grad(std::move(dx));
      });
  detail::pass_codes(x, result);
  trace<T>("slice", {x}, result);
  return result;
}

}  // namespace bitgrain
