// Runs groups of checks in child processes, so that a plugin that crashes or hangs becomes a line of the report.
#pragma once

#include "check/channel.h"
#include "check/checks.h"
#include "check/options.h"
#include "check/report.h"

#include <functional>
#include <string>

namespace epp::check {

struct Job {
  Group group = Group::kElf;
  std::string type;  // "": the library
  std::function<void(Channel&)> body;
};

// The calling process has one thread and has not loaded the library.
void run_in_child(const Job& job, const Options& options, Report& report);

}  // namespace epp::check
