#pragma once

#include "support/kube_api.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace epp::testing {

// An object of a manifest.
struct KubeObject {
  std::string text;  // YAML, as it was written
  std::string api_version;
  std::string kind;
  std::string name;
  std::string name_space;  // empty: not said

  std::string title() const { return kind + '/' + name; }
};

// The documents of a YAML text; those without content are left out.
std::vector<KubeObject> read_objects(std::string_view yaml);
// The one with this title ("Role/qwen-epp"). Throws std::runtime_error if there is none.
const KubeObject& find_object(const std::vector<KubeObject>& objects, std::string_view title);

// Sends objects to where the API server has their kind.
class KubeObjects {
 public:
  explicit KubeObjects(const KubeApi& api) : api_(api) {}

  // Makes it known there, and waits until it serves: the object must be a CustomResourceDefinition.
  void define(const KubeObject& crd);
  // Creates it, or only asks whether it could be; both with every unknown field an error. Throws KubeError. Objects
  // without a namespace go into `name_space`. Returns the object as the server would store it.
  Json create(const KubeObject& object, const std::string& name_space);
  Json check(const KubeObject& object, const std::string& name_space);

 private:
  struct Resource {
    std::string plural;
    bool namespaced = false;
  };
  const Resource& resource(const KubeObject& object);
  Json post(const KubeObject& object, const std::string& name_space, const std::string& query);

  const KubeApi& api_;
  std::map<std::string, Resource> known_;
};

}  // namespace epp::testing
