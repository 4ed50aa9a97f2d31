// The command line of epp-try.
#pragma once

#include "exchange.h"

#include <chrono>
#include <optional>
#include <string>

namespace epp::trial {

struct Options {
  std::string to = "127.0.0.1:9002";
  bool tls = false;  // without a look at the certificate
  unsigned count = 1;
  std::chrono::nanoseconds patience{0};
  Question question;
};

// Nothing when the process shall end with `status` instead; what there is to say was printed.
std::optional<Options> parse_options(int argc, const char* const* argv, int& status);

}  // namespace epp::trial
