// Any specification: no crash, and the printed form of an accepted one means the same.
#include "scrape/metric_spec.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epp::scrape;
  const auto first = parse_metric_spec({reinterpret_cast<const char*>(data), size});
  if (const auto* spec = std::get_if<MetricSpec>(&first)) {
    const auto second = parse_metric_spec(spec->text());
    if (!std::holds_alternative<MetricSpec>(second) || !(std::get<MetricSpec>(second) == *spec)) std::abort();
  }
  return 0;
}
