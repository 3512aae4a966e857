#include "bitgrain/tensor/shape.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>

#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("rank, extents from both ends and element count") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape[0] == 2);
  CHECK(shape[2] == 4);
  CHECK(shape[-1] == 4);
  CHECK(shape[-3] == 2);
  CHECK(shape.numel() == 24);
}

TEST_CASE("rank 0 is one element, an extent of 0 none") {
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{5, 0, 3}.numel() == 0);
}

TEST_CASE("equality compares rank and every extent") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
  CHECK(Shape{} == Shape{});
}

TEST_CASE("a shape prints as [2,3]") {
  std::ostringstream out;
  out << Shape{2, 3} << Shape{} << Shape{7};
  CHECK(out.str() == "[2,3][][7]");
}

TEST_CASE("a dimension that does not exist is an error that shows the shape") {
  const Shape shape{2, 3};
  CHECK(error_of([&] { return shape[2]; }) == "dimension 2 asked of shape [2,3]");
  CHECK(contains(error_of([&] { return shape[-3]; }), "dimension -3"));
}

TEST_CASE("negative extents and a seventh dimension are errors") {
  CHECK(contains(error_of([] { Shape{2, -1}; }), "must not be negative, got -1"));
  CHECK(contains(error_of([] { Shape{1, 1, 1, 1, 1, 1, 1}; }), "at most 6 dimensions"));
  CHECK(error_of([] { Shape{1, 1, 1, 1, 1, 1}; }).empty());
}

TEST_CASE("extents whose product overflows are an error, not a small tensor") {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  CHECK(contains(error_of([] { Shape{kLargest, 2}; }), "more than"));
  CHECK(contains(error_of([] { Shape{std::int64_t{1} << 32, std::int64_t{1} << 32}; }), "[4294967296] x 4294967296"));
  CHECK(error_of([] { Shape{1 << 24, 1 << 24}; }).empty());
}
