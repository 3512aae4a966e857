#include "bitgrain/autograd/gradient_pieces.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "autograd/plain_ops.hpp"
#include "bitgrain/autograd/var.hpp"

using namespace bitgrain;
using plain::list;
using plain::parameter;

namespace {
namespace pieces {

// 2 x, whose backward reads its gradient element by element if it can; counts how it came.
struct DoubledBackward {
  static constexpr bool kTakesPieces = true;
  GradSlot<double> x;
  int *as_tensor, *in_pieces;
  void operator()(const Tensor<double>& dy) const {
    ++*as_tensor;
    Tensor<double> dx(dy.shape());
    for (std::int64_t i = 0; i < dx.numel(); ++i) dx.mutable_data()[i] = 2 * dy[i];
    x.add_grad(dx);
  }
  void operator()(const GradientPieces<double>& dy) const {
    ++*in_pieces;
    Tensor<double> dx(x.shape());
    for (std::int64_t i = 0; i < dx.numel(); ++i) {
      double piece = 0;
      dy.write(i, i + 1, &piece);
      dx.mutable_data()[i] = 2 * piece;
    }
    x.add_grad(dx);
  }
};
Var<double> doubled(const Var<double>& x, int* as_tensor, int* in_pieces) {
  return make_result<double>("doubled", x.value().clone(), {x}, DoubledBackward{x.slot(), as_tensor, in_pieces});
}

// 3 x, which hands its gradient over in pieces to whoever takes them.
Var<double> tripled(const Var<double>& x) {
  return make_result<double>("tripled", x.value().clone(), {x}, [x = x.slot()](const Tensor<double>& dy) {
    const auto write = [dy](std::int64_t begin, std::int64_t end, double* to) {
      for (std::int64_t i = begin; i < end; ++i) to[i - begin] = 3 * dy[i];
    };
    if (x.takes_pieces()) return x.add_pieces({write});
    Tensor<double> dx(dy.shape());
    write(0, dy.shape()[0], dx.mutable_data());
    x.add_grad(dx);
  });
}

}  // namespace pieces
}  // namespace

TEST_CASE("a gradient goes in pieces to an op that reads it so, and as a tensor to any other") {
  int as_tensor = 0, in_pieces = 0;
  const auto x = parameter({1, 5, 7});
  const auto y = pieces::tripled(pieces::doubled(x, &as_tensor, &in_pieces));
  y.backward(Tensor<double>({3}, {1.0, -1.0, 2.0}));
  CHECK(list(x.grad()) == std::vector<double>{6, -6, 12});
  CHECK(in_pieces == 1);
  CHECK(as_tensor == 0);
  const auto leaf = parameter({1, 5, 7});
  pieces::tripled(leaf).backward(Tensor<double>({3}, 1.0));
  CHECK(list(leaf.grad()) == std::vector<double>{3, 3, 3});
}

TEST_CASE("of several gradients of one variable none is lost, whichever comes in pieces") {
  for (const bool first : {false, true}) {
    int as_tensor = 0, in_pieces = 0;
    const auto x = parameter({1, 5, 7});
    const auto y = pieces::doubled(x, &as_tensor, &in_pieces);
    // Backward goes from the newest to the oldest.
    const auto a = first ? plain::add(y, y) : pieces::tripled(y), b = first ? pieces::tripled(y) : plain::add(y, y);
    plain::add(a, b).backward(Tensor<double>({3}, {1.0, -1.0, 2.0}));
    CHECK(list(x.grad()) == std::vector<double>{10, -10, 20});
    CHECK(in_pieces == 0);
    CHECK(as_tensor == 1);
  }
}

TEST_CASE("pieces that nobody asked for are refused") {
  const auto x = parameter({1});
  CHECK_FALSE(x.slot().takes_pieces());
  CHECK_THROWS_AS(x.slot().add_pieces({[](std::int64_t, std::int64_t, double*) {}}), Error);
}
