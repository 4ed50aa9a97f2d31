#include "telemetry/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include <prometheus/metric_family.h>

namespace epp::telemetry {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Calls each(part) for the trimmed parts of a separated list.
template <class Each>
void split(std::string_view text, char separator, Each each) {
  for (;;) {
    const auto end = text.find(separator);
    each(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

class Writer {
 public:
  explicit Writer(ExpositionFormat format) : open_(format == ExpositionFormat::kOpenMetrics) {}

  void family(const prometheus::MetricFamily& family) {
    using prometheus::MetricType;
    // OpenMetrics names a counter without its _total, and knows no counter without one.
    std::string_view base = family.name;
    std::string_view type = "untyped";
    const bool total = base.ends_with("_total");
    switch (family.type) {
      case MetricType::Counter:
        type = open_ && !total ? "unknown" : "counter";
        if (open_ && total) base.remove_suffix(6);
        break;
      case MetricType::Gauge:
        type = "gauge";
        break;
      case MetricType::Histogram:
        type = "histogram";
        break;
      case MetricType::Summary:
        type = "summary";
        break;
      case MetricType::Untyped:
        type = open_ ? "unknown" : "untyped";
        break;
    }
    if (!family.help.empty()) {
      out_.append("# HELP ").append(base) += ' ';
      escaped(family.help, open_);
      out_ += '\n';
    }
    out_.append("# TYPE ").append(base).append(" ").append(type) += '\n';
    for (const auto& metric : family.metric) {
      switch (family.type) {
        case MetricType::Counter:
          sample(family.name, "", metric, metric.counter.value);
          break;
        case MetricType::Gauge:
          sample(family.name, "", metric, metric.gauge.value);
          break;
        case MetricType::Histogram:
          histogram(family.name, metric);
          break;
        case MetricType::Summary:
          summary(family.name, metric);
          break;
        case MetricType::Untyped:
          sample(family.name, "", metric, metric.untyped.value);
          break;
      }
    }
  }

  std::string finish() && {
    if (open_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  void histogram(std::string_view name, const prometheus::ClientMetric& metric) {
    bool has_infinite = false;
    for (const auto& bucket : metric.histogram.bucket) {
      series(name, "_bucket", metric, "le", number(bucket.upper_bound));
      count(bucket.cumulative_count);
      has_infinite = has_infinite || std::isinf(bucket.upper_bound);
    }
    if (!has_infinite) {
      series(name, "_bucket", metric, "le", "+Inf");
      count(metric.histogram.sample_count);
    }
    sample(name, "_sum", metric, metric.histogram.sample_sum);
    series(name, "_count", metric);
    count(metric.histogram.sample_count);
  }

  void summary(std::string_view name, const prometheus::ClientMetric& metric) {
    for (const auto& quantile : metric.summary.quantile) {
      series(name, "", metric, "quantile", number(quantile.quantile));
      out_.append(" ").append(number(quantile.value)) += '\n';
    }
    sample(name, "_sum", metric, metric.summary.sample_sum);
    series(name, "_count", metric);
    count(metric.summary.sample_count);
  }

  void sample(std::string_view name, std::string_view suffix, const prometheus::ClientMetric& metric, double value) {
    series(name, suffix, metric);
    out_.append(" ").append(number(value)) += '\n';
  }

  void count(std::uint64_t value) { out_.append(" ").append(std::to_string(value)) += '\n'; }

  void series(std::string_view name, std::string_view suffix, const prometheus::ClientMetric& metric,
              std::string_view extra_name = {}, std::string_view extra_value = {}) {
    out_.append(name).append(suffix);
    char separator = '{';
    const auto label = [&](std::string_view label_name, std::string_view value) {
      out_ += separator;
      separator = ',';
      out_.append(label_name).append("=\"");
      escaped(value, true);
      out_ += '"';
    };
    for (const auto& l : metric.label)
      label(l.name, l.value);
    if (!extra_name.empty()) label(extra_name, extra_value);
    if (separator == ',') out_ += '}';
  }

  void escaped(std::string_view text, bool quotes) {
    for (const char c : text) {
      if (c == '\\') {
        out_ += "\\\\";
      } else if (c == '\n') {
        out_ += "\\n";
      } else if (c == '"' && quotes) {
        out_ += "\\\"";
      } else {
        out_ += c;
      }
    }
  }

  // OpenMetrics wants floats to look like floats.
  std::string number(double value) const {
    std::string text = format_float(value);
    if (open_ && std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }

  const bool open_;
  std::string out_;
};

}  // namespace

ExpositionFormat negotiate(std::string_view accept) {
  auto best = ExpositionFormat::kText;
  double best_quality = 0;
  split(accept, ',', [&](std::string_view range) {
    std::string_view type;
    std::string_view version;
    double quality = 1;
    split(range, ';', [&](std::string_view part) {
      if (type.empty()) {
        type = part;
      } else if (part.starts_with("version=")) {
        version = part.substr(8);
      } else if (part.starts_with("q=")) {
        quality = std::strtod(std::string(part.substr(2)).c_str(), nullptr);
      }
    });
    auto format = ExpositionFormat::kText;
    if (type == "application/openmetrics-text" && (version.empty() || version == "1.0.0" || version == "0.0.1")) {
      format = ExpositionFormat::kOpenMetrics;
    } else if (!(type == "text/plain" && (version.empty() || version == "0.0.4")) && type != "*/*" &&
               type != "text/*") {
      return;
    }
    if (quality > best_quality) {  // of equals the first
      best_quality = quality;
      best = format;
    }
  });
  return best;
}

std::string_view content_type(ExpositionFormat format) {
  return format == ExpositionFormat::kText ? "text/plain; version=0.0.4; charset=utf-8"
                                           : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

std::string format_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Go's 'g' at shortest precision is scientific below 1e-4 and from 1e6 on.
  const double magnitude = std::fabs(value);
  const bool scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 scientific ? std::chars_format::scientific : std::chars_format::fixed)
                       .ptr;
  return std::string(buffer, end);
}

std::string serialize(std::vector<prometheus::MetricFamily> families, ExpositionFormat format) {
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  Writer writer(format);
  for (auto& family : families) {
    for (auto& metric : family.metric)
      std::sort(metric.label.begin(), metric.label.end());
    std::sort(family.metric.begin(), family.metric.end(),
              [](const auto& a, const auto& b) { return a.label < b.label; });
    writer.family(family);
  }
  return std::move(writer).finish();
}

}  // namespace epp::telemetry
