// Deficit round robin over tokens, for requests whose true cost is known only after they were served.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace epp::builtin {

// The active flows stand in a ring. The one whose turn it is gets its share, quantum x weight tokens, and is served
// while any are left; what it is charged beyond them is a debt that its next shares pay first. So the tokens of flows
// that are always active stay within a quantum and a request of what their weights say.
//
//   - A flow that becomes active stands last, with no tokens saved up; the rounds that it missed have paid of its debt.
//   - When the last active flow becomes idle all debts are void: nobody is kept waiting.
//   - When all are in debt, as many rounds pass at once as leave one of them a round away from being served.
//
// A request costs as many turns as it has quanta: O(1) on average for a quantum of about the average request. No more
// than three turns a flow in one call.
class TokenRounds {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // `quantum` 0: a running average of what requests cost, so that a turn is about one request.
  explicit TokenRounds(double quantum) : quantum_(quantum), follows_cost_(quantum == 0) {}

  void add(uint32_t index) {
    if (index >= flows_.size()) flows_.resize(index + size_t{1});
    flows_[index] = Flow{};
  }

  // Also for a new weight (> 0) of a flow that is active.
  void activate(uint32_t index, double weight) {
    Flow& flow = flows_[index];
    if (flow.active()) {
      flow.weight = weight;
      return;
    }
    flow.turn = front_ == kNone ? round_ + 1 : flows_[flows_[front_].previous].turn;
    forgive(flow, flow.turn - 1);
    flow.weight = weight;
    flow.given = false;
    if (front_ == kNone) {
      front_ = flow.next = flow.previous = index;
      return;
    }
    flow.next = front_;
    flow.previous = flows_[front_].previous;
    flows_[flow.previous].next = index;
    flows_[front_].previous = index;
  }

  void deactivate(uint32_t index) {
    Flow& flow = flows_[index];
    if (!flow.active()) return;
    flow.paid_until = flow.given ? flow.turn : flow.turn - 1;
    flow.busy_period = busy_period_;
    if (flow.next == index) {
      front_ = kNone;
      ++busy_period_;
    } else {
      flows_[flow.next].previous = flow.previous;
      flows_[flow.previous].next = flow.next;
      if (front_ == index) front_ = flow.next;
    }
    flow.next = flow.previous = kNone;
  }

  // The active flow that goes next; kNone when all are idle.
  uint32_t next() {
    if (front_ == kNone) return kNone;
    uint32_t first_in_debt = kNone;
    double fewest_rounds = std::numeric_limits<double>::infinity();
    for (;;) {
      if (front_ == first_in_debt) {
        pass_rounds(fewest_rounds);
        first_in_debt = kNone;
        fewest_rounds = std::numeric_limits<double>::infinity();
      }
      Flow& flow = flows_[front_];
      if (!flow.given) {
        // The same for all flows of a round, or whoever follows an expensive request would get more.
        if (follows_cost_ && flow.turn > round_) quantum_ = average_cost_;
        flow.tokens += share_of(flow);
        flow.given = true;
        round_ = flow.turn;
      }
      if (flow.tokens > 0) return front_;
      if (first_in_debt == kNone) first_in_debt = front_;
      fewest_rounds = std::min(fewest_rounds, std::floor(-flow.tokens / share_of(flow)));
      flow.given = false;
      flow.turn += 1;
      front_ = flow.next;
    }
  }

  // For a request of its that next() just let go.
  void charge(uint32_t index, double tokens) {
    flows_[index].tokens -= tokens;
    average_cost_ += average_cost_ == 0 ? tokens : (tokens - average_cost_) * kAverageGain;
  }

  // What an earlier request turned out to cost beyond that.
  void settle(uint32_t index, double tokens) {
    if (front_ == kNone) return;
    Flow& flow = flows_[index];
    if (!flow.active()) forgive(flow, round_);
    flow.tokens -= tokens;
  }

 private:
  struct Flow {
    double tokens = 0;  // left of its share; negative: a debt
    double weight = 1;
    double turn = 0;           // active: the round of its present or next turn
    double paid_until = 0;     // idle: the last round that it had, or that paid of its debt
    uint64_t busy_period = 0;  // idle: in which it was active last
    uint32_t next = kNone;     // in the ring; kNone: idle
    uint32_t previous = kNone;
    bool given = false;  // the share of the present turn
    bool active() const { return next != kNone; }
  };

  // Within what a debt can be divided by.
  double share_of(const Flow& flow) const { return std::clamp(quantum_ * flow.weight, 1e-3, 1e15); }

  // An idle flow, up to `round`: it saves nothing up, and shares it did not get pay its debt.
  void forgive(Flow& flow, double round) const {
    if (flow.busy_period != busy_period_) {
      flow.tokens = 0;
    } else {
      const double missed = std::max(0.0, round - flow.paid_until);
      flow.tokens = std::min(0.0, std::min(0.0, flow.tokens) + missed * share_of(flow));
    }
    flow.busy_period = busy_period_;
    flow.paid_until = round;
  }

  void pass_rounds(double rounds) {
    if (rounds < 1) return;
    uint32_t index = front_;
    do {
      Flow& flow = flows_[index];
      flow.tokens += rounds * share_of(flow);
      flow.turn += rounds;
      index = flow.next;
    } while (index != front_);
  }

  static constexpr double kAverageGain = 1.0 / 64;

  double quantum_;
  bool follows_cost_;
  double average_cost_ = 0;
  std::vector<Flow> flows_;  // by index
  uint32_t front_ = kNone;   // whose turn it is
  double round_ = 0;
  uint64_t busy_period_ = 0;
};

}  // namespace epp::builtin
