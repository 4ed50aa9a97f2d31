#include "discovery/kubernetes/api_groups.h"

#include "net/http_message.h"

#include <algorithm>

namespace epp::discovery {

std::optional<bool> serves(const ServedKinds& served, std::string_view api, std::string_view kind) {
  const auto found = served.find(api);
  if (found == served.end()) return std::nullopt;
  return std::find(found->second.begin(), found->second.end(), kind) != found->second.end();
}

std::string_view choose_api(const ServedKinds& served, std::string_view kind, std::string_view preferred,
                            std::string_view former, std::string_view current) {
  const auto here = serves(served, preferred, kind);
  if (!here) return current;
  if (*here) return preferred;
  return serves(served, former, kind).value_or(false) ? former : current;
}

std::string collection_path(std::string_view api, std::string_view name_space, std::string_view plural) {
  std::string path = "/apis/" + std::string(api) + "/namespaces/";
  path += net::escape_path(name_space);
  path += '/';
  path += plural;
  return path;
}

}  // namespace epp::discovery
