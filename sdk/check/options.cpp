#include "check/options.h"

#include "check/checks.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <ostream>

#include <CLI/CLI.hpp>

namespace epp::check {

namespace {

void list_checks(std::ostream& out) {
  for (const Check& check : all_checks())
    out << std::left << std::setw(24) << check.id << check.good << '\n';
}

bool covers(std::string_view wanted, std::string_view check) {
  return wanted == check || (check.starts_with(wanted) && check.size() > wanted.size() && check[wanted.size()] == '.');
}

// Text that does not begin as an object is the name of a file that has it.
bool read_parameters(std::string& parameters, std::string& problem) {
  if (parameters.empty() || parameters.front() == '{') return true;
  std::ifstream file(parameters);
  if (!file) {
    problem = "cannot read \"" + parameters + "\"";
    return false;
  }
  parameters.assign(std::istreambuf_iterator<char>(file), {});
  return true;
}

std::string problem_of(Options& options) {
  for (const auto* list : {&options.only, &options.allow}) {
    for (const std::string& wanted : *list) {
      const auto checks = all_checks();
      if (std::none_of(checks.begin(), checks.end(), [&](const Check& check) { return covers(wanted, check.id); })) {
        return "there is no check \"" + wanted + "\" (see --list)";
      }
    }
  }
  std::error_code error;
  if (!std::filesystem::is_regular_file(options.file, error)) return "\"" + options.file + "\" is not a file";
  std::string problem;
  read_parameters(options.parameters, problem);
  return problem;
}

}  // namespace

bool Options::wants(std::string_view check) const {
  return only.empty() ||
         std::any_of(only.begin(), only.end(), [check](const std::string& wanted) { return covers(wanted, check); });
}

std::optional<Options> parse_options(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                                     int& status) {
  Options options;
  bool list = false;
  CLI::App app("Checks a plugin library of epp-host: what the host will see of it, and what it does to the host.",
               "epp-plugin-check");
  app.add_option("FILE", options.file, "Plugin library (.so)");
  app.add_option("--parameters", options.parameters, "JSON object, or a file with one: parameters to check with, too");
  app.add_option("--type", options.type, "Check this type only");
  app.add_option("--word", options.words, "Text that headers, labels and metadata say now and then; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--only", options.only, "Checks to run, by id or first part of it")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--allow", options.allow, "Checks whose failure is a warning")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--seed", options.seed, "Of the random values")->capture_default_str();
  app.add_option("--step-seconds", options.step_seconds, "A step that takes longer hangs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--budget-ms", options.budget_ms, "CPU time that one call may take")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads that call at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_flag("--quick", options.quick, "Fewer repetitions of everything");
  app.add_flag("--sanitize", options.sanitize, "Run with AddressSanitizer");
  app.add_flag("--json", options.json, "Report as JSON");
  app.add_flag("--list", list, "List the checks");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out << app.help();
    status = kExitPass;
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    err << "epp-plugin-check: " << error.what() << "\n" << app.help();
    status = kExitUsage;
    return std::nullopt;
  }
  if (list) {
    list_checks(out);
    status = kExitPass;
    return std::nullopt;
  }
  const std::string problem = options.file.empty() ? "no FILE was given" : problem_of(options);
  if (!problem.empty()) {
    err << "epp-plugin-check: " << problem << "\n";
    status = kExitUsage;
    return std::nullopt;
  }
  return options;
}

}  // namespace epp::check
