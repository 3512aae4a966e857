#pragma once

/// The checks that ops make of their inputs. Every message names the op and prints the shapes.

#include "bitgrain/autograd/var.hpp"

namespace bitgrain::detail {

/// Throws Error unless `x` is a variable.
template <class T>
void check_defined(const char* op, const char* name, const Var<T>& x) {
  BITGRAIN_CHECK(x.defined() && x.has_value(), op, ": ", name, " must be given, it is undefined");
}

/// Throws Error unless `x` has the rank of `layout`, e.g. 4 and "[N,H,W,C]".
template <class T>
void check_rank(const char* op, const char* name, const Var<T>& x, int rank, const char* layout) {
  check_defined(op, name, x);
  BITGRAIN_CHECK(x.shape().rank() == rank, op, ": ", name, " must be ", layout, ", got ", x.shape());
}

/// Throws Error unless both inputs have one shape.
template <class T>
void check_same_shape(const char* op, const Var<T>& a, const Var<T>& b) {
  check_defined(op, "the first input", a);
  check_defined(op, "the second input", b);
  BITGRAIN_CHECK(a.shape() == b.shape(), op, ": both inputs must have the same shape, got ", a.shape(), " and ",
                 b.shape());
}

/// Throws Error unless `x`, a bias or a batch-norm parameter, is a vector of `channels` elements.
template <class T>
void check_vector(const char* op, const char* name, const Var<T>& x, std::int64_t channels) {
  check_defined(op, name, x);
  BITGRAIN_CHECK(x.shape() == Shape{channels}, op, ": ", name, " must be [", channels, "], got ", x.shape());
}

/// `axis` of a tensor of shape `shape`, counted from the end when negative. Throws Error if there is none.
inline int check_axis(const char* op, const Shape& shape, int axis) {
  const int positive = axis < 0 ? axis + shape.rank() : axis;
  BITGRAIN_CHECK(positive >= 0 && positive < shape.rank(), op, ": axis ", axis, " does not exist in shape ", shape);
  return positive;
}

}  // namespace bitgrain::detail
