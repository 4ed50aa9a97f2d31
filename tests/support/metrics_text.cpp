#include "support/metrics_text.h"

#include <algorithm>

namespace epp::testing {

double sample_value(const std::string& page, const std::string& series) {
  for (std::size_t start = 0; start < page.size();) {
    const std::size_t end = std::min(page.find('\n', start), page.size());
    if (page.compare(start, series.size(), series) == 0) {
      return std::stod(page.substr(page.rfind(' ', end - 1) + 1, end - start));
    }
    start = end + 1;
  }
  return 0;
}

}  // namespace epp::testing
