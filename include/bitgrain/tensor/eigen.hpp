#pragma once

/// Eigen views of tensors, without copies: for the user's own mathematics on weights and activations.

#include <Eigen/Core>
#include <utility>

#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace detail {
// Rank 0 and 1 are one row; higher ranks keep the last dimension as columns.
inline std::pair<Eigen::Index, Eigen::Index> matrix_extents(const Shape& shape) {
  const auto columns = static_cast<Eigen::Index>(shape.rank() == 0 ? 1 : shape[-1]);
  return {columns == 0 ? 0 : static_cast<Eigen::Index>(shape.numel()) / columns, columns};
}
}  // namespace detail

/// `t` as a row-major matrix [product of the leading extents, last extent], read-only.
template <class T>
Eigen::Map<const EigenMatrix<T>> as_eigen(const Tensor<T>& t) {
  const auto [rows, columns] = detail::matrix_extents(t.shape());
  return {t.data(), rows, columns};
}

/// The same, for writing (counts as a write for autograd's version check).
template <class T>
Eigen::Map<EigenMatrix<T>> as_eigen_mutable(Tensor<T>& t) {
  const auto [rows, columns] = detail::matrix_extents(t.shape());
  return {t.mutable_data(), rows, columns};
}

}  // namespace bitgrain
