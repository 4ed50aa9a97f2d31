// Command lines from anywhere, one argument a line: either options, or help, or at least one error.
#include "config/flags.h"
#include "fuzz/config/require.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace epp::config {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void check(std::string_view text) {
  const auto environment = [](std::string_view) { return std::optional<std::string>(); };
  const CommandLine line = parse_command_line(lines_of(text), environment);
  if (!line.options) {
    require(line.errors.empty() == !line.output.empty());
    require((line.exit_code == 0) == line.errors.empty());
    return;
  }
  require(line.errors.empty() && line.exit_code == 0);
  const Options& options = *line.options;
  require(!options.pool_namespace.empty());
  require(options.verbosity >= 0 && options.io_threads >= 0 && options.extproc_threads >= 0);
  require(options.max_request_body_bytes >= 0 && options.max_buffered_bytes >= 0);
  require(options.refresh_metrics_interval >= std::chrono::milliseconds(50));
  for (const auto& endpoint : options.endpoints)
    require(!endpoint.name.empty() && !endpoint.host.empty() && endpoint.port != 0);
  if (options.command == Command::kServe) require(validate_options(options).empty());
  if (options.command == Command::kPluginsDescribe) require(!options.plugin_type.empty());
}

}  // namespace
}  // namespace epp::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  epp::config::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
