// Files stay small, and every header has its tests.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "project/source_tree.hpp"

TEST_CASE("no file of the library, the tests, the examples or the benchmarks is longer than 500 lines") {
  std::string too_long;
  for (const char* folder : {"include", "tests", "examples", "benchmarks"}) {
    if (!std::filesystem::exists(source_tree::root() / folder)) continue;
    for (const char* ending : {".hpp", ".cpp", ".sh", ".cmake"})
      for (const std::string& file : source_tree::files(folder, ending)) {
        const std::string text = source_tree::read(source_tree::root() / folder / file);
        const auto lines = std::count(text.begin(), text.end(), '\n');
        if (lines > 500) too_long += std::string(folder) + "/" + file + " has " + std::to_string(lines) + " lines\n";
      }
  }
  INFO(too_long);
  CHECK(too_long.empty());
}

TEST_CASE("every header outside kernels/reference has a test file that carries its name") {
  const std::vector<std::string> tests = source_tree::files("tests", "_test.cpp");
  std::string untested;
  for (const std::string& header : source_tree::headers()) {
    if (header.starts_with("kernels/reference/")) continue;  // the oracles of the kernels' tests
    const std::string stem = std::filesystem::path(header).stem().string();
    const bool tested = std::any_of(tests.begin(), tests.end(), [&](const std::string& test) {
      return std::filesystem::path(test).filename().string().find(stem) != std::string::npos;
    });
    if (!tested) untested += "include/bitgrain/" + header + "\n";
  }
  INFO("without a test file of their name:\n" << untested);
  CHECK(untested.empty());
}

TEST_CASE("every header starts with #pragma once and ends with a newline") {
  for (const std::string& header : source_tree::headers()) {
    const std::string text = source_tree::read(source_tree::root() / "include/bitgrain" / header);
    CAPTURE(header);
    CHECK(text.starts_with("#pragma once\n"));
    CHECK(text.ends_with("\n"));
  }
}
