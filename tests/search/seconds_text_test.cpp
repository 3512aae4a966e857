// That times are printed in the unit people would take, and read with their unit or not at all.

#include "bitgrain/search/seconds_text.hpp"

#include <doctest/doctest.h>

TEST_CASE("times are printed in the largest unit that leaves at least 1") {
  using bitgrain::seconds_text;
  CHECK(seconds_text(0.0025) == "2.5 ms");
  CHECK(seconds_text(1) == "1 s");
  CHECK(seconds_text(310e-6) == "310 us");
  CHECK(seconds_text(412e-9) == "412 ns");
  CHECK(seconds_text(5e-12) == "0.005 ns");
  CHECK(seconds_text(123456789e-12) == "123.456789 us");
  CHECK(seconds_text(0) == "0 ns");
}

TEST_CASE("times are read with their unit; without one, or with anything else, they are refused") {
  using bitgrain::seconds_from_text;
  CHECK(seconds_from_text("2.5ms") == 0.0025);
  CHECK(seconds_from_text("310 us") == 310e-6);
  CHECK(seconds_from_text("1s") == 1);
  CHECK(seconds_from_text("7ns") == 7e-9);
  for (const char* bad : {"", "ms", "2.5", "2.5min", "2.5 ms ", "two ms", "nan s", "inf s", "1e999s"})
    CHECK_FALSE(seconds_from_text(bad));
  for (const double seconds : {0.0025, 310e-6, 1.0, 7e-9, 123.456789e-6})
    CHECK(seconds_from_text(bitgrain::seconds_text(seconds)) == seconds);
}
