#include "support/sse.h"

namespace epp::testing {

std::vector<std::string> sse_data(std::string_view body) {
  constexpr std::string_view kPrefix = "data: ";
  std::vector<std::string> data;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(kPrefix)) data.emplace_back(line.substr(kPrefix.size()));
  }
  return data;
}

}  // namespace epp::testing
