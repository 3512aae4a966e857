// Tables of kernel times survive a file, and a broken one is refused where it is broken.

#include "bitgrain/run/kernel_table_json.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "run/folder.hpp"

TEST_CASE("a table of kernel times comes back from its file") {
  using namespace bitgrain;
  using kernels::BitsKernel;
  const deploy::KernelTable table = {{{64, 32, 9, 49, false}, BitsKernel::kBytes, {8, 8, 8}, 1234.5, 1200},
                                     {{512, 10, 1, 1, true}, BitsKernel::kPackedLinear, {2, 1, 3}, 99, 0.25},
                                     {{1, 32, 9, 49, false, 2, 32}, BitsKernel::kPacked8, {5, 5, 8}, 7, 7}};
  const TestFolder folder("kernel_table");
  write_kernel_table(folder / "times.json", table);
  const deploy::KernelTable again = read_kernel_table(folder / "times.json");
  REQUIRE(again.size() == table.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    CHECK(again[i].shape == table[i].shape);
    CHECK(again[i].kernel == table[i].kernel);
    CHECK(again[i].bits == table[i].bits);
    CHECK(again[i].single_ns == table[i].single_ns);
    CHECK(again[i].batched_ns == table[i].batched_ns);
  }
}

TEST_CASE("what is between the layers comes with a table, if it was measured") {
  using namespace bitgrain;
  const deploy::KernelTable table = {{{64, 32, 9, 49, false}, kernels::BitsKernel::kBytes, {}, 5, 5}};
  CHECK(between_layers_from_json(kernel_table_to_json(table, 12.5), "x") == 12.5);
  CHECK(kernel_table_from_json(kernel_table_to_json(table, 12.5), "x").size() == 1);
  CHECK(between_layers_from_json(kernel_table_to_json(table), "x") == 0);
  Json json = kernel_table_to_json(table);
  json["between_layers_ns"] = -1;
  CHECK(contains(error_of([&] { between_layers_from_json(json, "x"); }), "x, 'between_layers_ns': expected a time"));
}

TEST_CASE("a broken table of kernel times names the entry and the key") {
  using namespace bitgrain;
  const Json good = kernel_table_to_json({{{64, 32, 9, 49, false}, kernels::BitsKernel::kBytes, {}, 5, 5}});
  const auto error = [&](const char* key, const Json& value) {
    Json json = good;
    json["times"][0][key] = value;
    return error_of([&] { kernel_table_from_json(json, "x"); });
  };
  CHECK(contains(error("in", 0), "x, time number 1, 'in': expected at least 1, got 0"));
  CHECK(contains(error("kernel", "magic"), "there is no kernel 'magic'"));
  CHECK(contains(error("input_bits", 9), "'input_bits': expected 1 to 8, got 9"));
  CHECK(contains(error("single_ns", 0), "'single_ns': expected a time above 0"));
  CHECK(contains(error("single_ns", -2.5), "time number 1, 'single_ns': expected a time above 0, got -2.5"));
  CHECK(contains(error("stride", 0), "'stride': expected at least 1"));
  CHECK(contains(error("groups", "many"), "'groups': expected a whole number"));
  CHECK(contains(error("colour", 1), "'colour' is not known"));
  CHECK(contains(error_of([] { kernel_table_from_json(Json::object(), "x"); }), "x: expected a list 'times'"));
}
