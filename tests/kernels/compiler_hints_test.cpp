#include "bitgrain/kernels/compiler_hints.hpp"

#include <doctest/doctest.h>

TEST_CASE("an object put back into memory, and an address forgotten, are what they were") {
  struct {
    const char* text;
    int count;
  } object{"abc", 3};
  bitgrain::kernels::keep_in_memory(object);
  const char* text = object.text;
  bitgrain::kernels::forget_address(text);
  CHECK(text[2] == 'c');
  CHECK(object.count == 3);
}
