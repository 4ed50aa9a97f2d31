// What is asked of a server in one measurement.
#pragma once

#include <cstddef>
#include <string>

namespace epp::bench {

struct Workload {
  std::size_t prompt_bytes = 1024;
  unsigned endpoints = 8;
  unsigned streams = 16;  ///< open at once; 0: no traffic at all, what scraping costs
  unsigned connections = 1;
  double shared_prefix = 0.5;  ///< share of a prompt that others begin with as well
  bool response = false;       ///< also the answer: headers and server-sent events

  std::string describe() const;
};

}  // namespace epp::bench
