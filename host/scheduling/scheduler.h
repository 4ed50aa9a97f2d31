// Scheduling: profiles of filters, scorers and a picker; a handler decides which profiles run.
//
//   candidates -> [filter]* -> [scorer x weight]* -> picker -> targets        (one profile)
//   handler.pick -> run profiles -> handler.pick ... -> handler.process       (one request)
//
// Sans-IO and reentrant: a Scheduler is immutable, all working memory is the caller's Workspace, which is recycled so
// that a decision allocates nothing once warm. total = sum of clamp(score, 0, 1) * weight, not divided by the weights;
// NaN and errors count as 0. An answer with an endpoint that was not given is refused whole and counted.
#pragma once

#include "plugins/instance.h"
#include "plugins/request_context.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::plugins {
struct Call;
}

namespace epp::scheduling {

struct WeightedScorer {
  plugins::InstancePtr instance;
  double weight = 1.0;
};

struct ProfileConfig {
  std::string name;
  std::vector<plugins::InstancePtr> filters;  // in manifest order
  std::vector<WeightedScorer> scorers;        // in manifest order
  plugins::InstancePtr picker;
};

// Why there is no decision. `status` is EPP_ERR_*; message and reason as the client sees them after
// "inference error: <Code> - ".
struct ScheduleError {
  epp_status status = EPP_ERR_RESOURCE_EXHAUSTED;
  std::string message;
  std::string reason;  // drop reason header, may be empty
};

// Tells what happened inside a run: for spans and the decision log. All methods are optional. [caller's thread]
class ScheduleObserver {
 public:
  virtual ~ScheduleObserver() = default;
  virtual void on_profile_start(std::string_view /*profile*/, const epp_candidates& /*candidates*/) {}
  virtual void on_filtered(std::string_view /*profile*/, uint32_t /*before*/, uint32_t /*after*/) {}
  // Raw scores by position, before clamping and weighting.
  virtual void on_scorer(const plugins::Instance& /*scorer*/, double /*weight*/, const epp_candidates& /*candidates*/,
                         std::span<const double> /*scores*/) {}
  virtual void on_picked(std::string_view /*profile*/, const epp_candidates& /*candidates*/,
                         std::span<const double> /*totals*/, std::span<const uint32_t> /*positions*/) {}
  virtual void on_profile_end(std::string_view /*profile*/, bool /*succeeded*/) {}
};

// Reusable memory and the result of one schedule() call.
class Workspace {
 public:
  Workspace();
  // Ties that the host breaks are then the same in every run.
  explicit Workspace(uint64_t seed);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  // Valid after a successful schedule(), until the next.
  const epp_profile_results& results() const;
  // Slots of the primary profile's targets, best first.
  std::span<const uint32_t> targets() const;

  struct Impl;

 private:
  friend class Scheduler;
  std::unique_ptr<Impl> impl_;
};

class Scheduler {
 public:
  Scheduler(std::vector<ProfileConfig> profiles, plugins::InstancePtr handler);

  // Tells the handler the profile names; its complaint as text, or empty. [main]
  std::string bind();

  // Decides. `candidates` are all endpoints the request may go to. True on success, with the result in `workspace`.
  bool schedule(plugins::RequestContext& request, const epp_candidates& candidates, Workspace& workspace,
                ScheduleError& error, ScheduleObserver* observer = nullptr) const;

  std::span<const ProfileConfig> profiles() const { return profiles_; }

 private:
  // The handler's turns; a negative status is its complaint, with the text in call.error.
  epp_status run_profiles(plugins::Call& call, const epp_candidates& candidates, Workspace::Impl& work,
                          ScheduleObserver* observer) const;
  // Asks for the primary profile and hides what is not to be shown.
  epp_status process(plugins::Call& call, Workspace::Impl& work) const;

  std::vector<ProfileConfig> profiles_;
  plugins::InstancePtr handler_;
};

}  // namespace epp::scheduling
