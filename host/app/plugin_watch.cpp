#include "app/plugin_watch.h"

#include "extproc/server.h"
#include "plugins/clock.h"
#include "plugins/instance.h"

#include <chrono>
#include <utility>

namespace epp::app {

namespace {

constexpr std::chrono::seconds kReportInterval{1};

}  // namespace

PluginWatch::PluginWatch(PluginObserver& observer, telemetry::Logger log)
    : observer_(observer), log_(std::move(log)), watchdog_(*this), thread_([this] { run(); }) {}

PluginWatch::~PluginWatch() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  ending_.notify_one();
  thread_.join();
}

void PluginWatch::guard(extproc::Server& server) {
  const std::lock_guard lock(servers_mutex_);
  servers_.push_back(&server);
}

void PluginWatch::release_servers() {
  const std::lock_guard lock(servers_mutex_);
  servers_.clear();
}

void PluginWatch::on_long(const plugins::LongCall& call) {
  const std::lock_guard lock(mutex_);
  notes_.push_back({call.thread_id, true});
}

void PluginWatch::on_hung(const plugins::LongCall& call) {
  EPP_LOG_ERROR(log_, "the call has taken longer than its budget", "Plugin call hangs",
                {"plugin", call.instance.name()}, {"type", call.instance.type()},
                {"extensionPoint", to_string(call.point)}, {"milliseconds", call.taken_ns / 1'000'000},
                {"callBudgetMilliseconds", call.instance.call_budget_ns() / 1'000'000});
}

void PluginWatch::on_returned(const plugins::LongCall& call) {
  if (call.hangs) {
    EPP_LOG(log_, kInfo, "Plugin call returned", {"plugin", call.instance.name()}, {"type", call.instance.type()},
            {"extensionPoint", to_string(call.point)}, {"milliseconds", call.taken_ns / 1'000'000});
  }
  const std::lock_guard lock(mutex_);
  notes_.push_back({call.thread_id, false});
}

void PluginWatch::run() {
  auto report_at = std::chrono::steady_clock::now() + kReportInterval;
  std::chrono::nanoseconds wait{plugins::kLookIntervalNs};
  std::unique_lock lock(mutex_);
  while (!ending_.wait_for(lock, wait, [this] { return over_; })) {
    lock.unlock();
    const uint64_t now_ns = plugins::clock().now_ns();
    wait = std::chrono::nanoseconds(watchdog_.look(now_ns) - now_ns);
    act_on_notes();
    if (const auto now = std::chrono::steady_clock::now(); now >= report_at) {
      observer_.report_faults();
      report_at = now + kReportInterval;
    }
    lock.lock();
  }
}

// Never from the callbacks: a relief waits for threads that end, and these want the board's mutex.
void PluginWatch::act_on_notes() {
  std::vector<Note> notes;
  {
    const std::lock_guard lock(mutex_);
    notes.swap(notes_);
  }
  if (notes.empty()) return;
  const std::lock_guard lock(servers_mutex_);
  for (const Note& note : notes) {
    for (extproc::Server* server : servers_) {
      if (note.is_long) {
        server->relieve(note.thread_id);
      } else {
        server->dismiss(note.thread_id);
      }
    }
  }
}

}  // namespace epp::app
