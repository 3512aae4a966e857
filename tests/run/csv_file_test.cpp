#include "bitgrain/run/csv_file.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

TEST_CASE("rows are written in order, awkward cells in quotes") {
  const TestFolder folder("csv");
  CsvFile csv(folder / "a.csv", {"name", "value"});
  csv.add({"plain", "1"});
  csv.add({"with, comma", "say \"hi\""});
  csv.add({"two\nlines", ""});
  CHECK_FALSE(folder.has("a.csv"));
  csv.save();
  CHECK(folder.text("a.csv") == "name,value\nplain,1\n\"with, comma\",\"say \"\"hi\"\"\"\n\"two\nlines\",\n");
}

TEST_CASE("a file is continued behind the rows that are kept, even if its last line was cut off") {
  const TestFolder folder("csv");
  write_file_atomically(folder / "a.csv", "epoch,loss\n1,0.5\n2,0.4\n3,0.");
  CsvFile csv(folder / "a.csv", {"epoch", "loss"});
  csv.continue_from_disk([](const std::string& epoch) { return epoch != "3"; });
  csv.add({"3", "0.3"});
  csv.save();
  CHECK(folder.text("a.csv") == "epoch,loss\n1,0.5\n2,0.4\n3,0.3\n");
  CsvFile fresh(folder / "none.csv", {"epoch"});
  fresh.continue_from_disk([](const std::string&) { return true; });
  fresh.save();
  CHECK(folder.text("none.csv") == "epoch\n");
}

TEST_CASE("a file with other columns is not continued") {
  const TestFolder folder("csv");
  for (const char* text : {"epoch,accuracy\n", "", "epoch,loss"}) {
    write_file_atomically(folder / "a.csv", text);
    CsvFile csv(folder / "a.csv", {"epoch", "loss"});
    CHECK(contains(error_of([&] { csv.continue_from_disk([](const std::string&) { return true; }); }),
                   "a.csv' has other columns"));
  }
}
