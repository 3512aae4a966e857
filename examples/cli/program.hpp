#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <sstream>
#include <string>
#include <vector>

#include "error_of.hpp"
#include "run/folder.hpp"

extern char** environ;

struct Result {
  int code = -1;  ///< -1: it was killed
  std::string out, err;
};

/// The bitgrain program, run in a folder of the test's own.
class Program {
 public:
  explicit Program(const TestFolder& folder) : folder_(folder) {}

  /// Words are separated by blanks.
  pid_t start(const std::string& words) const {
    std::vector<std::string> arguments{BITGRAIN_PROGRAM};
    std::istringstream in(words);
    for (std::string word; in >> word;) arguments.push_back(word);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const std::string out = folder_ / "out.txt", err = folder_ / "err.txt";
    posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addchdir_np(&files, folder_.path().c_str());
    pid_t process = -1;
    REQUIRE(posix_spawn(&process, BITGRAIN_PROGRAM, &files, nullptr, pointers.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&files);
    return process;
  }
  Result wait(pid_t process) const {
    int status = 0;
    REQUIRE(waitpid(process, &status, 0) == process);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, folder_.text("out.txt"), folder_.text("err.txt")};
  }
  Result operator()(const std::string& words) const { return wait(start(words)); }

 private:
  const TestFolder& folder_;
};

/// Runs the program and demands an exit code; the output is shown when it differs.
inline Result expect(const Program& bitgrain, const std::string& words, int code) {
  const Result result = bitgrain(words);
  INFO("bitgrain ", words, "\n", result.out, result.err);
  CHECK(result.code == code);
  return result;
}
