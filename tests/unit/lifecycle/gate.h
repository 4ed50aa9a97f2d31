// An admission that answers when the test says so.
#pragma once

#include "lifecycle/admission.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace epp::lifecycle::testing {

class Gate final : public Admission {
 public:
  Answer admit(const AdmissionRequest& request, Done done) override {
    ++asked;
    fairness = request.fairness_id;
    bytes = request.bytes;
    open = std::move(done);
    Answer answer;
    answer.ticket = std::make_unique<Ticket>(*this);
    return answer;
  }

  int asked = 0;
  int withdrawn = 0;
  std::string fairness;
  std::uint64_t bytes = 0;
  Done open;

 private:
  struct Ticket final : AdmissionTicket {
    explicit Ticket(Gate& of) : gate(of) {}
    ~Ticket() override { ++gate.withdrawn; }
    Gate& gate;
  };
};

}  // namespace epp::lifecycle::testing
