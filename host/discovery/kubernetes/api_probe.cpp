#include "discovery/kubernetes/api_probe.h"

#include "kube/object_reader.h"
#include "net/io_pool.h"
#include "net/timer.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace epp::discovery {
namespace {

using Kinds = std::vector<std::string>;

// nullopt: no answer to the question.
std::optional<Kinds> kinds_of(const kube::ApiResult& result) {
  if (result.status == 404) return Kinds();
  if (!result.ok()) return std::nullopt;
  std::string why;
  const auto object = kube::read_object(result.body, why);
  if (!object) return std::nullopt;
  auto kinds = kube::read_resource_kinds(*object);
  if (Kinds* read = std::get_if<Kinds>(&kinds)) return std::move(*read);
  return std::nullopt;
}

}  // namespace

struct ApiProbe::State : std::enable_shared_from_this<State> {
  State(kube::Client& api, net::IoPool& pool, ApiProbeOptions wanted, Round told)
      : client(api), options(std::move(wanted)), round(std::move(told)), wait(options.first_wait), timer(pool) {}

  void ask() {
    std::lock_guard lock(mutex);
    if (stopped) return;
    served.clear();
    calls.clear();
    open = options.apis.size();
    for (const std::string& api : options.apis) {
      kube::ApiRequest request;
      request.path = "/apis/" + api;
      calls.push_back(client.send(std::move(request), [weak = weak_from_this(), api](const kube::ApiResult& result) {
        if (const auto self = weak.lock()) self->answered(api, result);
      }));
    }
  }

  void answered(const std::string& api, const kube::ApiResult& result) {
    auto kinds = kinds_of(result);
    ServedKinds all;
    {
      std::lock_guard lock(mutex);
      if (stopped) return;
      if (kinds) served[api] = std::move(*kinds);
      if (--open > 0) return;
      all = served;
    }
    const bool complete = all.size() == options.apis.size();
    const bool again = round(all);
    std::lock_guard lock(mutex);
    if (stopped || !again) return;
    timer.once(complete ? options.interval : wait, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->ask();
    });
    wait = complete ? options.first_wait : std::min(wait * 2, options.interval);
  }

  void stop() {
    std::vector<kube::ApiCall> running;
    {
      std::lock_guard lock(mutex);
      stopped = true;
      running.swap(calls);
    }
    for (kube::ApiCall& call : running)
      call.cancel();
    timer.cancel();
  }

  kube::Client& client;
  const ApiProbeOptions options;
  const Round round;

  std::mutex mutex;  // guards the rest
  bool stopped = false;
  std::size_t open = 0;  // calls without an answer yet
  ServedKinds served;    // of the round under way
  std::vector<kube::ApiCall> calls;
  std::chrono::milliseconds wait;
  net::Timer timer;
};

ApiProbe::ApiProbe(kube::Client& client, net::IoPool& pool, ApiProbeOptions options, Round round)
    : state_(std::make_shared<State>(client, pool, std::move(options), std::move(round))) {}

ApiProbe::~ApiProbe() {
  stop();
}

void ApiProbe::start() {
  state_->ask();
}

void ApiProbe::stop() {
  state_->stop();
}

}  // namespace epp::discovery
