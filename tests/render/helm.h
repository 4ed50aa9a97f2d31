#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace epp::testing {

// Why helm cannot be run here; empty if it can.
std::string helm_missing();

// What helm said and how it ended.
struct HelmResult {
  int exit_code = 0;
  std::string output;     // all that it printed, including errors
  std::string manifests;  // of `template`: every object, as YAML documents
};

// One of the charts of configs/charts, rendered as release `qwen` in namespace `ns` for the API server of the tests.
class Chart {
 public:
  explicit Chart(const std::string& name);  // "gateway" or "standalone"

  // `settings` go to --set: "router.epp.replicas=3".
  HelmResult render(const std::filesystem::path& values, const std::vector<std::string>& settings = {}) const;
  HelmResult lint(const std::filesystem::path& values) const;

 private:
  std::filesystem::path folder_;
};

// The values files of tests/render/values whose name begins with `prefix`, sorted.
std::vector<std::filesystem::path> values_files(const std::string& prefix);
// One of them.
std::filesystem::path values_file(const std::string& name);

}  // namespace epp::testing
