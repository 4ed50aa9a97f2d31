// argv -> Options, with the conduct of pflag: `--name=value` and `--name value`, `-v=4`, `-v 4`, booleans that take a
// value only after `=`, the last of repeated flags wins, empty values allowed, flags before or after the command.
#pragma once

#include "config/options.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::config {

// Looks up an environment variable; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
Environment process_environment();

struct CommandLine {
  std::optional<Options> options;   // absent: print `output` and leave with `exit_code`
  std::string output;               // help text
  std::vector<std::string> errors;  // every error found; upstream's wording
  int exit_code = 0;
};

// `arguments` without the program name.
CommandLine parse_command_line(const std::vector<std::string>& arguments, const Environment& environment);

// Upstream's checks of a complete set of options that is about to serve; empty when all is well.
std::vector<std::string> validate_options(const Options& options);

}  // namespace epp::config
