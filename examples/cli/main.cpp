// The bitgrain program: reads the command line and runs a command. Only this file knows CLI11.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "command.hpp"
#include "run_header.hpp"

namespace cli {

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

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
      if (option.many) added->expected(0, 1 << 20);
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
      "\nbitgrain COMMAND --help explains a command. Exit codes: 0 done, 1 failed, 2 wrong usage.");
  std::vector<std::unique_ptr<Command>> commands;
  for (const auto make : {&make_train, &make_calibrate, &make_search, &make_eval, &make_predict, &make_info,
                          &make_export, &make_solve, &make_cost})
    commands.push_back(make());
  std::vector<CLI::App*> subcommands;
  for (const auto& command : commands) {
    CLI::App* sub = app.add_subcommand(command->name, command->about);
    declare(*sub, command->options);
    sub->footer("\nExamples:\n" + command->examples);
    subcommands.push_back(sub);
  }
  std::string name = "bitgrain";
  try {
    app.parse(argc, argv);
    for (std::size_t i = 0; i < commands.size(); ++i) {
      if (!subcommands[i]->parsed()) continue;
      name += " " + commands[i]->name;
      return run_command(*subcommands[i], *commands[i]);
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
