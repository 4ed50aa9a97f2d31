#include "telemetry/trace_context.h"

#include "telemetry/json_text.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <set>

#include <sys/random.h>

namespace epp::telemetry {
namespace {

constexpr std::size_t kMaxTraceStateMembers = 32;
constexpr std::size_t kMaxTraceStateBytes = 512;
constexpr std::size_t kMaxBaggageMembers = 64;
constexpr std::size_t kMaxBaggageBytes = 8192;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;  // upper case is not allowed
}

bool parse_hex(std::string_view text, std::uint8_t* out) {
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out[i / 2] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// key = lcalpha 0*255(lcalpha / DIGIT / "_" / "-"/ "*" / "/"), or tenant@system.
bool is_tracestate_key(std::string_view key) {
  const auto part = [](std::string_view text, std::size_t longest, bool digit_first) {
    if (text.empty() || text.size() > longest) return false;
    if (!is_lower(text[0]) && !(digit_first && is_digit(text[0]))) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
      return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
    });
  };
  const auto at = key.find('@');
  if (at == std::string_view::npos) return part(key, 256, false);
  return part(key.substr(0, at), 241, true) && part(key.substr(at + 1), 14, false);
}

bool is_tracestate_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

// RFC 7230 token.
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || kOthers.find(c) != std::string_view::npos;
  });
}

bool is_baggage_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != ',' && c != ';' && c != '\\'; });
}

bool is_baggage_member(std::string_view member) {
  bool first = true;
  while (first || !member.empty()) {
    const auto end = member.find(';');
    const auto part = trim(member.substr(0, end));
    const auto equals = part.find('=');
    if (first && equals == std::string_view::npos) return false;  // only properties may lack a value
    if (!is_token(trim(part.substr(0, equals)))) return false;
    if (equals != std::string_view::npos && !is_baggage_value(trim(part.substr(equals + 1)))) return false;
    if (end == std::string_view::npos) return true;
    member.remove_prefix(end + 1);
    first = false;
    if (member.empty()) return false;
  }
  return true;
}

// xoshiro256**, one per thread: ids must be unpredictable enough not to collide, not secret.
class Generator {
 public:
  Generator() {
    if (getrandom(state_.data(), sizeof state_, 0) != static_cast<ssize_t>(sizeof state_)) {
      // No entropy source: time and address still keep threads and processes apart.
      state_ = {static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()),
                reinterpret_cast<std::uintptr_t>(this), 0x9E3779B97F4A7C15U, 0xBF58476D1CE4E5B9U};
    }
    state_[3] |= 1;  // never all zero
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  std::uint64_t next_non_zero() {
    std::uint64_t value = 0;
    while (value == 0)
      value = next();
    return value;
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

thread_local Generator generator;

}  // namespace

std::optional<SpanContext> parse_traceparent(std::string_view header) {
  constexpr std::size_t kLength = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2
  header = trim(header);
  if (header.size() < kLength || header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  std::uint8_t version = 0;
  if (!parse_hex(header.substr(0, 2), &version) || version == 0xFF) return std::nullopt;
  // Later versions may append fields; version 0 ends here.
  if (header.size() > kLength && (version == 0 || header[kLength] != '-')) return std::nullopt;
  SpanContext context;
  std::uint8_t flags = 0;
  if (!parse_hex(header.substr(3, 32), context.trace_id.data()) ||
      !parse_hex(header.substr(36, 16), context.span_id.data()) || !parse_hex(header.substr(53, 2), &flags)) {
    return std::nullopt;
  }
  if (!context.valid()) return std::nullopt;
  context.sampled = (flags & 1) != 0;
  context.remote = true;
  return context;
}

bool is_valid_tracestate(std::string_view header) {
  if (header.size() > kMaxTraceStateBytes) return false;
  std::set<std::string_view> keys;
  for (;;) {
    const auto end = header.find(',');
    const auto member = trim(header.substr(0, end));
    if (!member.empty()) {  // empty members are allowed
      const auto equals = member.find('=');
      if (equals == std::string_view::npos || !is_tracestate_key(member.substr(0, equals)) ||
          !is_tracestate_value(member.substr(equals + 1)) || !keys.insert(member.substr(0, equals)).second ||
          keys.size() > kMaxTraceStateMembers) {
        return false;
      }
    }
    if (end == std::string_view::npos) return true;
    header.remove_prefix(end + 1);
  }
}

bool is_valid_baggage(std::string_view header) {
  if (header.size() > kMaxBaggageBytes) return false;
  for (std::size_t members = 1; members <= kMaxBaggageMembers; ++members) {
    const auto end = header.find(',');
    if (!is_baggage_member(header.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    header.remove_prefix(end + 1);
  }
  return false;
}

IncomingTrace extract_trace(std::string_view traceparent, std::string_view tracestate, std::string_view baggage) {
  IncomingTrace incoming;
  if (auto parent = parse_traceparent(traceparent)) {
    incoming.parent = std::move(*parent);
    if (is_valid_tracestate(tracestate)) incoming.parent.trace_state = trim(tracestate);
  }
  if (is_valid_baggage(baggage)) incoming.baggage = trim(baggage);
  return incoming;
}

std::string format_traceparent(const SpanContext& context) {
  std::string header = "00-";
  header.reserve(55);
  append_hex(header, context.trace_id.data(), context.trace_id.size());
  header += '-';
  append_hex(header, context.span_id.data(), context.span_id.size());
  header += context.sampled ? "-01" : "-00";
  return header;
}

TraceId random_trace_id() {
  const std::array<std::uint64_t, 2> words{generator.next_non_zero(), generator.next()};
  return std::bit_cast<TraceId>(words);
}

SpanId random_span_id() {
  return std::bit_cast<SpanId>(generator.next_non_zero());
}

}  // namespace epp::telemetry
