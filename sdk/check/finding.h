// What a check says about a library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace epp::check {

enum class Verdict : uint8_t { kOk, kSkipped, kWarning, kFail };
std::string_view to_string(Verdict verdict);  // "ok", "skipped", "warning", "FAIL"

struct Finding {
  std::string check;  // id
  Verdict verdict = Verdict::kOk;
  std::string type;  // plugin type, "" when it is about the library
  std::string text;  // one sentence: what was seen
};

// Durations of one function of a type, in microseconds of wall time.
struct Timing {
  std::string type;
  std::string point;  // "epp.scorer/1 score"
  uint32_t endpoints = 0;
  uint64_t calls = 0;
  double p50_us = 0;
  double p99_us = 0;
  double max_us = 0;
};

}  // namespace epp::check
