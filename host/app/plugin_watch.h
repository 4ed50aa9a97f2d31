// Looks at plugin calls while they run: says which plugin hangs, and has the threads that long calls keep relieved.
#pragma once

#include "app/plugin_services.h"
#include "plugins/watchdog.h"
#include "telemetry/log.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace epp::extproc {
class Server;
}

namespace epp::app {

// Owns the thread that looks: a call that hangs cannot be noticed by the one that made it. At most one in a process.
class PluginWatch final : private plugins::LongCallListener {
 public:
  PluginWatch(PluginObserver& observer, telemetry::Logger log);
  ~PluginWatch() override;
  PluginWatch(const PluginWatch&) = delete;
  PluginWatch& operator=(const PluginWatch&) = delete;

  // Threads of `server` get reliefs until release_servers(). [any thread]
  void guard(extproc::Server& server);
  // Before the servers are destroyed; plugins are still watched. [any thread]
  void release_servers();

 private:
  struct Note {
    std::int32_t thread_id;
    bool is_long;  // else it is back
  };

  // On whatever thread looks or frees an instance, under the board's mutex: they only take notes.
  void on_long(const plugins::LongCall& call) override;
  void on_hung(const plugins::LongCall& call) override;
  void on_returned(const plugins::LongCall& call) override;

  void run();
  void act_on_notes();

  PluginObserver& observer_;
  const telemetry::Logger log_;

  std::mutex mutex_;  // guards these three
  std::condition_variable ending_;
  bool over_ = false;
  std::vector<Note> notes_;

  std::mutex servers_mutex_;  // held while they are told
  std::vector<extproc::Server*> servers_;

  plugins::Watchdog watchdog_;  // lets go of calls when it goes, which takes notes
  std::thread thread_;
};

}  // namespace epp::app
