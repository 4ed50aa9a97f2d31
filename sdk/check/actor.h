// One thread that sends requests through an instance, as the host would: every function that it serves, in the order of
// a request's life. What is wrong with an answer is said on the spot.
#pragma once

#include "check/call_meter.h"
#include "check/fenced.h"
#include "check/request_maker.h"
#include "check/stage.h"

#include <epp/ext/decider.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace epp::check {

struct Scene {
  uint32_t endpoints = 0;  // candidates, at most
  Values values = Values::kOrdinary;
  Shape shape = Shape::kSmall;
};

// Completions of asynchronous producers, from any thread.
class Mailbox final : public plugins::CompletionReceiver {
 public:
  void on_completion(uint64_t token, plugins::Completion completion) override;
  std::optional<plugins::Completion> wait(uint64_t token, uint64_t limit_ns);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, plugins::Completion> arrived_;
};

// What a hook may change while it runs.
class InPhase {
 public:
  InPhase(plugins::RequestContext& context, plugins::Phase phase) : context_(context) { context.phase = phase; }
  ~InPhase() { context_.phase = plugins::Phase::kNone; }
  InPhase(const InPhase&) = delete;
  InPhase& operator=(const InPhase&) = delete;

 private:
  plugins::RequestContext& context_;
};

class Actor {
 public:
  Actor(Stage& stage, plugins::InstancePtr instance, std::vector<std::string> words, uint64_t seed);

  // One request, from its headers to its end.
  void live(const Scene& scene);
  // What has no request: detectors, readiness, dumps.
  void look(const Scene& scene);

  // Tells the handler the profiles; the complaint, or "".
  std::string bind();

  CallMeter& meter() { return meter_; }
  Random& random() { return random_; }
  // Numbers the requests; the same numbers give the same names.
  void restart(uint64_t number) { number_ = number; }

 private:
  void begin(const Scene& scene);
  void choose(uint32_t count);
  bool inputs_intact() const;
  void require_intact(Function function);

  // One extension point each; in actor_scheduling.cpp,
  void screen_or_filter(const epp_filter& table, Function function);
  void score();
  void pick();
  void produce();
  void await(uint64_t token);
  void detect(const epp_reservations* reservations);
  // in actor_request.cpp,
  void header_hook();
  void admit();
  void handle_profiles();
  void decide();
  void pre_request();
  void respond();
  void complete(epp_response& response);
  void fill_results(bool after_scheduling);
  // and in actor_look.cpp.
  void dump_state();

  Stage& stage_;
  plugins::InstancePtr instance_;
  const epp_decider* decider_ = nullptr;  // of the instance, if it is one
  std::vector<std::string> words_;
  Random random_;
  CallMeter meter_;
  uint64_t number_ = 0;

  MadeRequest request_;
  endpoints::SnapshotPtr snapshot_;
  std::vector<uint32_t> slots_;
  std::vector<uint32_t> slots_before_;  // to see whether somebody wrote into the input
  epp_candidates candidates_{};

  Fenced<uint32_t> indexes_;
  Fenced<double> numbers_;
  std::vector<bool> seen_;
  std::vector<double> totals_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  bool never_completes_ = false;

  std::vector<std::string> profiles_{"default"};
  std::vector<epp_profile_result> results_;
  std::vector<uint32_t> targets_;
  epp_profile_results shown_results_{};
  epp_usage usage_{};
};

// Text of a scene for findings.
std::string describe(const Scene& scene);

}  // namespace epp::check
