// Keeps the thread that passes it until the test opens it.
#pragma once

#include <latch>

namespace epp::flowcontrol::testing {

/// For one visitor; those after the first go through once it is open.
class Door {
 public:
  void pass() {
    if (!reached_.try_wait()) reached_.count_down();
    opened_.wait();
  }
  void await_visitor() { reached_.wait(); }
  void open() { opened_.count_down(); }

 private:
  std::latch reached_{1}, opened_{1};
};

}  // namespace epp::flowcontrol::testing
