#include "bitgrain/ops/shape_check.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("shape checks name the op, the input and the shapes") {
  const auto x = random_var({2, 3}, 1);
  CHECK(error_of([&] { detail::check_rank("op", "x", x, 4, "[N,H,W,C]"); }) == "op: x must be [N,H,W,C], got [2,3]");
  CHECK(error_of([&] { detail::check_same_shape("op", x, random_var({3}, 1)); }) ==
        "op: both inputs must have the same shape, got [2,3] and [3]");
  CHECK(error_of([&] { detail::check_vector("op", "bias", x, 3); }) == "op: bias must be [3], got [2,3]");
  CHECK(error_of([&] { detail::check_defined("op", "w", Var<double>()); }) == "op: w must be given, it is undefined");
  CHECK(error_of([&] { detail::check_defined("op", "w", x); }) == "");
}

TEST_CASE("a negative axis counts from the end") {
  CHECK(detail::check_axis("op", {2, 3, 4}, -1) == 2);
  CHECK(detail::check_axis("op", {2, 3, 4}, 0) == 0);
  CHECK(error_of([] { detail::check_axis("op", {2, 3}, 2); }) == "op: axis 2 does not exist in shape [2,3]");
}
