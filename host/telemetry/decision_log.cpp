#include "telemetry/decision_log.h"

#include "telemetry/json_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

namespace epp::telemetry {
namespace {

constexpr auto kNever = std::numeric_limits<DecisionLog::Clock::rep>::min();
constexpr auto kForever = std::numeric_limits<DecisionLog::Clock::rep>::max();

// NaN goes last, where it cannot upset the order.
double rank(const DecisionCandidate& candidate) {
  return std::isnan(candidate.total) ? -std::numeric_limits<double>::infinity() : candidate.total;
}

void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(nanos / 1'000'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char buffer[48];
  const std::size_t length = std::strftime(buffer, sizeof buffer, "\"%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(buffer + length, sizeof buffer - length, ".%09dZ\"", static_cast<int>(nanos % 1'000'000'000));
  out += buffer;
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append("\"").append(name).append("\":");
  append_json_string(out, value);
  out += ',';
}

void append_candidate(std::string& out, const DecisionCandidate& candidate) {
  out += '{';
  append_member(out, "endpoint", candidate.endpoint);
  out += "\"total\":";
  append_json_number(out, candidate.total);
  out += ",\"scores\":{";
  for (std::size_t i = 0; i < candidate.scores.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, candidate.scores[i].first);
    out += ':';
    append_json_number(out, candidate.scores[i].second);
  }
  out += "}}";
}

void append_decision(std::string& out, const Decision& decision) {
  out += '{';
  append_member(out, "request_id", decision.request_id);
  out += "\"time\":";
  append_time(out, decision.time);
  out += ',';
  append_member(out, "profile", decision.profile);
  append_member(out, "target", decision.target);
  out += "\"candidates\":[";
  for (std::size_t i = 0; i < decision.candidates.size(); ++i) {
    if (i > 0) out += ',';
    append_candidate(out, decision.candidates[i]);
  }
  out += "]}";
}

}  // namespace

DecisionLog::DecisionLog(Options options)
    : options_(options), record_until_(options.mode == Mode::kAlways ? kForever : kNever) {
  ring_.reserve(options_.capacity);
}

void DecisionLog::add(Decision decision) {
  if (options_.capacity == 0) return;
  auto& candidates = decision.candidates;
  const auto kept = std::min(candidates.size(), options_.max_candidates);
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept), candidates.end(),
                    [](const auto& a, const auto& b) { return rank(a) > rank(b); });
  candidates.resize(kept);
  std::lock_guard lock(mutex_);
  if (ring_.size() < options_.capacity) {
    ring_.push_back(std::move(decision));
  } else {
    ring_[next_] = std::move(decision);
    next_ = (next_ + 1) % ring_.size();
  }
}

std::string DecisionLog::render(Clock::time_point now) {
  if (options_.mode == Mode::kOnDemand) {
    record_until_.store((now + options_.linger).time_since_epoch().count(), std::memory_order_relaxed);
  }
  std::string out = "{\"decisions\":[";
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    if (i > 0) out += ',';
    // next_ is the oldest once the ring is full, and 0 before.
    append_decision(out, ring_[(next_ + ring_.size() - 1 - i) % ring_.size()]);
  }
  out += "]}";
  return out;
}

}  // namespace epp::telemetry
