// Flow-control policies played through a history of arrivals, picks, charges and removals, as the contracts in
// epp/ext/fairness.h and ordering.h say the host tells it. The same seed gives the same history.
#pragma once

#include "check/call_meter.h"
#include "check/fenced.h"
#include "check/random.h"
#include "check/request_maker.h"
#include "check/stage.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace epp::check {

class FlowPlay {
 public:
  FlowPlay(Stage& stage, plugins::InstancePtr instance, std::vector<std::string> words, uint64_t seed);
  ~FlowPlay();
  FlowPlay(const FlowPlay&) = delete;
  FlowPlay& operator=(const FlowPlay&) = delete;

  // False when the instance serves no policy.
  bool any() const;
  // So many steps of the history, each a few calls. [dispatcher]
  void play(uint32_t steps);
  CallMeter& meter() { return meter_; }

 private:
  struct Queued {
    std::unique_ptr<MadeRequest> request;
    epp_queued_request item{};
    int64_t key = 0;
    uint64_t arrival = 0;
  };
  struct Flow {
    epp_flow abi{};
    std::string id;
    std::deque<Queued> queue;  // in order
    bool known = false;        // to the policy
  };

  bool open();
  void close();
  void arrive();
  void pick();
  void settle();
  void remove_flow();
  void refresh(Flow& flow);
  void show_head(Flow& flow);
  int64_t key_of(const epp_queued_request& item);
  Queued make_item();

  // Orders of two things, asked in every combination.
  void judge_orders();
  void ask_ceilings();
  void ask_evictions();

  Stage& stage_;
  plugins::InstancePtr instance_;
  std::vector<std::string> words_;
  Random random_;
  CallMeter meter_;
  std::vector<Flow> flows_;
  void* band_ = nullptr;
  uint64_t arrivals_ = 0;
  Fenced<double> ceilings_;
};

}  // namespace epp::check
