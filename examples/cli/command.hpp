#pragma once

#include <memory>
#include <string>
#include <vector>

#include "option_set.hpp"

namespace cli {

/// Exit codes of every command.
inline constexpr int kSuccess = 0, kFailure = 1, kUsage = 2;
/// Ended by a signal, after what was reached is saved; what shells expect: 130 for Ctrl-C, 143 for SIGTERM.
inline int interrupted_by(int signal) { return 128 + signal; }

/// One command: `bitgrain NAME`.
class Command {
 public:
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// What it is called, what it does in one line, and commands to try.
  std::string name, about, examples;
  OptionSet options;

  /// Does it; returns an exit code. Throws bitgrain::Error (exit code 1) or UsageError (2).
  virtual int run() = 0;

 protected:
  Command(std::string its_name, std::string its_about, std::string its_examples)
      : name(std::move(its_name)), about(std::move(its_about)), examples(std::move(its_examples)) {}
};

// One file each.
std::unique_ptr<Command> make_train();
std::unique_ptr<Command> make_import();
std::unique_ptr<Command> make_calibrate();
std::unique_ptr<Command> make_search();
std::unique_ptr<Command> make_eval();
std::unique_ptr<Command> make_predict();
std::unique_ptr<Command> make_info();
std::unique_ptr<Command> make_export();
std::unique_ptr<Command> make_solve();
std::unique_ptr<Command> make_cost();
std::unique_ptr<Command> make_bench();

/// Prints a line on standard output, at once.
void say(const std::string& line);
/// The program as it was called, for command lines to be typed again.
std::string program_name();
/// `text` as one word of a command line.
std::string shell_word(const std::string& text);

}  // namespace cli
