// An EPP with one plugin that breaks a rule.
#pragma once

#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"

#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace epp::hostile {

struct Place {
  std::string stage = {};   // "scorer", "filter", "picker", "detector", "fairness"; "": none of these
  std::string fields = {};  // more of the plugin's entry in the manifest, JSON members with a leading comma
  conformance::Flags flags = {};
};

// The hostile type in its place, built-in plugins in the others, and two endpoints. Flow control is on where the place
// is a part of it.
class Victim {
 public:
  explicit Victim(std::string type, Place place = {});

  conformance::EppServer& epp() const { return *epp_; }
  const conformance::Client& client() const { return *client_; }
  // Answered with an endpoint.
  bool serves(const conformance::Request& request = {}) const;
  static bool served(const conformance::Decision& decision);

  nlohmann::json state() const;
  bool suspended() const;
  // Waits until the fault is named in the metric, in a line of the log and on the state page.
  void expect_named(const std::string& point, const std::string& reason) const;
  double faults(const std::string& point, const std::string& reason) const;
  double passed_over(const std::string& point) const;

  // What hangs without a request does so between these.
  void hang() const;
  void let_go() const;

  // Takes the plugin out of the manifest and its library out of the directory, and reloads. Throws if that is refused.
  void remove() const;

 private:
  std::string config(bool hostile) const;
  std::string labels(const std::string& point) const;
  std::string all_faults() const;
  bool told(const std::string& reason) const;
  std::filesystem::path manifest() const { return directory_.path() / "manifest.json"; }
  std::filesystem::path libraries() const { return directory_.path() / "plugins"; }
  std::filesystem::path gate() const { return directory_.path() / "hang"; }

  const std::string type_;
  const Place place_;
  testing::TempDir directory_;
  std::unique_ptr<conformance::EppServer> epp_;
  std::unique_ptr<conformance::Client> client_;
};

}  // namespace epp::hostile
