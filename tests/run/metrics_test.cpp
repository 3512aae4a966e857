#include "bitgrain/run/metrics.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "error_of.hpp"
#include "run/folder.hpp"
#include "run/tiny_training.hpp"

using namespace bitgrain;

namespace {
std::vector<std::vector<std::string>> rows_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line + ",");
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}
}  // namespace

TEST_CASE("a row per epoch, and for a quantized network a row per epoch and tensor") {
  const TestFolder folder("metrics");
  MetricsHook metrics(folder.path().string(), "fine-tune", TinyTraining::make_data().images.slice(0, 8));
  TinyTraining tiny(3);
  tiny.options.validation = &tiny.data;
  tiny.options.evaluate_every = 2;
  tiny.trainer().add_hook(metrics);
  tiny.trainer().fit();

  const auto rows = rows_of(folder.text("metrics.csv"));
  REQUIRE(rows.size() == 4);
  CHECK(rows[0][3] == "learning_rate");
  CHECK(rows[1][0] == "1");
  CHECK(rows[1][1] == "fine-tune");
  CHECK(rows[1][2] == "5");
  CHECK(rows[1][3] == "0.05");
  CHECK(std::stod(rows[1][4]) > 0);
  CHECK(rows[1][7] == "");  // not evaluated
  CHECK(rows[2][8] == "integer engine");
  CHECK(std::stod(rows[3][7]) == doctest::Approx(tiny.trainer().state().evaluation->accuracy()));

  const auto layers = rows_of(folder.text("layers.csv"));
  REQUIRE(layers.size() == 1 + 3 * 3);
  CHECK(layers[1][2] == "first");
  CHECK(layers[1][3] == "weights");
  CHECK(layers[1][4] == "3");
  CHECK(layers[1][8] == "8");
  CHECK(layers[2][2] == "act");
  CHECK(layers[2][3] == "activations");
  CHECK(layers[2][8] == "16");
  CHECK(layers[9][0] == "3");
  CHECK(std::stod(layers[9][9]) > 0);
}

TEST_CASE("a resumed run drops the rows behind the epoch it resumes from") {
  const TestFolder folder("metrics");
  {
    MetricsHook metrics(folder.path().string());
    TinyTraining tiny(3);
    tiny.trainer().add_hook(metrics);
    tiny.trainer().fit();
  }
  MetricsHook metrics(folder.path().string());
  metrics.resume_after(2);
  TinyTraining tiny(1);
  tiny.trainer().add_hook(metrics);
  tiny.trainer().fit();
  const auto rows = rows_of(folder.text("metrics.csv"));
  REQUIRE(rows.size() == 4);
  CHECK(rows[2][0] == "2");
  CHECK(rows[3][0] == "1");
  CHECK_FALSE(folder.has("layers.csv"));
}
