#include "kube/election/lease_elector.h"

#include "kube/election/lease_core.h"
#include "kube/election/lease_record.h"
#include "kube/object_reader.h"
#include "net/http_message.h"
#include "net/timer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

LeaseClock clock_now() {
  return {.now = Steady::now(), .wall = std::chrono::system_clock::now()};
}

LeaseCore::Random uniform() {
  return [engine = std::minstd_rand(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

}  // namespace

// Steps follow each other, at most one request is under way. The mutex serialises them with the deadline and with
// release(), and covers the calls of the listener.
struct LeaseElector::State : std::enable_shared_from_this<State> {
  State(Client& api, net::IoPool& pool, ElectionOptions wanted, ElectionListener& told)
      : client(api),
        options(std::move(wanted)),
        listener(told),
        core(options, uniform()),
        retry(pool),
        deadline(pool) {}

  // Runs `member` on the live state, unless it is stopped. For callbacks.
  template <class Member>
  auto later(Member member) {
    return [weak = weak_from_this(), member] {
      if (const auto self = weak.lock()) {
        const std::lock_guard lock(self->mutex);
        if (!self->stopped) ((*self).*member)();
      }
    };
  }

  // --- under the mutex -------------------------------------------------------------------------------------------
  void wake() {
    if (!releasing && !lost) take(core.wake(clock_now()));
  }

  void take(const LeaseStep& step) {
    switch (step.kind) {
      case LeaseStep::Kind::kWait:
        retry.once(step.wait, later(&State::wake));
        break;
      case LeaseStep::Kind::kEnd:
        ended = true;
        done.notify_all();
        break;
      case LeaseStep::Kind::kGet:
      case LeaseStep::Kind::kCreate:
      case LeaseStep::Kind::kUpdate:
        send(step);
        break;
    }
  }

  std::string collection(std::string_view api, std::string_view plural) const {
    return std::string(api) + "/namespaces/" + net::escape_path(options.name_space) + "/" + std::string(plural);
  }

  void send(const LeaseStep& step) {
    ApiRequest request;
    request.path = collection("/apis/coordination.k8s.io/v1", "leases");
    if (step.kind != LeaseStep::Kind::kCreate) request.path += "/" + net::escape_path(options.lease_name);
    if (step.kind != LeaseStep::Kind::kGet) {
      request.method = step.kind == LeaseStep::Kind::kCreate ? "POST" : "PUT";
      const bool over = step.kind == LeaseStep::Kind::kUpdate;
      request.body = lease_body(step.record, options.name_space, options.lease_name, over ? object : Json());
    }
    request.timeout = std::max(milliseconds(1000), options.renew_deadline / 2);
    request.total_timeout = request.timeout;
    call = client.send(std::move(request), [weak = weak_from_this()](const ApiResult& result) {
      if (const auto self = weak.lock()) self->on_result(result);
    });
  }

  LeaseOutcome read(const ApiResult& result) {
    if (result.status == 404) return {.kind = LeaseOutcome::Kind::kMissing};
    if (result.status == 409) return {.kind = LeaseOutcome::Kind::kConflict};
    std::string why = result.ok() ? std::string() : result.describe();
    if (result.ok()) {
      if (auto json = read_object(result.body, why)) {
        Read<Lease> lease = read_lease(*json);
        if (auto* good = std::get_if<Lease>(&lease)) {
          object = std::move(*json);
          told_error.clear();
          return {.kind = LeaseOutcome::Kind::kDone, .record = std::move(*good)};
        }
        why = result.what + ": " + std::get<Invalid>(lease).field + " " + std::get<Invalid>(lease).text;
      }
    }
    if (why != std::exchange(told_error, why)) listener.on_election_error(why);
    return {.kind = LeaseOutcome::Kind::kFailed};
  }

  // Tells what has changed.
  void settle() {
    if (core.holder() != told_holder) {
      told_holder = core.holder();
      listener.on_leader_changed(told_holder);
    }
    if (lost || releasing) return;
    const auto now = Steady::now();
    if (core.leading(now)) {
      const Steady::time_point until = *core.leads_until();
      leads_until.store(until.time_since_epoch(), std::memory_order_relaxed);
      deadline.once(until - now, later(&State::settle));
      if (!std::exchange(leads, true)) {
        write_event("became leader");
        listener.on_started_leading();
      }
    } else if (leads) {
      stop_leading(kLeadLost);
      if (options.rejoin) return;
      lost = true;
      give_back();
    }
  }

  // While a request is under way, its outcome leads on to this.
  void give_back() {
    if (auto step = core.release(clock_now())) take(*step);
  }

  void stop_leading(std::string_view why) {
    leads = false;
    leads_until.store({}, std::memory_order_relaxed);
    write_event("stopped leading");
    listener.on_stopped_leading(why);
  }

  void write_event(const std::string& what) {
    if (!options.write_events) return;
    Lease record;
    record.meta.uid = metadata_text(object, "uid");
    record.meta.resource_version = metadata_text(object, "resourceVersion");
    ApiRequest request;
    request.method = "POST";
    request.path = collection("/api/v1", "events");
    request.body = election_event_body(record, options.name_space, options.lease_name, options.identity + " " + what,
                                       std::chrono::system_clock::now());
    client.send(std::move(request), [](const ApiResult&) {});  // nobody depends on it
  }
  // ---------------------------------------------------------------------------------------------------------------

  void on_result(const ApiResult& result) {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    LeaseStep step = core.on_outcome(read(result), clock_now());
    settle();
    take(step);
  }

  void release(milliseconds limit) {
    std::unique_lock lock(mutex);
    if (!started || stopped || std::exchange(releasing, true)) return;
    if (leads) stop_leading(kReleased);
    if (!lost) give_back();
    done.wait_for(lock, limit, [this] { return ended; });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
    }
    retry.cancel();
    deadline.cancel();
    call.cancel();
  }

  Client& client;
  const ElectionOptions options;
  ElectionListener& listener;
  std::atomic<Steady::duration> leads_until{};

  std::mutex mutex;  // guards the rest
  std::condition_variable done;
  LeaseCore core;
  net::Timer retry;
  net::Timer deadline;
  ApiCall call;
  Json object;  // as the server gave it last
  bool started = false;
  bool leads = false;  // as it was told to the listener
  bool lost = false;   // takes no part any more
  bool releasing = false;
  bool ended = false;
  bool stopped = false;
  std::string told_holder;
  std::string told_error;
};

LeaseElector::LeaseElector(Client& client, net::IoPool& pool, ElectionOptions options, ElectionListener& listener)
    : state_(std::make_shared<State>(client, pool, std::move(options), listener)) {}

LeaseElector::~LeaseElector() {
  state_->stop();
}

void LeaseElector::start() {
  const std::lock_guard lock(state_->mutex);
  if (!std::exchange(state_->started, true)) state_->wake();
}

bool LeaseElector::leading() const {
  return Steady::now().time_since_epoch() < state_->leads_until.load(std::memory_order_relaxed);
}

void LeaseElector::release(std::chrono::milliseconds limit) {
  state_->release(limit);
}

}  // namespace epp::kube
