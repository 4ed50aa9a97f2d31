#include "telemetry/tracing.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace epp::telemetry {
namespace {

constexpr double kDefaultRatio = 0.1;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "k1=v1,k2=v2" with percent-encoded values; false if a part has no key.
bool parse_pairs(std::string_view text, KeyValues* out) {
  bool good = true;
  while (!text.empty()) {
    const auto end = text.find(',');
    const auto part = trim(text.substr(0, end));
    const auto equals = part.find('=');
    if (equals != std::string_view::npos && equals > 0) {
      out->emplace_back(trim(part.substr(0, equals)), percent_decoded(trim(part.substr(equals + 1))));
    } else if (!part.empty()) {
      good = false;
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return good;
}

void set_pair(KeyValues& pairs, std::string_view key, std::string value) {
  const auto it = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == key; });
  if (it != pairs.end()) {
    it->second = std::move(value);
  } else {
    pairs.emplace_back(key, std::move(value));
  }
}

class Reader {
 public:
  Reader(const Environment& env, TracingConfig& config) : env_(env), config_(config) {}

  void sampler() {
    const std::string kind = env_("OTEL_TRACES_SAMPLER");
    if (!kind.empty() && kind != "parentbased_traceidratio") {
      warn("OTEL_TRACES_SAMPLER", kind, "only parentbased_traceidratio is known; using ratio 0.1");
      config_.ratio = kDefaultRatio;
      return;
    }
    const std::string text = env_("OTEL_TRACES_SAMPLER_ARG");
    if (text.empty()) return;
    const auto ratio = parse_number<double>(text);
    if (ratio && *ratio >= 0 && *ratio <= 1) {
      config_.ratio = *ratio;
    } else {
      warn("OTEL_TRACES_SAMPLER_ARG", text, "not a ratio of 0 to 1; using 0.1");
    }
  }

  void resource(std::string_view build_ref) {
    config_.resource = {{"service.name", "llm-d-epp"}, {"service.version", std::string(build_ref)}};
    const std::string attributes = env_("OTEL_RESOURCE_ATTRIBUTES");
    KeyValues pairs;
    if (!parse_pairs(attributes, &pairs)) warn("OTEL_RESOURCE_ATTRIBUTES", attributes, "a part is not key=value");
    for (auto& [key, value] : pairs)
      set_pair(config_.resource, key, std::move(value));
    if (auto name = env_("OTEL_SERVICE_NAME"); !name.empty())
      set_pair(config_.resource, "service.name", std::move(name));
  }

  void otlp() {
    OtlpConfig& otlp = config_.otlp;
    const std::string endpoint = either("ENDPOINT");
    const std::string insecure = lower(either("INSECURE"));
    otlp.certificate_file = either("CERTIFICATE");
    // Once anything about the transport is said, TLS is the default.
    otlp.insecure = endpoint.empty() && insecure.empty() && otlp.certificate_file.empty();
    if (insecure == "true") otlp.insecure = true;
    if (!endpoint.empty()) parse_endpoint(endpoint, otlp);
    const std::string headers = either("HEADERS");
    // The value is not repeated in the warning: it may hold a secret.
    if (!parse_pairs(headers, &otlp.headers)) warn("OTEL_EXPORTER_OTLP_HEADERS", "", "a part is not key=value");
    for (auto& [key, value] : otlp.headers)
      key = lower(key);
    milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", either("TIMEOUT"), otlp.timeout);
  }

  void batching() {
    count("OTEL_BSP_MAX_QUEUE_SIZE", config_.queue_spans);
    count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", config_.batch_spans);
    config_.batch_spans = std::min(config_.batch_spans, config_.queue_spans);
    milliseconds("OTEL_BSP_SCHEDULE_DELAY", env_("OTEL_BSP_SCHEDULE_DELAY"), config_.delay);
  }

 private:
  std::string either(const char* suffix) const {
    auto value = env_((std::string("OTEL_EXPORTER_OTLP_TRACES_") + suffix).c_str());
    return value.empty() ? env_((std::string("OTEL_EXPORTER_OTLP_") + suffix).c_str()) : value;
  }

  // http://host:port[/...] is plaintext, https:// is TLS, unix: is plaintext; without a scheme *_INSECURE decides.
  static void parse_endpoint(std::string_view text, OtlpConfig& otlp) {
    const auto scheme_end = text.find("://");
    const std::string scheme = scheme_end == std::string_view::npos ? "" : lower(text.substr(0, scheme_end));
    if (text.starts_with("unix:")) {
      otlp.target = text;
      otlp.insecure = true;
      return;
    }
    if (!scheme.empty()) {
      otlp.insecure = scheme == "http";
      text.remove_prefix(scheme_end + 3);
    }
    otlp.target = text.substr(0, text.find('/'));
    const auto host_end = otlp.target.rfind(']');  // a bracketed IPv6 address has colons of its own
    if (otlp.target.find(':', host_end == std::string::npos ? 0 : host_end) == std::string::npos) {
      otlp.target += ":4317";
    }
  }

  void milliseconds(const char* name, const std::string& text, std::chrono::milliseconds& out) {
    if (text.empty()) return;
    const auto number = parse_number<std::int64_t>(text);
    if (number && *number > 0 && *number <= 86'400'000) {
      out = std::chrono::milliseconds(*number);
    } else {
      warn(name, text, "not a number of milliseconds; keeping the default");
    }
  }

  void count(const char* name, std::size_t& out) {
    const std::string text = env_(name);
    if (text.empty()) return;
    const auto number = parse_number<std::size_t>(text);
    if (number && *number > 0 && *number <= 1'000'000) {
      out = *number;
    } else {
      warn(name, text, "not a count; keeping the default");
    }
  }

  void warn(std::string_view name, std::string_view value, std::string_view why) {
    std::string text(name);
    if (!value.empty()) text.append("=").append(value);
    config_.warnings.push_back(text.append(": ").append(why));
  }

  const Environment& env_;
  TracingConfig& config_;
};

}  // namespace

Environment process_environment() {
  return [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
}

std::optional<TracingConfig> tracing_config_from_env(const Environment& env, std::string_view build_ref,
                                                     std::string_view commit, std::string* error) {
  TracingConfig config;
  config.commit = commit;
  const std::string exporter = env("OTEL_TRACES_EXPORTER");
  if (exporter == "otlp") {
    config.exporter = TracingConfig::Exporter::kOtlp;
  } else if (!exporter.empty() && exporter != "console") {
    if (error != nullptr) *error = "unsupported OTEL_TRACES_EXPORTER \"" + exporter + "\": use console or otlp";
    return std::nullopt;
  }
  Reader reader(env, config);
  reader.sampler();
  reader.resource(build_ref);
  reader.otlp();
  reader.batching();
  return config;
}

}  // namespace epp::telemetry
