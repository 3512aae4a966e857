#pragma once

#include <utility>
#include <vector>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/ops/copy_runs.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// `parts` one behind the other along `axis` (negative counts from the end). Traced as "concat". Throws Error unless
/// the shapes agree in every other dimension.
template <class T>
Var<T> concat(const std::vector<Var<T>>& parts, int axis) {
  BITGRAIN_CHECK(!parts.empty(), "concat: at least one part must be given");
  for (const auto& part : parts) detail::check_defined("concat", "every part", part);
  const Shape& first = parts[0].shape();
  const int at = detail::check_axis("concat", first, axis);
  std::int64_t extent = 0;
  for (const auto& part : parts) {
    BITGRAIN_CHECK(part.shape().rank() == first.rank() && detail::with_extent(part.shape(), at, first[at]) == first,
                   "concat: shapes must agree but for axis ", axis, ", got ", first, " and ", part.shape());
    extent += part.shape()[at];
  }
  Tensor<T> y(detail::with_extent(first, at, extent));
  const auto [outer, inner] = detail::axis_extents(first, at);
  const std::int64_t count = outer, row = extent * inner, run_unit = inner;  // y is [count, row]
  T* to = y.mutable_data();
  for (const auto& part : parts) {
    const std::int64_t run = part.shape()[at] * run_unit;
    detail::copy_runs(count, run, part.value().data(), run, to, row);
    to += run;
  }
  std::vector<GradSlot<T>> slots;
  for (const auto& part : parts) slots.push_back(part.slot());
  const Var<T> result =
      make_result<T>("concat", std::move(y), parts, [slots, at, count, row, run_unit](const Tensor<T>& dy) {
        const T* from = dy.data();
        for (const auto& part : slots) {
          const std::int64_t run = part.shape()[at] * run_unit;
          if (part.requires_grad()) {
            Tensor<T> dx(part.shape());
            detail::copy_runs(count, run, from, row, dx.mutable_data(), run);
            part.add_grad(std::move(dx));
          }
          from += run;
        }
      });
  trace<T>("concat", parts, result);
  return result;
}

}  // namespace bitgrain
