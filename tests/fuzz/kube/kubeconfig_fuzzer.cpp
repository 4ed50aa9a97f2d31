// Any kubeconfig: an answer or a ConfigError that names a file; what is accepted can be put on the wire, and a second
// definition of the same names changes nothing.
//
// First byte: how many bytes of context name follow; then the document.
#include "kube/kubeconfig.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace epp::kube;

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const ClusterConfig& config) {
  require(!config.server.host.empty() && is_clean(config.server.host) && !config.server.port.empty());
  require(config.base_path.empty() || (config.base_path.front() == '/' && config.base_path.back() != '/'));
  require(is_clean(config.token) && is_clean(config.username) && is_clean(config.password));
  for (const auto& [name, value] : config.impersonation)
    require(is_clean(name) && is_clean(value));
  require(!config.default_namespace.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view context = bytes.substr(0, std::min<std::size_t>(data[0], bytes.size()) % 8);
  const KubeconfigFile file{"/etc/kube/config", std::string(bytes.substr(context.size()))};
  try {
    const ClusterConfig once = resolve_kubeconfig({file}, context);
    check(once);
    const ClusterConfig twice = resolve_kubeconfig({file, file}, context);
    require(once.server.host == twice.server.host && once.token == twice.token);
  } catch (const ConfigError& fault) {
    require(std::string_view(fault.what()).starts_with("/etc/kube/config"));
  }
  return 0;
}
