// An admission that answers when the test says so, and keeps account of its tickets.
#pragma once

#include "lifecycle/admission.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace epp::lifecycle::testing {

class Gate final : public Admission {
 public:
  Answer admit(const AdmissionRequest& request, const AdmissionReceiverPtr& receiver) override {
    ++asked;
    fairness = request.fairness_id;
    bytes = request.bytes;
    cost = request.cost;
    weight = request.weight;
    ttl_ns = request.ttl_ns;
    open = [receiver](AdmissionOutcome outcome) { receiver->on_admission(std::move(outcome)); };
    Answer answer;
    answer.waiting = !pass;
    answer.ticket = std::make_unique<Ticket>(*this);
    return answer;
  }
  void capacity_changed() override { ++changes; }

  bool pass = false;  ///< admit at once

  int asked = 0;
  int withdrawn = 0;  ///< tickets destroyed
  int changes = 0;
  std::string fairness;
  std::uint64_t bytes = 0;
  std::int64_t cost = 0;
  double weight = 0;
  std::uint64_t ttl_ns = 0;
  std::function<void(AdmissionOutcome)> open;
  std::vector<std::string> account;  ///< what tickets were told, in order: "scheduled 0", "settled 7", "ended"

 private:
  struct Ticket final : flowcontrol::Ticket {
    explicit Ticket(Gate& of) : gate(of) {}
    ~Ticket() override {
      ++gate.withdrawn;
      gate.account.emplace_back("ended");
    }
    void scheduled(std::uint32_t slot, std::uint64_t) override {
      gate.account.push_back("scheduled " + std::to_string(slot));
    }
    void settle(std::int64_t tokens) override { gate.account.push_back("settled " + std::to_string(tokens)); }
    Gate& gate;
  };
};

}  // namespace epp::lifecycle::testing
