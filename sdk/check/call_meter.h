// One call into the library: what it costs, what it throws, whether it waited.
//
// A meter belongs to one thread.
#pragma once

#include "check/channel.h"
#include "check/watch.h"

#include <epp/abi.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace epp::check {

// Which function is called, as reports name it. A literal: it is remembered by address.
struct Function {
  const char* name;  // "epp.scorer/1 score"
};

// A lent error buffer with a fence behind each text.
class ErrorProbe {
 public:
  ErrorProbe();
  // For the next call; every few calls NULL, which the ABI allows.
  epp_error* next();
  // The text of the last call; empty when there was none.
  std::string message() const;
  bool given() const { return given_; }
  bool intact() const;

 private:
  static constexpr char kFence = '\x5a';
  epp_error error_{};
  std::array<char, 512 + 16> message_{};
  std::array<char, 64 + 16> reason_{};
  uint32_t turn_ = 0;
  bool given_ = true;
};

class CallMeter {
 public:
  CallMeter(Channel& channel, std::string type, double budget_ms);

  // What the calls are about from now on, for findings: "7 endpoints, extreme values, a small request".
  void scene(uint32_t endpoints, std::string text);
  const std::string& scene_text() const { return text_; }

  // Calls `fn`. False when it threw.
  template <typename Fn>
  bool call(Function function, Fn&& fn) {
    const Watch::Scope scope(Doing::kCall, function.name);
    begin();
    try {
      fn();
    } catch (const std::exception& e) {
      threw(function, e.what());
      return false;
    } catch (...) {
      threw(function, "something that is no std::exception");
      return false;
    }
    end(function);
    return true;
  }

  ErrorProbe& error() { return error_; }
  // A status of the last call: known, its texts within their buffers. `tolerated` errors are an answer, others only
  // noted when every call of the function fails. True for EPP_OK.
  bool judge_status(Function function, epp_status status, bool tolerated = false);

  void fail(std::string_view check, Function function, const std::string& what);
  void warn(std::string_view check, Function function, const std::string& what);

  void forget_durations() { durations_.clear(); }
  // Judges and reports durations; `timings`: also lists them.
  void conclude(bool timings);

 private:
  struct Durations {
    std::vector<float> wall_us;
    std::vector<float> cpu_us;
    uint64_t waits = 0;  // calls that gave up the processor and were gone for a while
    float longest_wait_us = 0;
    uint64_t errors = 0;
    std::string first_error;
  };
  struct Reading {
    int64_t wall_ns = 0;
    int64_t cpu_ns = 0;
    long switches = 0;  // voluntary ones
    uint32_t floating_point = 0;
  };
  static Reading read();
  void begin();
  void end(Function function);
  void threw(Function function, std::string_view what);
  Durations& durations(Function function);

  Channel& channel_;
  std::string type_;
  double budget_ms_;
  uint32_t endpoints_ = 0;
  std::string text_;
  ErrorProbe error_;
  Reading before_;
  std::map<std::pair<std::string_view, uint32_t>, Durations> durations_;
};

}  // namespace epp::check
