// What is asked of a server in one measurement.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace epp::bench {

/// How large the endpoints' metrics pages are: 1.3 KB, 37 KB, 50 KB.
enum class Page : std::uint8_t { kSmall, kVllm, kFull };

struct Workload {
  std::size_t prompt_bytes = 1024;
  unsigned endpoints = 8;
  unsigned streams = 16;  ///< open at once; 0: no traffic at all, what scraping costs
  unsigned connections = 1;
  double shared_prefix = 0.5;  ///< share of a prompt that others begin with as well
  bool response = false;       ///< also the answer: headers and server-sent events
  Page page = Page::kFull;
  std::chrono::milliseconds refresh{50};  ///< how often each endpoint is scraped

  bool operator==(const Workload&) const = default;
  std::string describe() const;
};

}  // namespace epp::bench
