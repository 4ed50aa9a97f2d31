#include "render/kube_room.h"

#include "support/files.h"
#include "support/places.h"

#include <filesystem>

namespace epp::testing {

KubeRoom& KubeRoom::shared() {
  static KubeRoom room;
  return room;
}

KubeRoom::KubeRoom() : api(KubeServer::shared()), objects(api) {
  api.create("/api/v1/namespaces", {{"metadata", {{"name", "ns"}}}});
  for (const auto& entry : std::filesystem::directory_iterator(source_file("tests/render/schemas"))) {
    for (const KubeObject& crd : read_objects(read_file(entry.path())))
      objects.define(crd);
  }
}

}  // namespace epp::testing
