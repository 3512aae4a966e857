#include "bitgrain/run/console.hpp"

#include <doctest/doctest.h>

#include "run/captured_output.hpp"

using namespace bitgrain;

TEST_CASE("a terminal shows the status line again and again and lines above it") {
  CapturedOutput out;
  {
    Console console(out.file(), true);
    console.status("one");
    console.line("kept");
    console.status("two");
  }
  CHECK(out.text() == "\rone\x1b[K\r\x1b[Kkept\n\rtwo\x1b[K\r\x1b[K");
}

TEST_CASE("a status line is cut so that it does not wrap") {
  CapturedOutput out;
  Console console(out.file(), true);
  console.status(std::string(500, 'x'));
  CHECK(out.text() == "\r" + std::string(79, 'x') + "\x1b[K");
}

TEST_CASE("a file gets lines only, without control codes") {
  CapturedOutput out;
  Console console(out.file());
  CHECK_FALSE(console.is_terminal());
  console.status("never seen");
  console.line("kept");
  console.clear();
  CHECK(out.text() == "kept\n");
}
