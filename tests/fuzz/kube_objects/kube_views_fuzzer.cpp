// The first byte chooses the view, the rest is the object's text. Whatever comes, a view is had that keeps its
// promises, or an Invalid that says something. Pods are placed in a table, too.
#include "discovery/kubernetes/active_ports.h"
#include "discovery/kubernetes/policies.h"
#include "discovery/kubernetes/pool_state.h"
#include "fuzz/kube_objects/require.h"
#include "kube/objects.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

namespace {

using namespace epp;
using kube::Json;

template <class T, class Check>
void check(const kube::Read<T>& read, Check good) {
  if (const auto* invalid = std::get_if<kube::Invalid>(&read)) {
    require(!invalid->text.empty());
  } else {
    good(std::get<T>(read));
  }
}

void check_meta(const kube::Metadata& meta) {
  require(!meta.name.empty());
  require(std::is_sorted(meta.labels.begin(), meta.labels.end()));
  require(std::is_sorted(meta.annotations.begin(), meta.annotations.end()));
}

void check_pool(const kube::InferencePool& pool) {
  check_meta(pool.meta);
  require(!pool.match_labels.empty());
  require(!pool.target_ports.empty() && pool.target_ports.size() <= discovery::kMaxTargetPorts);
  require(std::set(pool.target_ports.begin(), pool.target_ports.end()).size() == pool.target_ports.size());
  require(std::find(pool.target_ports.begin(), pool.target_ports.end(), 0) == pool.target_ports.end());
  const auto selector = kube::LabelSelector::equal_to(pool.match_labels);
  require(std::get<kube::LabelSelector>(kube::LabelSelector::parse(selector.text())) == selector);
}

// The one pod of a pool, seen, gone and forgotten.
void place(const kube::Pod& pod) {
  const std::vector<std::uint16_t> ports = {8000, 8001};
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table(attributes);
  discovery::PoolState state(table, pod.meta.name_space, std::chrono::seconds(1), {});
  state.set_pool({kube::LabelSelector::equal_to({}), ports, {}});
  const discovery::PoolState::TimePoint now{};
  state.take(state.watches().front().number, {{pod.meta.key(), pod}}, {}, {&pod}, true, now);
  const auto active = discovery::active_ports(pod.meta.annotations, ports);
  require(table.snapshot()->size() == (pod.ready() ? active.ranks.count() : 0));
  state.take(state.watches().front().number, {}, {pod}, {}, false, now);
  require(table.snapshot()->empty());
  state.forget(now + std::chrono::seconds(1));
  require(table.suspended() == 0);
}

void check_rewrite(const kube::InferenceModelRewrite& rewrite) {
  check_meta(rewrite.meta);
  objectives::ObjectiveTable objectives;
  objectives::RewriteTable rewrites;
  discovery::Policies policies(objectives, rewrites, rewrite.pool.value_or(kube::PoolRef{}), {});
  policies.set_pool_present(true);
  policies.set_rewrites({{rewrite.meta.key(), rewrite}});
  for (const std::string& model : rewrites.models()) {
    require(!model.empty());
    if (const auto decision = rewrites.choose(model)) require(!decision->target.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Json object = Json::parse(text, nullptr, false);
  if (object.is_discarded()) return 0;
  switch (data[0]) {
    case 'p':
      check(kube::read_pod(object), [](const kube::Pod& pod) {
        check_meta(pod.meta);
        place(pod);
      });
      break;
    case 'i':
      check(kube::read_inference_pool(object), check_pool);
      break;
    case 'f':
      check(kube::read_inference_pool_v1alpha2(object), check_pool);
      break;
    case 'o':
      check(kube::read_inference_objective(object), [](const kube::InferenceObjective& objective) {
        check_meta(objective.meta);
        require(!objective.pool.name.empty());
      });
      break;
    case 'r':
      check(kube::read_inference_model_rewrite(object), check_rewrite);
      break;
    case 'l':
      check(kube::read_lease(object), [](const kube::Lease& lease) { require(lease == lease); });
      break;
    case 't':
      check(kube::read_token_review(object), [](const kube::TokenReview&) {});
      break;
    case 'a':
      check(kube::read_access_review(object), [](bool) {});
      break;
    case 'k':
      check(kube::read_resource_kinds(object), [](const std::vector<std::string>& kinds) {
        require(std::set(kinds.begin(), kinds.end()).size() == kinds.size());
      });
      break;
    default:
      break;
  }
  return 0;
}
