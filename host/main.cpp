// The command line, and nothing else: what a command does is in app/.
#include "app/app.h"
#include "config/flags.h"

#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  using epp::config::Command;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const auto line = epp::config::parse_command_line(arguments, epp::config::process_environment());
  if (!line.options) {
    std::cout << line.output;
    for (const auto& error : line.errors)
      std::cerr << error << '\n';
    return line.exit_code;
  }
  const auto& options = *line.options;
  switch (options.command) {
    case Command::kServe:
      return epp::app::serve(options);
    case Command::kValidate:
      return epp::app::validate(options);
    case Command::kPluginsList:
      return epp::app::plugins_list(options);
    case Command::kPluginsDescribe:
      return epp::app::plugins_describe(options);
    case Command::kPluginsNew:
      return epp::app::plugins_new(options);
    case Command::kSchema:
      return epp::app::schema(options);
    case Command::kVersion:
      std::cout << "epp " << EPP_VERSION << '\n';
      return 0;
  }
  return 1;
}
