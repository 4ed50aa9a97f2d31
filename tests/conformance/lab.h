// Starting EPPs, and what they say about themselves.
#pragma once

#include "support/epp_server.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace epp::conformance {

using testing::EppServer;
using Flags = std::vector<std::string>;

// --endpoint NAME=127.0.0.1:PORT[,labels]
std::string endpoint(const std::string& name, std::uint16_t port, const std::string& labels = {});
// An endpoint that nobody serves, at 127.1.0.<index>:1.
std::string silent_endpoint(int index, const std::string& labels = {});
std::string silent_address(int index);

// Flags of an EPP with this configuration (YAML or JSON).
Flags with(const std::string& config, const Flags& more = {});

// A start that is to fail: its exit status, and the error texts of its log or of the command line.
struct Refusal {
  std::optional<int> exit_code;  // nothing: it did not end
  std::string text;
};
Refusal refusal_of(const Flags& flags);

// The objects of a JSON log. Throws if a line is none.
std::vector<nlohmann::json> log_lines(const std::string& output);
// The "Effective configuration" that a running EPP logged.
nlohmann::json effective_config(const EppServer& epp);

// One value of an endpoint as GET /debug/endpoints shows it, e.g. "WaitingQueueSize/core-metrics-extractor"; nothing
// while it is unknown.
std::optional<double> endpoint_metric(const EppServer& epp, const std::string& name, const std::string& key);
// Waits until the EPP has read these queue lengths.
bool has_queues(const EppServer& epp, const std::map<std::string, double>& queues);
// The names of all endpoints.
std::vector<std::string> endpoint_names(const EppServer& epp);

// Waits until the sample has this value; false if it never does.
bool becomes(const EppServer& epp, const std::string& series, double value);

}  // namespace epp::conformance
