// --endpoint [name=]host:port[,label=value...], e.g. `a=10.0.0.1:8000,llm-d.ai/role=decode` or `[::1]:8000`.
#include "config/flag_values.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace epp::config {
namespace {

// Splits `host:port`; brackets around an IPv6 address are taken off.
Refusal parse_address(std::string_view text, StaticEndpoint& endpoint) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return "expected host:port";
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return "an IPv6 address must be written in brackets";
  }
  if (host.empty()) return "the host is empty";
  endpoint.host = host;
  if (auto refusal = parse_flag(std::string(text.substr(colon + 1)), endpoint.port)) return refusal;
  if (endpoint.port == 0) return "port 0 is not from 1 to 65535";
  return std::nullopt;
}

Refusal parse_labels(std::string_view text, StaticEndpoint& endpoint) {
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view label = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto equals = label.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return "expected label=value, not \"" + std::string(label) + "\"";
    }
    std::string key(label.substr(0, equals));
    const bool repeated = std::any_of(endpoint.labels.begin(), endpoint.labels.end(),
                                      [&key](const auto& known) { return known.first == key; });
    if (repeated) return "label \"" + key + "\" is repeated";
    endpoint.labels.emplace_back(std::move(key), label.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace

Refusal parse_endpoint_flag(const std::string& text, std::vector<StaticEndpoint>& out) {
  StaticEndpoint endpoint;
  const std::string_view whole = text;
  const auto comma = std::min(whole.find(','), whole.size());
  std::string_view address = whole.substr(0, comma);
  if (const auto equals = address.find('='); equals != std::string_view::npos) {
    endpoint.name = address.substr(0, equals);
    if (endpoint.name.empty()) return "the name is empty";
    address.remove_prefix(equals + 1);
  } else {
    endpoint.name = address;
  }
  if (auto refusal = parse_address(address, endpoint)) return refusal;
  if (comma < whole.size()) {
    if (auto refusal = parse_labels(whole.substr(comma + 1), endpoint)) return refusal;
  }
  const bool repeated =
      std::any_of(out.begin(), out.end(), [&](const auto& known) { return known.name == endpoint.name; });
  if (repeated) return "endpoint name \"" + endpoint.name + "\" is repeated";
  out.push_back(std::move(endpoint));
  return std::nullopt;
}

}  // namespace epp::config
