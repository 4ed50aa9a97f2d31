#include "check/call_meter.h"

#include "check/process_state.h"
#include "check/sanitizer.h"

#include <algorithm>
#include <ctime>
#include <iterator>

#include <sys/resource.h>

namespace epp::check {

namespace {

constexpr float kWaitUs = 1000;    // a shorter absence is the scheduler's
constexpr uint64_t kFewWaits = 2;  // one may be a page that came from a disk

int64_t read_clock(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double percentile(std::vector<float>& values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return static_cast<double>(values[static_cast<size_t>(at)]);
}

std::string milliseconds(double us) {
  const auto tenths = static_cast<int64_t>(us / 100);
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " ms";
}

}  // namespace

// ---- error buffers ----

ErrorProbe::ErrorProbe() {
  next();
}

epp_error* ErrorProbe::next() {
  given_ = ++turn_ % 7 != 0;
  message_.fill(kFence);
  reason_.fill(kFence);
  error_ = {};
  error_.size = sizeof error_;
  error_.message = message_.data();
  error_.message_capacity = message_.size() - 16;
  error_.reason = reason_.data();
  error_.reason_capacity = reason_.size() - 16;
  return given_ ? &error_ : nullptr;
}

std::string ErrorProbe::message() const {
  return given_ ? std::string(message_.data(), std::min<uint64_t>(error_.message_size, message_.size() - 16))
                : std::string();
}

bool ErrorProbe::intact() const {
  const auto fenced = [](const auto& buffer) {
    return std::all_of(buffer.end() - 16, buffer.end(), [](char c) { return c == kFence; });
  };
  return fenced(message_) && fenced(reason_) && error_.message_size <= message_.size() - 16 &&
         error_.reason_size <= reason_.size() - 16;
}

// ---- meter ----

CallMeter::CallMeter(Channel& channel, std::string type, double budget_ms)
    : channel_(channel), type_(std::move(type)), budget_ms_(budget_ms * (under_address_sanitizer() ? 4 : 1)) {}

void CallMeter::scene(uint32_t endpoints, std::string text) {
  endpoints_ = endpoints;
  text_ = std::move(text);
}

CallMeter::Reading CallMeter::read() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return {read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_THREAD_CPUTIME_ID), usage.ru_nvcsw, floating_point_control()};
}

void CallMeter::begin() {
  before_ = read();
  // The system calls of the reading are not the library's.
  before_.cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
  before_.wall_ns = read_clock(CLOCK_MONOTONIC);
}

void CallMeter::end(Function function) {
  const Reading after = read();
  Durations& durations = this->durations(function);
  const auto wall_us = static_cast<float>(after.wall_ns - before_.wall_ns) / 1000;
  const auto cpu_us = static_cast<float>(after.cpu_ns - before_.cpu_ns) / 1000;
  durations.wall_us.push_back(wall_us);
  durations.cpu_us.push_back(cpu_us);
  if (after.switches != before_.switches && wall_us - cpu_us > kWaitUs) {
    ++durations.waits;
    durations.longest_wait_us = std::max(durations.longest_wait_us, wall_us - cpu_us);
  }
  if (after.floating_point != before_.floating_point) {
    fail("process.floating-point", function, "changed the floating-point control");
  }
}

void CallMeter::threw(Function function, std::string_view what) {
  fail("calls.exception", function, "threw: " + std::string(what));
}

CallMeter::Durations& CallMeter::durations(Function function) {
  return durations_[{function.name, endpoints_}];
}

bool CallMeter::judge_status(Function function, epp_status status, bool tolerated) {
  if (!error_.intact()) fail("calls.error-text", function, "wrote beyond the buffers of its error");
  if (status == EPP_OK) return true;
  if (status > 0 || status < EPP_ERR_UNTYPED) {
    fail("calls.status", function, "answered status " + std::to_string(status));
  } else if (!tolerated) {
    Durations& durations = this->durations(function);
    if (++durations.errors == 1 || durations.first_error.empty()) durations.first_error = error_.message();
  }
  return false;
}

void CallMeter::fail(std::string_view check, Function function, const std::string& what) {
  channel_.fail(check, type_, std::string(function.name) + ' ' + what + " (" + text_ + ").");
}

void CallMeter::warn(std::string_view check, Function function, const std::string& what) {
  channel_.warn(check, type_, std::string(function.name) + ' ' + what + " (" + text_ + ").");
}

void CallMeter::conclude(bool timings) {
  for (auto& [key, durations] : durations_) {
    const auto& [function, endpoints] = key;
    const std::string place = std::string(function) + " with " + std::to_string(endpoints) + " endpoints ";
    if (durations.errors != 0) {
      channel_.warn(
          "calls.errors", type_,
          place + "failed in " + std::to_string(durations.errors) + " calls: \"" + durations.first_error + "\".");
    }
    if (durations.wall_us.empty()) continue;
    const auto calls = durations.wall_us.size();
    if (durations.waits >= kFewWaits) {
      channel_.fail("calls.blocking", type_,
                    place + "waited in " + std::to_string(durations.waits) + " of " + std::to_string(calls) +
                        " calls, up to " + milliseconds(static_cast<double>(durations.longest_wait_us)) + '.');
    }
    const double most_cpu_us = static_cast<double>(*std::max_element(durations.cpu_us.begin(), durations.cpu_us.end()));
    const double usual_cpu_us = percentile(durations.cpu_us, 0.5);
    if (most_cpu_us > budget_ms_ * 1000) {
      channel_.fail("calls.slow", type_, place + "computed for " + milliseconds(most_cpu_us) + " in one call.");
    } else if (usual_cpu_us > budget_ms_ * 100) {
      channel_.warn("calls.slow", type_, place + "usually computes for " + milliseconds(usual_cpu_us) + '.');
    }
    if (!timings) continue;
    channel_.timing({type_, std::string(function), endpoints, calls, percentile(durations.wall_us, 0.5),
                     percentile(durations.wall_us, 0.99),
                     static_cast<double>(*std::max_element(durations.wall_us.begin(), durations.wall_us.end()))});
  }
}

}  // namespace epp::check
