#pragma once

#include "support/kube_server.h"
#include "support/wait.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::testing {

using Json = nlohmann::json;

// An answer that is not 2xx.
class KubeError : public std::runtime_error {
 public:
  KubeError(unsigned status, const std::string& text) : std::runtime_error(text), status_(status) {}
  unsigned status() const { return status_; }  // 0: no answer at all

 private:
  unsigned status_;
};

// A blocking client of an API server. Every function throws KubeError for anything but success. Thread-safe.
class KubeApi {
 public:
  explicit KubeApi(const KubeServer& server, KubeUser user = KubeUser::kAdmin);
  ~KubeApi();
  KubeApi(const KubeApi&) = delete;
  KubeApi& operator=(const KubeApi&) = delete;

  // Paths start at the root: "/api/v1/namespaces/ns/pods".
  Json get(const std::string& path) const;
  Json create(const std::string& collection, const Json& object) const;
  Json replace(const std::string& path, const Json& object) const;
  Json patch(const std::string& path, const Json& merge) const;
  // At once; with `grace_seconds` the object first gets a deletionTimestamp.
  void remove(const std::string& path, int grace_seconds = 0) const;

  // The text of an answer, whatever it is.
  std::string text(const std::string& method, const std::string& path, const std::string& body = {},
                   const std::string& content_type = "application/json") const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using KubeLabels = std::map<std::string, std::string>;

struct KubePod {
  std::string name;
  std::string ip = {};  // empty: none yet
  KubeLabels labels = {{"app", "m"}};
  KubeLabels annotations = {};
  bool ready = true;
};

struct KubePool {
  std::string name = "pool";
  KubeLabels selector = {{"app", "m"}};
  std::vector<int> ports = {8000};
  std::string app_protocol = {};  // empty: absent
};

struct KubeTarget {
  std::string model;
  std::optional<int> weight = {};
};

// A fresh namespace of its own name, and the objects of this project's tests in it. Objects stay when it goes: nobody
// looks at them again. Thread-safe.
class KubeNamespace {
 public:
  explicit KubeNamespace(const KubeServer& server);

  const std::string& name() const { return name_; }
  const KubeApi& api() const { return api_; }

  // The object and its status; the pod exists and is as said when this returns.
  void create_pod(const KubePod& pod) const;
  // Merge patches, of the object and of its status.
  void patch_pod(const std::string& pod, const Json& merge) const;
  void patch_pod_status(const std::string& pod, const Json& status) const;
  void set_ready(const std::string& pod, bool ready) const;
  void delete_pod(const std::string& pod) const;
  // Sets deletionTimestamp; nobody removes the pod afterwards.
  void drain_pod(const std::string& pod) const;

  void create_pool(const KubePool& pool = {}) const;
  void patch_pool(const Json& spec, const std::string& pool = "pool") const;
  void delete_pool(const std::string& pool = "pool") const;

  // `group` is the objective's own: llm-d.ai, or the legacy inference.networking.x-k8s.io.
  void create_objective(const std::string& name, std::optional<int> priority, const std::string& pool = "pool",
                        const std::string& group = "llm-d.ai") const;
  // One rule; no models: it is generic.
  void create_rewrite(const std::string& name, const std::vector<std::string>& models,
                      const std::vector<KubeTarget>& targets, const std::string& pool = "pool") const;
  void delete_rewrite(const std::string& name) const;

  Json lease(const std::string& name) const;

  // Paths of this namespace.
  std::string pods(const std::string& name = {}) const;
  std::string pools(const std::string& name = {}) const;
  std::string objectives(const std::string& name = {}, const std::string& group = "llm-d.ai") const;
  std::string rewrites(const std::string& name = {}) const;
  std::string leases(const std::string& name = {}) const;

 private:
  std::string path(const std::string& api, const std::string& resource, const std::string& name) const;

  KubeApi api_;
  std::string name_;
};

// The documents that KubeNamespace makes, for other servers.
Json pod_object(const KubePod& pod);
Json pool_object(const KubePool& pool);
Json objective_object(const std::string& name, std::optional<int> priority, const std::string& pool,
                      const std::string& group);
Json rewrite_object(const std::string& name, const std::vector<std::string>& models,
                    const std::vector<KubeTarget>& targets, const std::string& pool);

}  // namespace epp::testing
