#include "bitgrain/base/atomic_file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "error_of.hpp"

namespace {
namespace fs = std::filesystem;

// A folder of this test's own, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("bitgrain_atomic_file_" + std::to_string(getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
  std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
}  // namespace

TEST_CASE("a written file has the bytes and nothing else is left in the folder") {
  const Folder folder;
  bitgrain::write_file_atomically(folder / "a", "one");
  CHECK(read(folder / "a") == "one");
  bitgrain::write_file_atomically(folder / "a", std::vector<std::uint8_t>{0, 255, 10});
  CHECK(read(folder / "a") == std::string("\0\xff\n", 3));
  CHECK(folder.entries() == 1);
}

TEST_CASE("the old file stays until commit, and for ever without it") {
  const Folder folder;
  bitgrain::write_file_atomically(folder / "a", "old");
  {
    bitgrain::AtomicFile file(folder / "a");
    file.write("new");
    CHECK(read(folder / "a") == "old");
  }
  CHECK(read(folder / "a") == "old");
  CHECK(folder.entries() == 1);
  bitgrain::AtomicFile file(folder / "a");
  file.write("ne");
  file.write("w");
  CHECK(file.bytes_written() == 3);
  file.commit();
  CHECK(read(folder / "a") == "new");
  CHECK(contains(error_of([&] { file.write("x"); }), "already completed"));
  CHECK(contains(error_of([&] { file.commit(); }), "already completed"));
}

TEST_CASE("a write that fails half-way keeps the old file, removes the new one and says how far it came") {
  const Folder folder;
  bitgrain::write_file_atomically(folder / "a", "old");
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{100, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message =
      error_of([&] { bitgrain::write_file_atomically(folder / "a", std::string(1000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  CHECK(contains(message, "cannot be written: File too large (after 100 bytes)"));
  CHECK(contains(message, "/a'"));
  CHECK(read(folder / "a") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a missing folder, a folder in the way and an empty name are errors that name the file") {
  const Folder folder;
  CHECK(contains(error_of([&] { bitgrain::write_file_atomically(folder / "no/such/file", "x"); }),
                 "its folder does not exist"));
  CHECK(contains(error_of([&] { bitgrain::write_file_atomically(folder / "no/such/file", "x"); }), "no/such/file"));
  CHECK(contains(error_of([&] { bitgrain::write_file_atomically(folder.path.string(), "x"); }), "it is a folder"));
  CHECK(contains(error_of([&] { bitgrain::write_file_atomically("/dev/null", "x"); }), "not a regular file"));
  CHECK(contains(error_of([&] { bitgrain::write_file_atomically("", "x"); }), "empty"));
}

TEST_CASE("a link is followed and the permissions of the replaced file stay") {
  const Folder folder;
  bitgrain::write_file_atomically(folder / "real", "old");
  fs::permissions(folder / "real", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(folder / "real", folder / "link");
  bitgrain::write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read(folder / "real") == "new");
  CHECK(fs::status(folder / "real").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("two files in the making for one place do not disturb each other: the last commit wins") {
  const Folder folder;
  bitgrain::AtomicFile a(folder / "x"), b(folder / "x");
  a.write("first");
  b.write("second, longer");
  b.commit();
  a.commit();
  CHECK(read(folder / "x") == "first");
  CHECK(folder.entries() == 1);
}

TEST_CASE(
    "what a killed program left half written is taken away; what a living one writes, and other files, are not") {
  const Folder folder;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // dies in the middle of a save
    bitgrain::AtomicFile file(folder / "x");
    file.write("half");
    raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(folder.entries() == 1);
  bitgrain::AtomicFile living(folder / "x");
  living.write("new");
  for (const char* other : {"notes.part", "x.12.part", "x.12-.part", "-3.part", "x.12-3.part.old", "x.a-3.part"})
    bitgrain::write_file_atomically(folder / other, "mine");
  CHECK(bitgrain::remove_abandoned_files(folder / "") == 1);
  living.commit();
  CHECK(read(folder / "x") == "new");
  CHECK(folder.entries() == 7);
  CHECK(bitgrain::remove_abandoned_files(folder / "") == 0);
  CHECK(bitgrain::remove_abandoned_files(folder / "nothing") == 0);
}
