#pragma once

#include "support/envoy_server.h"
#include "support/epp_server.h"
#include "support/files.h"
#include "support/http_client.h"
#include "support/model_sim.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace epp::testing {

// The file that file-discovery reads, and a manifest that makes the EPP watch it and leave endpoints alone whose last
// good scrape is older than `staleness`.
class EndpointsFile {
 public:
  explicit EndpointsFile(std::chrono::milliseconds staleness);

  // From now on exactly these endpoints exist: port by name.
  void write(const std::map<std::string, std::uint16_t>& endpoints) const;

  // The demo's scheduling, with discovery from this file.
  std::filesystem::path manifest() const;

 private:
  std::filesystem::path path() const { return directory_.path() / "endpoints.json"; }

  TempDir directory_;
};

// The quick simulator that most tests want: an answer takes a few milliseconds.
ModelSimOptions quick_sim(std::string name);

// Envoy, the EPP with the demo manifest, and one model-sim per name.
class Deployment {
 public:
  explicit Deployment(const std::vector<std::string>& names, const std::vector<std::string>& epp_arguments = {});

  ModelSim& sim(std::size_t i) { return *sims_[i]; }
  EppServer& epp() { return *epp_; }
  EnvoyServer& envoy() { return *envoy_; }

  HttpResponse post(const std::string& path, const std::string& body, const HttpHeaders& headers = {}) {
    return http_post(envoy_->port(), path, body, headers);
  }

 private:
  std::vector<std::unique_ptr<ModelSim>> sims_;
  std::unique_ptr<EppServer> epp_;
  std::unique_ptr<EnvoyServer> envoy_;
};

// A chat request with one user message, and what model-sim answers to it.
std::string chat_body(const std::string& content, bool stream, std::uint32_t max_tokens = 5);
std::string chat_answer(const std::string& content, std::uint32_t max_tokens = 5);

// The text of a chat answer, plain or streamed. Throws if it is not one, or if a stream has no [DONE].
std::string chat_text(const HttpResponse& response);

// The end of a long output.
std::string last_lines(const std::string& text, std::size_t count);

}  // namespace epp::testing
