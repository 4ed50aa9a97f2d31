#include "render/helm.h"

#include "support/files.h"
#include "support/places.h"
#include "support/process.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace epp::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKubeVersion = "1.35.4";
constexpr auto kHelmPatience = std::chrono::seconds(30);

// $EPP_HELM, else what tools/helm says.
std::string helm_program() {
  if (const char* given = std::getenv("EPP_HELM"); given != nullptr) return given;
  Process tool(source_file("tools/helm"), {"path"});
  const bool found = tool.wait() == 0;
  std::string path = tool.output();
  if (!found) return {};
  path.erase(path.find_last_not_of('\n') + 1);
  return path;
}

HelmResult run(const std::vector<std::string>& arguments) {
  Process helm(helm_program(), arguments);
  const auto code = helm.wait(kHelmPatience);
  if (!code) throw std::runtime_error("helm does not end:\n" + helm.output());
  return {.exit_code = *code, .output = helm.output(), .manifests = {}};
}

}  // namespace

std::string helm_missing() {
  const std::string program = helm_program();
  if (program.empty()) return "helm is missing: run tools/helm build";
  if (!fs::exists(program)) return program + " is missing";
  return {};
}

Chart::Chart(const std::string& name) : folder_(source_file("configs/charts/epp-host-" + name)) {}

HelmResult Chart::render(const fs::path& values, const std::vector<std::string>& settings) const {
  // Into files: its warnings would stand among the manifests otherwise.
  const TempDir out;
  std::vector<std::string> arguments{"template",         "qwen", folder_.string(), "--values",   values.string(),
                                     "--namespace",      "ns",   "--kube-version", kKubeVersion, "--output-dir",
                                     out.path().string()};
  for (const std::string& setting : settings)
    arguments.insert(arguments.end(), {"--set", setting});
  HelmResult result = run(arguments);
  for (const auto& entry : fs::recursive_directory_iterator(out.path())) {
    if (entry.is_regular_file()) result.manifests += "---\n" + read_file(entry.path()) + "\n";
  }
  return result;
}

HelmResult Chart::lint(const fs::path& values) const {
  return run({"lint", folder_.string(), "--strict", "--values", values.string(), "--kube-version", kKubeVersion});
}

std::vector<fs::path> values_files(const std::string& prefix) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(source_file("tests/render/values"))) {
    if (entry.path().filename().string().starts_with(prefix)) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

fs::path values_file(const std::string& name) {
  return source_file("tests/render/values/" + name + ".yaml");
}

}  // namespace epp::testing
