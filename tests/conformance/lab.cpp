#include "conformance/lab.h"

#include "support/http_client.h"
#include "support/wait.h"

#include <algorithm>
#include <sstream>

#include <nlohmann/json.hpp>

namespace epp::conformance {

using nlohmann::json;
using testing::wait_until;

namespace {

std::string joined(const std::string& address, const std::string& labels) {
  return "--endpoint=" + address + (labels.empty() ? "" : "," + labels);
}

json endpoints_of(const EppServer& epp) {
  return json::parse(testing::http_get(epp.metrics_port(), "/debug/endpoints").body).at("endpoints");
}

}  // namespace

std::string endpoint(const std::string& name, std::uint16_t port, const std::string& labels) {
  return joined(name + "=127.0.0.1:" + std::to_string(port), labels);
}

std::string silent_address(int index) {
  return "127.1.0." + std::to_string(index) + ":1";
}

std::string silent_endpoint(int index, const std::string& labels) {
  return joined("e" + std::to_string(index) + "=" + silent_address(index), labels);
}

Flags with(const std::string& config, const Flags& more) {
  Flags flags{"--config-text=" + config};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

Refusal refusal_of(const Flags& flags) {
  EppServer epp({.arguments = flags, .wait_until_serving = false});
  Refusal refusal{.exit_code = epp.process().wait(), .text = {}};
  std::istringstream output(epp.process().output());
  for (std::string line; std::getline(output, line);) {
    const json entry = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!entry.is_object()) {
      refusal.text += line + '\n';
    } else if (entry.value("level", "") == "error") {
      refusal.text += entry.value("msg", "") + ": " + entry.value("error", "") + '\n';
    }
  }
  return refusal;
}

std::vector<json> log_lines(const std::string& output) {
  std::vector<json> lines;
  std::istringstream text(output);
  for (std::string line; std::getline(text, line);) {
    lines.push_back(json::parse(line));
  }
  return lines;
}

json effective_config(const EppServer& epp) {
  auto& process = const_cast<EppServer&>(epp).process();
  return json::parse(process.wait_for_line("\"Effective configuration\"")).at("config");
}

std::optional<double> endpoint_metric(const EppServer& epp, const std::string& name, const std::string& key) {
  for (const json& endpoint : endpoints_of(epp)) {
    if (!endpoint.at("id").get<std::string>().ends_with('/' + name) || !endpoint.at("metrics").contains(key)) continue;
    return endpoint.at("metrics").at(key).get<double>();
  }
  return std::nullopt;
}

bool has_queues(const EppServer& epp, const std::map<std::string, double>& queues) {
  return wait_until([&] {
    return std::all_of(queues.begin(), queues.end(), [&](const auto& queue) {
      return endpoint_metric(epp, queue.first, "WaitingQueueSize/core-metrics-extractor") == queue.second;
    });
  });
}

std::vector<std::string> endpoint_names(const EppServer& epp) {
  std::vector<std::string> names;
  for (const json& endpoint : endpoints_of(epp)) {
    const auto id = endpoint.at("id").get<std::string>();
    names.push_back(id.substr(id.find('/') + 1));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool becomes(const EppServer& epp, const std::string& series, double value) {
  return wait_until([&] { return epp.metric(series) == value; });
}

}  // namespace epp::conformance
