// Text of an exposition, byte for byte as Go's Prometheus client writes it (floats, label order, escapes). Internal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

namespace epp::telemetry {

enum class ExpositionFormat { kText, kOpenMetrics };

/// By the Accept header's qualities; text 0.0.4 when nothing fits.
ExpositionFormat negotiate(std::string_view accept);
std::string_view content_type(ExpositionFormat format);

/// Shortest decimal that reads back, exponents from 1e+06 and 1e-05 on, "+Inf", "-Inf", "NaN".
std::string format_float(double value);

/// Families by name; series by their labels (sorted by name). Label "le" is written last.
std::string serialize(std::vector<prometheus::MetricFamily> families, ExpositionFormat format);

}  // namespace epp::telemetry
