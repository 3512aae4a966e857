// The bitgrain program: reads the command line and runs a command. Only this file knows CLI11.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <utility>

#include "command.hpp"
#include "run_header.hpp"

namespace cli {

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

namespace {
std::string& called_as() {
  static std::string name = "bitgrain";
  return name;
}
}  // namespace

std::string shell_word(const std::string& text) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string program_name() { return shell_word(called_as()); }

namespace {

// The command's options as CLI11 sees them: names and help; values are parsed by the options themselves.
void declare(CLI::App& app, const OptionSet& options) {
  for (const Option& option : options.all()) {
    CLI::Option* added = nullptr;
    if (option.flag) {
      added = app.add_flag(option.name, option.help);
    } else {
      added = app.add_option(option.name, option.help);
      added->option_text(option.type + (option.shown_default.empty() ? "" : " [" + option.shown_default + "]"));
      added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);  // `take` says better what is wrong
      if (option.many) added->expected(1, 1 << 20)->allow_extra_args();
    }
    if (!option.group.empty()) added->group(option.group);
  }
}

void take(CLI::App& app, OptionSet& options) {
  for (Option& option : options.all()) {
    const CLI::Option* parsed = app.get_option(option.name);
    if (parsed->count() == 0) continue;
    if (!option.many && parsed->count() > 1) throw UsageError(option.name + " is given twice");
    for (const std::string& value : parsed->results()) option.assign(value);
    option.given = true;
  }
}

// Letters to insert, delete or change to get from a to b.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j)
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
  }
  return row[b.size()];
}

// "; did you mean train?" if one of `known` is close to `typed`.
std::string suggestion(const std::string& typed, const std::vector<std::string>& known) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, typed.size() / 3) + 1;
  for (const std::string& name : known)
    if (const std::size_t distance = edit_distance(typed, name); distance < least) {
      least = distance;
      best = name;
    }
  return best.empty() ? "." : "; did you mean " + best + "?";
}

// Throws UsageError for a command or an option that does not exist, before CLI11 says it in fewer words.
void check_names(const std::vector<std::unique_ptr<Command>>& commands, const std::vector<std::string>& typed) {
  if (typed.empty() || typed[0].starts_with("-")) return;
  std::vector<std::string> names;
  const Command* found = nullptr;
  for (const auto& command : commands) {
    names.push_back(command->name);
    if (command->name == typed[0]) found = command.get();
  }
  if (!found)
    throw UsageError("there is no command '" + typed[0] + "'" + suggestion(typed[0], names) +
                     " Run bitgrain --help for a list.");
  names = {"--help"};
  for (const Option& option : found->options.all()) names.push_back(option.name);
  for (std::size_t i = 1; i < typed.size(); ++i) {
    if (!typed[i].starts_with("--") || typed[i] == "--") continue;
    const std::string name = typed[i].substr(0, typed[i].find('='));
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw UsageError("'bitgrain " + typed[0] + "' has no option " + name + suggestion(name, names) +
                       " Run bitgrain " + typed[0] + " --help for a list.");
  }
}

int run_command(CLI::App& app, Command& command) {
  take(app, command.options);
  const Option* config = command.options.find("--config");
  if (config && config->given) command.options.apply_recipe(config->value().get<std::string>(), command.name);
  command.options.check_required(command.name);
  if (const Option* threads = command.options.find("--threads")) {
    const int count = threads->value().get<int>();
    if (count > 0) bitgrain::set_num_threads(count);
  }
  return command.run();
}

int main(int argc, char** argv) {
  if (argc > 0) called_as() = argv[0];
  // A limit on file sizes is to be an error like a full disk, not the end of a run.
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
  CLI::App app(
      "bitgrain trains networks down to a few bits per weight, finds how many bits each layer deserves, and\n"
      "ships the integers it trained.\n",
      "bitgrain");
  app.set_version_flag("--version", header_text());
  app.require_subcommand(1);
  app.footer(
      "\nFirst steps:\n"
      "  bitgrain train --model lenet5 --epochs 3 --out runs/first\n"
      "  bitgrain search --init runs/first/model.safetensors --budget-avg-bits 3 --out runs/second\n"
      "  bitgrain info runs/second/model.bgm\n"
      "\nbitgrain COMMAND --help explains a command. Exit codes: 0 done, 1 failed, 2 wrong usage,\n"
      "130 Ctrl-C (a training has saved where it stands and says how to go on).");
  std::vector<std::unique_ptr<Command>> commands;
  for (const auto make : {&make_train, &make_import, &make_calibrate, &make_search, &make_eval, &make_predict,
                          &make_info, &make_export, &make_solve, &make_cost, &make_bench})
    commands.push_back(make());
  std::vector<CLI::App*> subcommands;
  for (const auto& command : commands) {
    CLI::App* sub = app.add_subcommand(command->name, command->about);
    declare(*sub, command->options);
    sub->footer("\nExamples:\n" + command->examples);
    subcommands.push_back(sub);
  }
  std::string name = "bitgrain";
  for (const auto& command : commands)
    if (argc > 1 && command->name == argv[1]) name += " " + command->name;
  try {
    check_names(commands, {argv + 1, argv + argc});
    app.parse(argc, argv);
    for (std::size_t i = 0; i < commands.size(); ++i) {
      if (subcommands[i]->parsed()) return run_command(*subcommands[i], *commands[i]);
    }
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    std::fprintf(stderr, "Run with --help for more information.\n");
    return kUsage;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return kUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return kFailure;
  }
  return kUsage;
}

}  // namespace
}  // namespace cli

int main(int argc, char** argv) { return cli::main(argc, argv); }
