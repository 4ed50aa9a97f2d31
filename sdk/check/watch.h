// What the library does to the host while it is checked.
//
// Instances are given a host whose tables pass every call on and note what they saw: which headers are read (the next
// requests have them), which timers run, and calls that come where they may not. A host's functions have no context
// of their own, so there is one Watch in the process.
#pragma once

#include "check/channel.h"

#include <epp/abi.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace epp::check {

// What this thread is doing for the library.
enum class Doing : uint8_t { kNothing, kCreate, kMain, kCall };

class Watch {
 public:
  static Watch& get();
  void attach(Channel& channel, std::string type);

  // [any thread] Of this thread; the place is what a finding names.
  static Doing doing();
  static const char* place();
  class Scope {
   public:
    Scope(Doing what, const char* place);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Doing before_;
    const char* place_before_;
  };

  // ---- instances, by what they show to the host ----
  void born(epp_self* self);
  void died(epp_self* self);
  // Timers that it has not stopped, single ones that have fired not counted. Forgets them.
  size_t forget_timers(epp_self* self);
  size_t timers() const;

  // ---- what was read: names, for the next requests ----
  void learn_header(std::string_view name);
  void learn_metadata(std::string_view name_space, std::string_view key);
  std::vector<std::string> headers() const;
  std::vector<std::pair<std::string, std::string>> metadata() const;

  // ---- for the tables ----
  uint64_t start_timer(epp_self* self, uint64_t delay_ns, uint64_t period_ns, void (*fn)(void*), void* arg);
  void stop_timer(epp_self* self, uint64_t id);
  void expect_main(std::string_view function, epp_self* self);
  bool expect_alive(std::string_view function, epp_self* self);
  void state_without_drop();

 private:
  struct Timer {
    epp_self* self = nullptr;
    uint64_t id = 0;  // the host's
    void (*fn)(void*) = nullptr;
    void* arg = nullptr;
    bool single = false;
  };

  Watch() = default;
  static void fire(void* key);

  Channel* channel_ = nullptr;
  std::string type_;
  mutable std::mutex mutex_;
  std::set<epp_self*> alive_;
  std::map<uintptr_t, Timer> timers_;  // by what fire is told
  uintptr_t last_timer_ = 0;
  std::set<std::string, std::less<>> headers_;
  std::set<std::pair<std::string, std::string>> metadata_;
};

}  // namespace epp::check
