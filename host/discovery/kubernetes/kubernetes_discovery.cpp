#include "discovery/kubernetes/kubernetes_discovery.h"

#include "discovery/kubernetes/api_groups.h"
#include "discovery/kubernetes/api_probe.h"
#include "discovery/kubernetes/pod_endpoint.h"
#include "discovery/kubernetes/policies.h"
#include "discovery/kubernetes/pool_state.h"
#include "discovery/kubernetes/watched.h"
#include "net/http_message.h"
#include "net/timer.h"

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace epp::discovery {
namespace {

using Clock = std::chrono::steady_clock;
using kube::InferenceModelRewrite;
using kube::InferenceObjective;
using kube::InferencePool;
using kube::Pod;

kube::Read<Pod> read_pool_pod(const kube::Json& object) {
  auto read = kube::read_pod(object);
  if (Pod* pod = std::get_if<Pod>(&read)) bound_annotations(pod->meta.annotations);
  return read;
}

PoolTerms terms_of(const InferencePool& pool) {
  return {kube::LabelSelector::equal_to(pool.match_labels), pool.target_ports, pool.app_protocol};
}

std::string describe(std::string_view what, const PoolTerms& terms) {
  std::string text = std::string(what) + ": selector " + terms.selector.text() + ", ports ";
  for (std::size_t i = 0; i < terms.target_ports.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(terms.target_ports[i]);
  }
  return text;
}

// A kind that is served by one of two groups. When the choice changes, the objects of the former source count until the
// list of the new one is complete.
template <class T>
struct Source {
  std::string kind;
  std::string plural;
  std::string_view api = {};  // chosen; empty: none yet
  bool both_told = false;
  std::shared_ptr<Watched<T>> counting = {};
  std::shared_ptr<Watched<T>> coming = {};
  std::uint64_t coming_number = 0;
  std::uint64_t counting_number = 0;
};

}  // namespace

// Reflectors, probe and timers call in from pool threads; the mutex makes one sequence of it.
struct KubernetesDiscovery::State : std::enable_shared_from_this<State> {
  // What is done with. Its end waits for its last callback, which may be waiting for the mutex: never under it.
  using Retired = std::vector<std::shared_ptr<void>>;
  enum PoolSource : std::size_t { kV1, kFormer };

  State(kube::Client& api, net::IoPool& io, endpoints::EndpointTable& endpoints,
        objectives::ObjectiveTable& objective_table, objectives::RewriteTable& rewrite_table,
        KubernetesDiscoveryOptions wanted, KubernetesObserver* told)
      : client(api),
        pool(io),
        table(endpoints),
        options(std::move(wanted)),
        observer(told != nullptr ? *told : silent),
        pool_state(endpoints, options.name_space, options.forget_after,
                   [this](std::string_view pod, std::string_view text) { observer.on_warning(pod, text); }),
        policies(objective_table, rewrite_table, {.group = options.pool_group, .name = options.pool_name},
                 [this](const std::vector<std::string>& models) { observer.on_models(models); }),
        forget_timer(io) {}

  template <class Work>
  void enter(Work work) {
    Retired retired;
    std::lock_guard lock(mutex);
    if (stopped) return;
    work(retired);
    synced = pool_state.synced();
  }

  void start();
  void stop();

  kube::ReflectorOptions watch_options(std::string resource, std::string path) const;
  void watch_pool(PoolSource source, std::string_view api);
  void settle_pool(Retired& retired);
  void settle_pod_watches(Retired& retired);
  void take_pods(std::uint64_t watch, const Watched<Pod>::Store& store, Watched<Pod>::Store::Changes& changes);
  void forget();

  bool take_round(const ServedKinds& served, Retired& retired);
  template <class T>
  void settle_source(Source<T>& source, const ServedKinds& served, typename Watched<T>::Store::Reader reader,
                     Retired& retired);
  template <class T>
  void take_policies(Source<T>& source, std::uint64_t number, const typename Watched<T>::Store& store, bool listed,
                     Retired& retired);
  void set(const Policies::Objects<InferenceObjective>& all);
  void set(const Policies::Objects<InferenceModelRewrite>& all);

  [[nodiscard]] std::string state_json();

  kube::Client& client;
  net::IoPool& pool;
  endpoints::EndpointTable& table;
  const KubernetesDiscoveryOptions options;
  KubernetesObserver silent;
  KubernetesObserver& observer;
  std::atomic<bool> synced{false};

  std::mutex mutex;  // guards the rest
  bool started = false;
  bool stopped = false;
  PoolState pool_state;
  Policies policies;
  std::array<std::shared_ptr<Watched<InferencePool>>, 2> pool_watches;  // by PoolSource
  std::array<std::optional<PoolTerms>, 2> pools;                        // as each of them has it
  std::map<std::uint64_t, std::shared_ptr<Watched<Pod>>> pod_watches;   // by the number of PoolState
  Source<InferenceObjective> objectives{.kind = "InferenceObjective", .plural = "inferenceobjectives"};
  Source<InferenceModelRewrite> rewrites{.kind = "InferenceModelRewrite", .plural = "inferencemodelrewrites"};
  std::uint64_t last_source = 0;
  std::shared_ptr<ApiProbe> probe;
  std::optional<Clock::time_point> forget_at;
  net::Timer forget_timer;
};

void KubernetesDiscovery::State::start() {
  enter([&](Retired& retired) {
    if (std::exchange(started, true)) return;
    if (options.selector) {
      pool_state.set_pool({*options.selector, options.target_ports, {}});
      observer.on_pool(describe("endpoints by selector", *pool_state.pool()));
      settle_pod_watches(retired);
      return;
    }
    watch_pool(kV1, kPoolApi);
    if (options.pool_group == kFormerGroup) watch_pool(kFormer, kFormerApi);
    ApiProbeOptions asked{.apis = {std::string(kPoolApi), std::string(kPolicyApi), std::string(kFormerApi)}};
    probe = std::make_shared<ApiProbe>(client, pool, std::move(asked),
                                       [weak = weak_from_this()](const ServedKinds& served) {
                                         bool again = false;
                                         if (const auto self = weak.lock()) {
                                           self->enter([&](Retired& done) { again = self->take_round(served, done); });
                                         }
                                         return again;
                                       });
    probe->start();
  });
}

void KubernetesDiscovery::State::stop() {
  Retired retired;
  {
    std::lock_guard lock(mutex);
    stopped = true;
    for (auto& watch : pool_watches)
      retired.push_back(std::exchange(watch, nullptr));
    for (auto& [number, watch] : std::exchange(pod_watches, {}))
      retired.push_back(watch);
    for (auto* watch : {&objectives.counting, &objectives.coming})
      retired.push_back(std::exchange(*watch, nullptr));
    for (auto* watch : {&rewrites.counting, &rewrites.coming})
      retired.push_back(std::exchange(*watch, nullptr));
    retired.push_back(std::exchange(probe, nullptr));
  }
  forget_timer.cancel();
}

kube::ReflectorOptions KubernetesDiscovery::State::watch_options(std::string resource, std::string path) const {
  kube::ReflectorOptions made;
  made.resource = std::move(resource);
  made.path = std::move(path);
  made.idle_timeout = options.idle_timeout;
  return made;
}

void KubernetesDiscovery::State::watch_pool(PoolSource source, std::string_view api) {
  if (pool_watches[source]) return;
  auto wanted = watch_options("inferencepools", collection_path(api, options.name_space, "inferencepools"));
  wanted.field_selector = "metadata.name=" + options.pool_name;
  pool_watches[source] = std::make_shared<Watched<InferencePool>>(
      client, pool, std::move(wanted), source == kV1 ? kube::read_inference_pool : kube::read_inference_pool_v1alpha2,
      [this, source](const auto& store, auto&) {
        enter([&](Retired& retired) {
          const auto found = store.objects().find(options.name_space + "/" + options.pool_name);
          const bool there = found != store.objects().end() && !found->second.meta.deleting;
          pools[source] = there ? std::optional(terms_of(found->second)) : std::nullopt;
          settle_pool(retired);
        });
      },
      &observer, kube::Spoilt::kKept);
  pool_watches[source]->start();
}

void KubernetesDiscovery::State::settle_pool(Retired& retired) {
  const std::string name = "pool " + options.name_space + "/" + options.pool_name;
  const auto& terms = pools[kV1] ? pools[kV1] : pools[kFormer];
  if (terms == pool_state.pool()) return;
  if (terms) {
    observer.on_pool(describe(name, *terms));
    pool_state.set_pool(*terms);
  } else {
    observer.on_pool(name + ": deleted");
    pool_state.clear_pool();
  }
  policies.set_pool_present(terms.has_value());
  settle_pod_watches(retired);
}

void KubernetesDiscovery::State::settle_pod_watches(Retired& retired) {
  const auto wanted = pool_state.watches();
  for (auto at = pod_watches.begin(); at != pod_watches.end();) {
    const bool stays = std::any_of(wanted.begin(), wanted.end(),
                                   [&](const PoolState::Watch& watch) { return watch.number == at->first; });
    if (!stays) retired.push_back(std::move(at->second));
    at = stays ? std::next(at) : pod_watches.erase(at);
  }
  for (const PoolState::Watch& watch : wanted) {
    if (pod_watches.contains(watch.number)) continue;
    auto asked = watch_options("pods", "/api/v1/namespaces/" + net::escape_path(options.name_space) + "/pods");
    asked.label_selector = watch.selector.text();
    const auto listener = [this, number = watch.number](const auto& store, auto& changes) {
      take_pods(number, store, changes);
    };
    const auto made =
        std::make_shared<Watched<Pod>>(client, pool, std::move(asked), read_pool_pod, listener, &observer);
    pod_watches.emplace(watch.number, made);
    made->start();
  }
}

void KubernetesDiscovery::State::take_pods(std::uint64_t watch, const Watched<Pod>::Store& store,
                                           Watched<Pod>::Store::Changes& changes) {
  enter([&](Retired& retired) {
    const bool begins =
        pool_state.take(watch, store.objects(), changes.removed, changes.upserted, changes.listed, Clock::now());
    forget();
    if (!begins) return;
    observer.on_pods_synced(pool_state.pods(), table.snapshot()->size());
    settle_pod_watches(retired);
  });
}

void KubernetesDiscovery::State::forget() {
  const auto now = Clock::now();
  const auto next = pool_state.forget(now);
  if (!next || next == forget_at) return;
  forget_at = next;
  forget_timer.once(*next - now, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->enter([&](Retired&) {
      self->forget_at.reset();
      self->forget();
    });
  });
}

bool KubernetesDiscovery::State::take_round(const ServedKinds& served, Retired& retired) {
  if (serves(served, kPoolApi, "InferencePool") == false && serves(served, kFormerApi, "InferencePool") == true) {
    watch_pool(kFormer, kFormerApi);
  }
  settle_source(objectives, served, kube::read_inference_objective, retired);
  settle_source(rewrites, served, kube::read_inference_model_rewrite, retired);
  return objectives.api != kPolicyApi || rewrites.api != kPolicyApi ||
         serves(served, kPoolApi, "InferencePool") != true;
}

template <class T>
void KubernetesDiscovery::State::settle_source(Source<T>& source, const ServedKinds& served,
                                               typename Watched<T>::Store::Reader reader, Retired& retired) {
  const std::string_view api = choose_api(served, source.kind, kPolicyApi, kFormerApi, source.api);
  if (api == kPolicyApi && serves(served, kFormerApi, source.kind) == true && !std::exchange(source.both_told, true)) {
    observer.on_warning(source.plural, "served by " + std::string(kPolicyApi) + " and by " + std::string(kFormerApi) +
                                           ": those of the latter are ignored");
  }
  if (api == source.api) return;
  source.api = api;
  if (api == kFormerApi) {
    observer.on_warning(source.plural, "read from the deprecated " + std::string(kFormerApi));
  }
  retired.push_back(std::exchange(source.coming, nullptr));
  const std::uint64_t number = ++last_source;
  source.coming_number = number;
  source.coming = std::make_shared<Watched<T>>(
      client, pool, watch_options(source.plural, collection_path(api, options.name_space, source.plural)), reader,
      [this, &source, number](const auto& store, auto& changes) {
        enter([&](Retired& done) { take_policies<T>(source, number, store, changes.listed, done); });
      },
      &observer);
  source.coming->start();
}

template <class T>
void KubernetesDiscovery::State::take_policies(Source<T>& source, std::uint64_t number,
                                               const typename Watched<T>::Store& store, bool listed, Retired& retired) {
  if (listed && source.coming && source.coming_number == number) {
    retired.push_back(std::exchange(source.counting, std::exchange(source.coming, nullptr)));
    source.counting_number = number;
  }
  if (source.counting && source.counting_number == number) set(store.objects());
}

void KubernetesDiscovery::State::set(const Policies::Objects<InferenceObjective>& all) {
  policies.set_objectives(all);
  observer.on_objectives(policies.objectives());
}

void KubernetesDiscovery::State::set(const Policies::Objects<InferenceModelRewrite>& all) {
  policies.set_rewrites(all);
  observer.on_rewrites(policies.rewrites());
}

std::string KubernetesDiscovery::State::state_json() {
  using nlohmann::json;
  std::lock_guard lock(mutex);
  json watches = json::object();
  const auto show = [&](std::string name, const auto& watch) {
    if (watch) watches[std::move(name)] = {{"synced", watch->synced()}, {"connected", watch->watching()}};
  };
  show("inferencepools", pool_watches[kV1]);
  show("inferencepools." + std::string(kFormerGroup), pool_watches[kFormer]);
  for (const auto& [number, watch] : pod_watches)
    show("pods", watch);
  show(objectives.plural, objectives.counting ? objectives.counting : objectives.coming);
  show(rewrites.plural, rewrites.counting ? rewrites.counting : rewrites.coming);

  json state = {{"mode", options.selector ? "selector" : "pool"},
                {"pods", pool_state.pods()},
                {"endpoints", table.snapshot()->size()},
                {"suspended", table.suspended()},
                {"watches", std::move(watches)}};
  json& shown = state["pool"];
  shown["namespace"] = options.name_space;
  if (!options.pool_name.empty()) shown["name"] = options.pool_name;
  if (const auto& terms = pool_state.pool()) {
    shown["selector"] = terms->selector.text();
    shown["targetPorts"] = terms->target_ports;
    if (!terms->app_protocol.empty()) shown["appProtocol"] = terms->app_protocol;
  }
  return state.dump(-1, ' ', false, json::error_handler_t::replace);
}

KubernetesDiscovery::KubernetesDiscovery(kube::Client& client, net::IoPool& pool, endpoints::EndpointTable& table,
                                         objectives::ObjectiveTable& objectives, objectives::RewriteTable& rewrites,
                                         KubernetesDiscoveryOptions options, KubernetesObserver* observer)
    : state_(std::make_shared<State>(client, pool, table, objectives, rewrites, std::move(options), observer)) {}

KubernetesDiscovery::~KubernetesDiscovery() {
  stop();
}

void KubernetesDiscovery::start() {
  state_->start();
}

void KubernetesDiscovery::stop() {
  state_->stop();
}

bool KubernetesDiscovery::synced() const {
  return state_->synced;
}

std::string KubernetesDiscovery::app_protocol() const {
  std::lock_guard lock(state_->mutex);
  const auto& terms = state_->pool_state.pool();
  return terms ? terms->app_protocol : std::string();
}

std::string KubernetesDiscovery::state_json() const {
  return state_->state_json();
}

}  // namespace epp::discovery
