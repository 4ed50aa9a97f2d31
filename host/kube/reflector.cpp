#include "kube/reflector.h"

#include "kube/reflector_core.h"
#include "net/io_pool.h"
#include "net/timer.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace epp::kube {

using Clock = std::chrono::steady_clock;

// One request or one wait is under way at any time, and its callback begins the next: that alone serialises the core.
struct Reflector::State : std::enable_shared_from_this<State> {
  State(Client& api, net::IoPool& pool, ReflectorOptions options, ObjectSink& sink, ReflectorObserver* observer)
      : client(api),
        path(options.path),
        timer(pool),
        engine(std::random_device{}()),
        core(std::move(options), sink, observer, [this] { return uniform(engine); }) {}

  void follow(ReflectorCore::Ask ask);
  void send(const ReflectorCore::Ask& ask);
  void ended(const ApiResult& result);
  void stop();

  // Runs `work` unless the reflector is stopped; while it runs, stop() on another thread waits.
  template <class Work>
  bool run(Work work);

  Client& client;
  const std::string path;
  net::Timer timer;
  std::mt19937_64 engine;
  std::uniform_real_distribution<double> uniform{0, 1};
  ReflectorCore core;
  std::atomic<bool> synced{false};
  std::atomic<bool> watching{false};

  std::mutex mutex;  // guards the rest
  std::condition_variable idle;
  bool started = false;
  bool stopped = false;
  std::thread::id running;
  ApiCall call;
};

template <class Work>
bool Reflector::State::run(Work work) {
  {
    std::lock_guard lock(mutex);
    if (stopped) return false;
    running = std::this_thread::get_id();
  }
  struct Leave {
    State& state;
    ~Leave() {
      std::lock_guard lock(state.mutex);
      state.running = {};
      state.idle.notify_all();
    }
  } leave{*this};
  work();
  std::lock_guard lock(mutex);
  synced = core.synced();
  watching = core.watching() && !stopped;
  return !stopped;
}

void Reflector::State::follow(ReflectorCore::Ask ask) {
  if (ask.wait.count() <= 0) return send(ask);
  std::lock_guard lock(mutex);
  if (stopped) return;
  // Held by the handle alone: a wait ends with the reflector.
  timer.once(ask.wait, [weak = weak_from_this(), ask] {
    if (const auto self = weak.lock()) self->send(ask);
  });
}

void Reflector::State::send(const ReflectorCore::Ask& ask) {
  ApiRequest request;
  request.path = path;
  request.query = ask.query;
  request.timeout = ask.timeout;
  request.idle_timeout = ask.idle_timeout;
  request.head_timeout = ask.head_timeout;
  // The call's callback holds this.
  request.on_open = [this] { run([this] { core.opened(Clock::now()); }); };
  request.on_data = [this](std::string_view piece) {
    bool wanted = false;
    return run([&] { wanted = core.data(piece, Clock::now()); }) && wanted;
  };
  std::lock_guard lock(mutex);
  if (stopped) return;
  call = client.send(std::move(request), [self = shared_from_this()](const ApiResult& result) { self->ended(result); });
}

void Reflector::State::ended(const ApiResult& result) {
  ReflectorCore::Ask next;
  const bool go_on = run([&] {
    try {
      next = core.ended(result, Clock::now());
    } catch (const std::exception& fault) {
      next = core.faulted(fault.what(), Clock::now());
    }
  });
  if (go_on) follow(std::move(next));
}

void Reflector::State::stop() {
  ApiCall open;
  {
    std::unique_lock lock(mutex);
    stopped = true;
    open = std::exchange(call, {});
    watching = false;
    if (running != std::this_thread::get_id()) idle.wait(lock, [&] { return running == std::thread::id(); });
  }
  open.cancel();
  timer.cancel();
}

Reflector::Reflector(Client& client, net::IoPool& pool, ReflectorOptions options, ObjectSink& sink,
                     ReflectorObserver* observer)
    : state_(std::make_shared<State>(client, pool, std::move(options), sink, observer)) {}

Reflector::~Reflector() {
  stop();
}

void Reflector::start() {
  {
    std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->started, true)) return;
  }
  state_->follow(state_->core.start());
}

void Reflector::stop() {
  state_->stop();
}

bool Reflector::synced() const {
  return state_->synced;
}

bool Reflector::watching() const {
  return state_->watching;
}

}  // namespace epp::kube
