// Lease, the reviews, and what a group version serves.
#include "kube/field.h"

#include <algorithm>
#include <tuple>

#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

std::vector<std::string> read_texts(const Field& list) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < list.size(); ++i)
    texts.push_back(list[i].text());
  return texts;
}

}  // namespace

bool Lease::operator==(const Lease& other) const {
  const auto record = [](const Lease& lease) {
    return std::tie(lease.holder, lease.duration_seconds, lease.acquire_time, lease.renew_time, lease.transitions);
  };
  return record(*this) == record(other);
}

Read<Lease> read_lease(const Json& object) {
  return read_view<Lease>(object, [](const Field& root, Lease& lease) {
    lease.meta = read_metadata(root);
    const Field spec = root["spec"];
    lease.holder = spec["holderIdentity"].text();
    lease.duration_seconds = spec["leaseDurationSeconds"].int32().value_or(0);
    lease.acquire_time = spec["acquireTime"].text();
    lease.renew_time = spec["renewTime"].text();
    lease.transitions = spec["leaseTransitions"].int32().value_or(0);
  });
}

Read<TokenReview> read_token_review(const Json& object) {
  return read_view<TokenReview>(object, [](const Field& root, TokenReview& review) {
    const Field status = root["status"].required();
    review.authenticated = status["authenticated"].boolean();
    review.error = status["error"].text();
    const Field user = status["user"];
    review.username = user["username"].text();
    review.uid = user["uid"].text();
    review.groups = read_texts(user["groups"]);
    if (const Field extra = user["extra"]; extra.present()) {
      if (!extra.json()->is_object()) extra.fail("must be an object");
      for (const auto& [key, value] : extra.json()->items())
        review.extra.emplace_back(key, read_texts(extra[key.c_str()]));
    }
  });
}

Read<bool> read_access_review(const Json& object) {
  return read_view<bool>(
      object, [](const Field& root, bool& allowed) { allowed = root["status"].required()["allowed"].boolean(); });
}

Read<std::vector<std::string>> read_resource_kinds(const Json& object) {
  using Kinds = std::vector<std::string>;
  return read_view<Kinds>(object, [](const Field& root, Kinds& kinds) {
    const Field resources = root["resources"];
    for (std::size_t i = 0; i < resources.size(); ++i) {
      const Field resource = resources[i];
      // A subresource ("pods/status") bears the kind of what it returns.
      if (resource["name"].text().find('/') != std::string::npos) continue;
      std::string kind = resource["kind"].required_text();
      if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(std::move(kind));
    }
  });
}

}  // namespace epp::kube
