// epp-plugin-check FILE.so: the validator that plugin authors run on their library.
#include "check/groups.h"
#include "check/options.h"
#include "check/report.h"
#include "check/sanitizer.h"
#include "check/supervisor.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace {

using namespace epp::check;

bool wanted(const Options& options, Group group) {
  const auto checks = all_checks();
  return std::any_of(checks.begin(), checks.end(), [&](const Check& check) {
    return (check.group == group || check.group == Group::kEvery) && options.wants(check.id);
  });
}

void run_library_group(Group group, void (*body)(const Options&, Channel&), const Options& options, Report& report) {
  if (!wanted(options, group)) return;
  run_in_child({group, "", [&](Channel& channel) { body(options, channel); }}, options, report);
}

void run_type_group(Group group, void (*body)(const Options&, const std::string&, Channel&), const Options& options,
                    Report& report) {
  if (!wanted(options, group)) return;
  const std::vector<std::string> types = report.types();
  for (const std::string& type : types) {
    if (!options.type.empty() && type != options.type) continue;
    run_in_child({group, type, [&](Channel& channel) { body(options, type, channel); }}, options, report);
  }
}

void run(const Options& options, Report& report) {
  run_library_group(Group::kElf, check_elf, options, report);
  // Always: it tells the types.
  run_in_child({Group::kLoad, "", [&](Channel& channel) { check_load(options, channel); }}, options, report);
  if (report.types().empty()) return;
  run_type_group(Group::kCreate, check_create, options, report);
  run_type_group(Group::kCalls, check_calls, options, report);
  run_type_group(Group::kThreads, check_threads, options, report);
  run_type_group(Group::kLeaks, check_leaks, options, report);
  run_library_group(Group::kUnload, check_unload, options, report);
}

}  // namespace

int main(int argc, char** argv) {
  int status = kExitPass;
  const auto options = parse_options(argc, argv, std::cout, std::cerr, status);
  if (!options) return status;
  if (options->sanitize != wants_address_sanitizer(options->file)) {
    std::cerr << "epp-plugin-check: " << options->file
              << (options->sanitize ? " was not compiled with -fsanitize=address: there is nothing to see\n"
                                    : " was compiled with -fsanitize=address: check it with --sanitize\n");
    return kExitUsage;
  }
  if (options->sanitize && !under_address_sanitizer()) {
    const std::string problem = std::getenv("EPP_PLUGIN_CHECK_SANITIZED") != nullptr
                                    ? "the sanitizer's runtime library was not found"
                                    : start_again_with_sanitizer(options->file, argv);
    std::cerr << "epp-plugin-check: " << problem << '\n';
    return kExitUsage;
  }
  Report report(*options);
  run(*options, report);
  if (options->json) {
    report.print_json(std::cout);
  } else {
    report.print_text(std::cout);
  }
  if (!options->type.empty() && !report.types().empty() &&
      std::find(report.types().begin(), report.types().end(), options->type) == report.types().end()) {
    std::cerr << "epp-plugin-check: the library has no type \"" << options->type << "\"\n";
    return kExitUsage;
  }
  return report.passed() ? kExitPass : kExitFailed;
}
