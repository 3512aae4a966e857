#include "bitgrain/run/json_file.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

TEST_CASE("a JSON file comes back as it was written, keys in order") {
  const TestFolder folder("json_file");
  const Json json = {{"zebra", 1}, {"ape", {1.5, true, "text"}}, {"none", nullptr}};
  write_json_file(folder / "a.json", json);
  CHECK(read_json_file(folder / "a.json").dump() == json.dump());
  CHECK(folder.text("a.json").starts_with("{\n  \"zebra\": 1,"));
  CHECK(folder.text("a.json").ends_with("}\n"));
}

TEST_CASE("doubles keep every bit through JSON") {
  for (const double v : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -2.0 / 255})
    CHECK(parse_json(Json(v).dump(), "x").get<double>() == v);
}

TEST_CASE("broken JSON names the file and the offset") {
  const TestFolder folder("json_file");
  write_file_atomically(folder / "bad.json", "{\"a\": 1,, }");
  const std::string message = error_of([&] { read_json_file(folder / "bad.json"); });
  CHECK(contains(message, "bad.json', offset 9: this is not JSON: "));
  CHECK_FALSE(contains(message, "json.exception"));
  CHECK(contains(error_of([&] { parse_json("", "here"); }), "here, offset 1"));
  CHECK(contains(error_of([&] { parse_json("{} x", "here"); }), "not JSON"));
  CHECK(contains(error_of([&] { parse_json("\"\xff\"", "here"); }), "UTF-8"));
  CHECK(contains(error_of([&] { parse_json("[1e999]", "here"); }), "here: this is not JSON: number overflow"));
  CHECK(contains(error_of([&] { read_json_file(folder / "none.json"); }), "does not exist"));
  CHECK(contains(error_of([&] { read_json_file(folder / "bad.json", 5); }), "expected at most 5"));
}

TEST_CASE("a key that appears twice in one object is an error, in two objects it is not") {
  CHECK(contains(error_of([] { parse_json(R"({"b": {"a": 1, "c": 2, "a": 3}})", "here"); }),
                 "here: the key 'a' appears twice"));
  CHECK(error_of([] { parse_json(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", "here"); }) == "");
}

TEST_CASE("values are taken only as what they are, and only in range") {
  const Json json = Json::parse(R"({"i": 300, "d": 1.5, "s": "x", "b": true, "big": 1e300, "neg": -1})");
  CHECK(json_field<int>(json, "i", "f") == 300);
  CHECK(json_field<double>(json, "i", "f") == 300.0);
  CHECK(json_field<double>(json, "d", "f") == 1.5);
  CHECK(json_field<std::string>(json, "s", "f") == "x");
  CHECK(json_field<bool>(json, "b", "f"));
  CHECK(json_field_or<int>(json, "absent", "f", 7) == 7);
  CHECK(error_of([&] { json_field<int>(json, "d", "f"); }) == "f, 'd': expected a whole number, got 1.5");
  CHECK(contains(error_of([&] { json_field<std::uint8_t>(json, "i", "f"); }), "300 is out of range"));
  CHECK(contains(error_of([&] { json_field<std::uint64_t>(json, "neg", "f"); }), "out of range"));
  CHECK(contains(error_of([&] { json_field<bool>(json, "i", "f"); }), "true or false"));
  CHECK(contains(error_of([&] { json_field<double>(json, "s", "f"); }), "expected a number, got \"x\""));
  CHECK(contains(error_of([&] { json_field<std::string>(json, "i", "f"); }), "expected a string"));
  CHECK(error_of([&] { json_field<int>(json, "absent", "f"); }) == "f: the key 'absent' is missing");
  CHECK(contains(error_of([&] { json_field<int>(Json(3), "i", "f"); }), "expected an object"));
}

TEST_CASE("an unknown key is an error that names it and the known ones") {
  const Json json = {{"epochs", 1}, {"epochz", 2}};
  CHECK(error_of([&] {
          check_json_keys(json, {"epochs", "lr"}, "file 'r'");
        }) == "file 'r': the key 'epochz' is not known; known: epochs, lr");
  CHECK(error_of([&] { check_json_keys(json, {"epochs", "epochz"}, "file 'r'"); }) == "");
}
