#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The matrix product of a [M,K] and b [K,N], giving [M,N]; da = dy b^T, db = a^T dy. Traced as "matmul".
/// Throws Error when shapes do not fit.
template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b) {
  detail::check_rank("matmul", "a", a, 2, "[M,K]");
  detail::check_rank("matmul", "b", b, 2, "[K,N]");
  const std::int64_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[1];
  BITGRAIN_CHECK(b.shape()[0] == k, "matmul: a ", a.shape(), " has ", k, " columns, b ", b.shape(), " has ",
                 b.shape()[0], " rows");

  Tensor<T> y(Shape{m, n});
  kernels::gemm(false, false, m, n, k, 1, a.value().data(), k, b.value().data(), n, 0, y.mutable_data(), n);
  const Saved<T> saved_a(b.requires_grad() ? a.value() : Tensor<T>());
  const Saved<T> saved_b(a.requires_grad() ? b.value() : Tensor<T>());
  const Var<T> result = make_result<T>(
      "matmul", std::move(y), {a, b}, [a = a.slot(), b = b.slot(), saved_a, saved_b, m, n, k](const Tensor<T>& dy) {
        if (a.requires_grad()) {
          Tensor<T> da(a.shape());
          kernels::gemm(false, true, m, k, n, 1, dy.data(), n, saved_b.get().data(), n, 0, da.mutable_data(), k);
          a.add_grad(std::move(da));
        }
        if (b.requires_grad()) {
          Tensor<T> db(b.shape());
          kernels::gemm(true, false, k, n, m, 1, saved_a.get().data(), k, dy.data(), n, 0, db.mutable_data(), n);
          b.add_grad(std::move(db));
        }
      });
  trace<T>("matmul", {a, b}, result);
  return result;
}

}  // namespace bitgrain
