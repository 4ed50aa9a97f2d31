// Typed, validated views of the API objects that this program reads. Unknown fields are ignored; null and absent are
// the same. A view that cannot be had says which field is to blame; its object is reported and skipped by whoever
// reads it, and never takes anything else down.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace epp::kube {

using Json = nlohmann::json;
using Labels = std::vector<std::pair<std::string, std::string>>;  // sorted by key, keys unique

// Why an object was skipped: {"spec.targetPorts[1].number", "must be 1..65535"}.
struct Invalid {
  std::string field;
  std::string text;
};

template <class T>
using Read = std::variant<T, Invalid>;

struct Metadata {
  std::string name;
  std::string name_space;
  std::string uid;
  std::string resource_version;  // opaque; only equality means anything
  Labels labels;
  Labels annotations;           // without kubectl's copy of the object
  std::int64_t created_ns = 0;  // creationTimestamp since the epoch; 0 when absent
  bool deleting = false;        // deletionTimestamp is set

  [[nodiscard]] std::string key() const { return name_space + "/" + name; }
};

struct Pod {
  Metadata meta;
  std::string pod_ip;   // IP literal, may be empty
  std::string host_ip;  // may be empty
  bool ready_condition = false;

  // Takes traffic as far as Kubernetes is concerned: Ready, not being deleted, and addressable.
  [[nodiscard]] bool ready() const { return ready_condition && !meta.deleting && !pod_ip.empty(); }
};

// InferencePool inference.networking.k8s.io/v1, or x-k8s.io/v1alpha2 brought into the same form.
struct InferencePool {
  Metadata meta;
  Labels match_labels;                      // not empty
  std::vector<std::uint16_t> target_ports;  // 1..8, unique, in order
  std::string app_protocol;                 // may be empty
};

struct PoolRef {
  std::string group = "inference.networking.k8s.io";
  std::string kind = "InferencePool";
  std::string name;
};

struct InferenceObjective {
  Metadata meta;
  PoolRef pool;
  std::optional<std::int32_t> priority;
};

struct InferenceModelRewrite {
  struct Target {
    std::string model;
    std::optional<std::int32_t> weight;  // 1..1000000
  };
  struct Rule {
    bool generic = false;             // no matches at all
    std::vector<std::string> models;  // exact names; empty although not generic: can never match
    std::vector<Target> targets;
  };
  Metadata meta;
  std::optional<PoolRef> pool;
  std::vector<Rule> rules;
};

struct Lease {
  Metadata meta;
  std::string holder;
  std::int32_t duration_seconds = 0;
  std::string acquire_time;  // RFC 3339, six fractional digits, as it stood
  std::string renew_time;
  std::int32_t transitions = 0;
  bool operator==(const Lease& other) const;  // the election record only: everything but meta
};

[[nodiscard]] Read<Pod> read_pod(const Json& object);
[[nodiscard]] Read<InferencePool> read_inference_pool(const Json& object);           // v1
[[nodiscard]] Read<InferencePool> read_inference_pool_v1alpha2(const Json& object);  // x-k8s.io
[[nodiscard]] Read<InferenceObjective> read_inference_objective(const Json& object);
[[nodiscard]] Read<InferenceModelRewrite> read_inference_model_rewrite(const Json& object);
[[nodiscard]] Read<Lease> read_lease(const Json& object);

// status of a TokenReview.
struct TokenReview {
  bool authenticated = false;
  std::string username;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> extra;
  std::string error;
};
[[nodiscard]] Read<TokenReview> read_token_review(const Json& object);
// status.allowed of a SubjectAccessReview; nothing else decides.
[[nodiscard]] Read<bool> read_access_review(const Json& object);

// The kinds that GET /apis/GROUP/VERSION lists.
[[nodiscard]] Read<std::vector<std::string>> read_resource_kinds(const Json& object);

}  // namespace epp::kube
