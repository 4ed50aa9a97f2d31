#pragma once

#include <cstdio>
#include <string>

namespace epp::demo {

// What a bounded run has found, said as it is found.
class Verdict {
 public:
  void expect(bool holds, const std::string& what) {
    std::printf("%-7s %s\n", holds ? "ok" : "WRONG", what.c_str());
    std::fflush(stdout);
    wrong_ += holds ? 0 : 1;
  }

  // The exit code.
  int code() const {
    std::printf(wrong_ == 0 ? "all right\n" : "%d things were wrong\n", wrong_);
    return wrong_ == 0 ? 0 : 1;
  }

 private:
  int wrong_ = 0;
};

}  // namespace epp::demo
