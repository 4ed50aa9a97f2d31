#include "hostile/victim.h"

#include "support/http_client.h"
#include "support/wait.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::hostile {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::wait_until;
using namespace conformance;

Victim::Victim(std::string type, Place place) : type_(std::move(type)), place_(std::move(place)) {
  std::filesystem::copy(EPP_HOSTILE_PLUGINS, libraries());
  testing::write_file(manifest(), config(true));
  Flags flags = {"--config-file=" + manifest().string(), silent_endpoint(1), silent_endpoint(2)};
  flags.insert(flags.end(), place_.flags.begin(), place_.flags.end());
  epp_ = std::make_unique<EppServer>(
      testing::EppOptions{.arguments = flags, .environment = {"EPP_HOSTILE_HANG=" + gate().string()}});
  client_ = std::make_unique<Client>(epp_->grpc_port());
}

std::string Victim::config(bool hostile) const {
  const auto reference = [](const std::string& type) { return R"({"pluginRef": ")" + type + R"("})"; };
  const std::string& stage = place_.stage;
  const bool in_profile = hostile && (stage == "scorer" || stage == "filter" || stage == "picker");
  std::string text = R"({"pluginDirectories": [")" + libraries().string() + R"("], "plugins": [{"type": "queue-scorer"},
    {"type": "max-score-picker"}, {"type": "concurrency-detector"})";
  if (hostile) text += R"(, {"type": ")" + type_ + R"(")" + place_.fields + "}";
  text +=
      R"(], "schedulingProfiles": [{"name": "default", "plugins": [)" + reference(in_profile ? type_ : "queue-scorer");
  if (!hostile || stage != "picker") text += ", " + reference("max-score-picker");
  text += "]}]";
  if (hostile && stage == "detector")
    text += R"(, "featureGates": ["flowControl"], "flowControl": {"saturationDetector": )" + reference(type_) + "}";
  if (hostile && stage == "fairness")
    text +=
        R"(, "featureGates": ["flowControl"], "flowControl": {"saturationDetector": {"pluginRef": "concurrency-detector"},
      "defaultPriorityBand": {"fairnessPolicyRef": ")" +
        type_ + R"("}})";
  return text + "}";
}

bool Victim::served(const Decision& decision) {
  return decision.status == 200 &&
         (decision.destination == silent_address(1) || decision.destination == silent_address(2));
}

bool Victim::serves(const Request& request) const {
  return served(client_->ask(request));
}

json Victim::state() const {
  return json::parse(testing::http_get(epp_->metrics_port(), "/debug/plugins/state").body);
}

bool Victim::suspended() const {
  return state().dump().find("\"suspended\":true") != std::string::npos;
}

std::string Victim::labels(const std::string& point) const {
  return "{extension_point=\"" + point + "\",plugin_name=\"" + type_ + "\",plugin_type=\"" + type_ + "\"";
}

double Victim::faults(const std::string& point, const std::string& reason) const {
  return epp_->metric("epp_plugin_faults_total" + labels(point) + ",reason=\"" + reason + "\"}");
}

double Victim::passed_over(const std::string& point) const {
  return epp_->metric("epp_plugin_passed_over_total" + labels(point) + "}");
}

void Victim::expect_named(const std::string& point, const std::string& reason) const {
  EXPECT_TRUE(wait_until([&] { return faults(point, reason) > 0; })) << point << ' ' << reason << '\n' << all_faults();
  EXPECT_TRUE(wait_until([&] { return told(reason); })) << epp_->process().output();
  const std::string page = state().dump();
  EXPECT_THAT(page, HasSubstr("\"lastFault\":"));
  EXPECT_THAT(page, HasSubstr("\"" + reason + "\":"));
  EXPECT_TRUE(epp_->process().running());
}

bool Victim::told(const std::string& reason) const {
  const std::vector<json> lines = log_lines(epp_->process().output());
  return std::any_of(lines.begin(), lines.end(), [&](const json& line) {
    return line.value("msg", "") == "Plugin fault" && line.value("plugin", "") == type_ &&
           line.value("reason", "") == reason;
  });
}

std::string Victim::all_faults() const {
  std::string found;
  std::istringstream page(epp_->metrics());
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("epp_plugin_faults_total")) found += line + '\n';
  }
  return found;
}

void Victim::hang() const {
  testing::write_file(gate(), "");
}

void Victim::let_go() const {
  std::filesystem::remove(gate());
}

void Victim::remove() const {
  for (const char* name : {"hostile.so", "hanging.so"})
    std::filesystem::remove(libraries() / name);
  testing::write_file(manifest(), config(false));
  const testing::HttpResponse answer = testing::http_post(epp_->metrics_port(), "/-/reload", "");
  if (answer.status != 200) throw std::runtime_error(std::to_string(answer.status) + " " + answer.body);
}

}  // namespace epp::hostile
