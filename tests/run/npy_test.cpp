#include "bitgrain/run/npy.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "run/folder.hpp"

using namespace bitgrain;

TEST_CASE("the header is what numpy.save writes, byte for byte") {
  // numpy.save of numpy.zeros((3, 4), '<f4'), of 5 int8 and of a scalar double.
  const auto expected = [](std::string dict) {
    dict.append(117 - dict.size(), ' ');
    return std::string("\x93NUMPY\x01\0\x76\0", 10) + dict + "\n";
  };
  CHECK(npy_header<float>({3, 4}) == expected("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"));
  CHECK(npy_header<std::int8_t>({5}) == expected("{'descr': '|i1', 'fortran_order': False, 'shape': (5,), }"));
  CHECK(npy_header<double>({}) == expected("{'descr': '<f8', 'fortran_order': False, 'shape': (), }"));
}

TEST_CASE("the data starts at a multiple of 64 whatever the shape") {
  for (const Shape& shape : {Shape{1}, Shape{1, 2, 3, 4, 5, 6}, Shape{123456, 1, 1}, Shape{1000, 1000, 1000, 1000}})
    CHECK(npy_header<float>(shape).size() % 64 == 0);
}

TEST_CASE("a file holds header and data") {
  const TestFolder folder("npy");
  write_npy(folder / "a.npy", Tensor<std::int32_t>(Shape{2}, {7, -1}));
  const std::string text = folder.text("a.npy");
  REQUIRE(text.size() == 128 + 8);
  std::int32_t values[2];
  std::memcpy(values, text.data() + 128, 8);
  CHECK(values[0] == 7);
  CHECK(values[1] == -1);
}
