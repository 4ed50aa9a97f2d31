// The working memory behind a Workspace. Internal to the room.
#pragma once

#include "plugins/hooks.h"
#include "plugins/instance.h"
#include "plugins/slot_set.h"
#include "scheduling/scheduler.h"

#include <epp/abi.h>
#include <epp/ext/profile_handler.h>

#include <cstdint>
#include <string>
#include <vector>

namespace epp::scheduling {

// SplitMix64: a small, fast, seedable generator, good enough to break ties.
class TieBreaker {
 public:
  explicit TieBreaker(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // Uniform in 0..n-1.
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(((next() >> 32) * n) >> 32); }

 private:
  uint64_t state_;
};

// What one profile's latest run left.
struct ProfileRun {
  uint32_t state = EPP_PROFILE_NOT_RUN;
  std::vector<uint32_t> candidates;  // slots that survived filtering
  std::vector<double> totals;        // by position
  std::vector<uint32_t> targets;     // slots, best first
  epp_status status = EPP_OK;        // of a failed run
  std::string message;
  std::string reason;

  void clear();
  void fail(epp_status with, std::string_view text, std::string_view drop_reason);
};

struct Workspace::Impl {
  explicit Impl(uint64_t seed) : ties(seed) {}

  std::vector<ProfileRun> runs;  // by profile
  std::vector<epp_profile_result> items;
  epp_profile_results results{};
  std::vector<uint32_t> decisions;
  std::vector<uint32_t> include;

  std::vector<double> scores;    // of one scorer
  std::vector<uint32_t> kept;    // of one filter
  std::vector<uint32_t> picked;  // positions
  plugins::SlotSet slots;
  plugins::ErrorBuffer error;
  std::string text;  // for joining messages
  TieBreaker ties;
};

// Runs one profile over `candidates`; the outcome is in `run`.
void run_profile(const ProfileConfig& profile, plugins::Call& call, const epp_candidates& candidates,
                 Workspace::Impl& work, ProfileRun& run, ScheduleObserver* observer);

}  // namespace epp::scheduling
