#include "bitgrain/tensor/eigen.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

TEST_CASE("as_eigen maps without copying: leading extents are rows, the last is columns") {
  const Tensor<float> t(Shape{2, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto m = as_eigen(t);
  CHECK(m.rows() == 4);
  CHECK(m.cols() == 3);
  CHECK(m(2, 1) == 7);
  CHECK(m.data() == t.data());
}

TEST_CASE("vectors are one row, scalars 1 x 1, empty tensors empty") {
  CHECK(as_eigen(Tensor<float>(Shape{5}, 1.0f)).rows() == 1);
  CHECK(as_eigen(Tensor<float>(Shape{5}, 1.0f)).cols() == 5);
  CHECK(as_eigen(Tensor<float>(Shape{}, 1.0f)).size() == 1);
  CHECK(as_eigen(Tensor<float>(Shape{0, 4})).size() == 0);
  CHECK(as_eigen(Tensor<float>(Shape{4, 0})).size() == 0);
}

TEST_CASE("as_eigen_mutable writes into the tensor and counts as a write; as_eigen does not") {
  Tensor<double> t(Shape{2, 2}, {1, 2, 3, 4});
  const auto version = t.version();
  CHECK(as_eigen(t).sum() == 10);
  CHECK(t.version() == version);
  as_eigen_mutable(t) *= 2;
  CHECK(t.version() == version + 1);
  CHECK(t[3] == 8);
}

TEST_CASE("a slice maps its own rows") {
  const Tensor<float> t(Shape{3, 2}, {0, 1, 2, 3, 4, 5});
  CHECK(as_eigen(t.slice(1, 3))(1, 1) == 5);
}

TEST_CASE("the product of two views is the matrix product") {
  const Tensor<float> a(Shape{2, 3}, {1, 2, 3, 4, 5, 6}), b(Shape{3, 1}, {1, 0, -1});
  const EigenMatrix<float> product = as_eigen(a) * as_eigen(b);
  CHECK(product(0, 0) == -2);
  CHECK(product(1, 0) == -2);
}
