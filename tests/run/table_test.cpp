#include "bitgrain/run/table.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("columns are aligned, titles and rules included, and no line ends in blanks") {
  Table table({{"layer", Align::kLeft}, {"bits", Align::kRight}, {"note", Align::kLeft}});
  table.add({"conv1", "4", "x"});
  table.add({"fully connected", "10", ""});
  table.add_rule();
  table.add({"total", "", ""});
  CHECK(table.text() ==
        "layer            bits  note\n"
        "---------------------------\n"
        "conv1               4  x\n"
        "fully connected    10\n"
        "---------------------------\n"
        "total\n");
}

TEST_CASE("UTF-8 text is measured in letters") {
  Table table({{"a", Align::kLeft}, {"b", Align::kRight}});
  table.add({"\xC3\xA4\xC3\xB6", "1"});
  table.add({"abc", "2"});
  CHECK(table.text() == "a    b\n------\n\xC3\xA4\xC3\xB6   1\nabc  2\n");
}

TEST_CASE("a row of another length is an error") {
  Table table({{"a", Align::kLeft}});
  CHECK(contains(error_of([&] { table.add({"x", "y"}); }), "has 1 cells, got 2"));
}

TEST_CASE("numbers are written as people write them") {
  CHECK(fixed_text(1.005, 1) == "1.0");
  CHECK(fixed_text(-2.345, 2) == "-2.35");
  CHECK(percent_text(0.98765) == "98.77 %");
  CHECK(percent_text(1, 0) == "100 %");
  CHECK(count_text(0) == "0");
  CHECK(count_text(999) == "999");
  CHECK(count_text(1000) == "1,000");
  CHECK(count_text(-1234567) == "-1,234,567");
  CHECK(count_text(-123) == "-123");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1024) == "1.0 KB");
  CHECK(bytes_text(3 * 1024 * 1024) == "3.00 MB");
  CHECK(duration_text(6.6) == "0:07");
  CHECK(duration_text(754) == "12:34");
  CHECK(duration_text(3723) == "1:02:03");
}
