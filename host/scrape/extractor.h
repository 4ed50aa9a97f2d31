// From a scraped body to values of one endpoint.
#pragma once

#include "endpoints/endpoint_table.h"
#include "scrape/prometheus_text.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace epp::scrape {

struct Extraction {
  // The body itself is unreadable: a poll error of the source; nothing is stored, by no extractor.
  std::string unreadable;
  // What could not be extracted, joined by "; ". Other values are stored all the same.
  std::string errors;
  // At least one value was extracted.
  bool updated = false;
};

// Stateless apart from its parameters. [concurrent]
class Extractor {
 public:
  virtual ~Extractor() = default;

  [[nodiscard]] virtual std::string_view type() const = 0;
  // Appends to `values`. `reader` is scratch that the caller keeps per thread.
  virtual Extraction extract(const endpoints::Endpoint& endpoint, std::string_view body, ParseMode mode,
                             PrometheusReader& reader, endpoints::ScrapedValues& values) const = 0;
  // The attributes that are set when a body was extracted with success; EPP_ATTR_NONE for none.
  struct Times {
    epp_attr update = EPP_ATTR_NONE;  // to when that was (host clock, ns)
    epp_attr asked = EPP_ATTR_NONE;   // to when it was asked for
  };
  [[nodiscard]] virtual Times times() const { return {}; }
};

}  // namespace epp::scrape
