// An EPP whose configuration file and plugin libraries the test replaces while it serves.
#pragma once

#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"
#include "support/http_client.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace epp::conformance {

// The file of one of the two builds ("one", "two") of the plugin build-marker.
std::filesystem::path build_of_marker(const std::string& build);

class ReloadLab {
 public:
  // Endpoints e1 (label build=one) and e2 (build=two); build-marker of build "one". `plugins` are the items of
  // `plugins`, YAML, a line each.
  explicit ReloadLab(const std::string& plugins = "- type: build-marker\n", const Flags& flags = {});

  EppServer& epp() const { return *epp_; }
  const Client& client() const { return *client_; }
  std::filesystem::path manifest() const { return directory_.path() / "manifest.yaml"; }
  std::filesystem::path library() const { return directory_.path() / "plugins" / "build-marker.so"; }

  // The whole configuration with these plugins; `more` are further fields, YAML.
  std::string config(const std::string& plugins, const std::string& more = {}) const;
  void write(const std::string& text) const { testing::write_file(manifest(), text); }
  // The library becomes this build, by a rename.
  void install(const std::string& build) const;

  testing::HttpResponse post_reload() const;
  // The answer of a reload that is applied: its generation. Throws with the answer if it is not.
  std::uint64_t reload() const;
  double generation() const { return epp_->metric("epp_config_generation"); }
  bool reaches(std::uint64_t generation) const {
    return becomes(*epp_, "epp_config_generation", static_cast<double>(generation));
  }
  // Waits until only the newest generation is alive and one copy of the marker is mapped.
  bool settles() const;
  std::size_t mapped_markers() const;

  // The endpoint ("e1", "e2") that a request goes to.
  std::string destination(const Request& request = {}) const;

 private:
  testing::TempDir directory_;
  std::unique_ptr<EppServer> epp_;
  std::unique_ptr<Client> client_;
};

}  // namespace epp::conformance
