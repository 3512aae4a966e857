#include "bitgrain/base/report.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace {
using bitgrain::Failure;
using bitgrain::Report;

struct Point {
  int x, y;
  void append_to(Report& report) const {
    report.append(x);
    report.append("|");
    report.append(y);
  }
};

std::int64_t positive(std::int64_t v, Report& report) {
  BITGRAIN_EXPECT(report, v > 0, "a positive number was expected, got ", v);
  return v;
}
}  // namespace

TEST_CASE("a report keeps the first message: numbers as streams print them, text, and what can append itself") {
  char text[200];
  Report report(text);
  CHECK_FALSE(report.failed());
  CHECK(report.text().empty());
  const std::string name = "conv1";
  const bool good =
      report.fail("layer '", name, "': ", std::uint8_t{200}, " ", std::numeric_limits<std::int64_t>::min(), " ",
                  std::numeric_limits<std::uint64_t>::max(), " ", 0.1, " ", 1e30f, " ", Point{1, -2});
  CHECK_FALSE(good);
  CHECK(report.failed());
  CHECK(report.text() == "layer 'conv1': 200 -9223372036854775808 18446744073709551615 0.1 1e+30 1|-2");
  report.fail("something else");
  CHECK(report.text() == std::string(text));
  CHECK(std::string(text).find("else") == std::string::npos);
}

TEST_CASE("a message is cut to its room, and there may be none") {
  char text[8] = "xxxxxxx";
  Report cut(text);
  cut.fail("0123456789", 42);
  CHECK(std::string(text) == "0123456");
  char one = 'x';
  Report nothing({&one, 1});
  nothing.fail("text");
  CHECK(one == 0);
  Report none({});
  none.fail("text", 1, 2.0);
  CHECK(none.failed());
  CHECK(none.text().empty());
}

TEST_CASE("a failure is false, negative and null") {
  Report report({});
  CHECK(positive(3, report) == 3);
  CHECK_FALSE(report.failed());
  CHECK(positive(0, report) == -1);
  const int* const nowhere = Failure{};
  CHECK(nowhere == nullptr);
}
