#include "lifecycle/headers.h"

#include "plugins/request_context.h"
#include "request/error.h"

#include <algorithm>

namespace epp::lifecycle {
namespace {

constexpr std::array<std::string_view, 19> kSystemOwned = {
    header::kObjective,
    header::kObjectiveAlias,
    header::kModelRewrite,
    header::kModelRewriteAlias,
    header::kFairness,
    header::kFairnessAlias,
    header::kTtftSlo,
    header::kTtftSloAlias,
    header::kRequestTtl,
    "x-llm-d-slo-tpot-ms",
    "x-slo-tpot-ms",
    "x-llm-d-video-fps",
    "x-llm-d-video-duration-seconds",
    "x-llm-d-video-resolution",
    metadata::kSubset,
    header::kDestination,
    "x-gateway-destination-endpoint-served",
    request::kDropReasonHeader,
    "content-length",
};

bool is_trace(std::string_view name) {
  return name == header::kTraceparent || name == header::kTracestate || name == header::kBaggage;
}

bool is_steering(std::string_view name) {
  return std::find(kSteeringHeaders.begin(), kSteeringHeaders.end(), name) != kSteeringHeaders.end();
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

// The last thing that hooks wanted for `name`.
const plugins::HeaderMutation* last_mutation(std::span<const plugins::HeaderMutation> mutations,
                                             std::string_view name) {
  for (auto it = mutations.rbegin(); it != mutations.rend(); ++it) {
    if (it->name == name) return &*it;
  }
  return nullptr;
}

}  // namespace

bool is_system_owned(std::string_view lower_name) {
  return std::find(kSystemOwned.begin(), kSystemOwned.end(), lower_name) != kSystemOwned.end();
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = lower(c);
  return result;
}

const std::string* find_with_alias(const plugins::HeaderMap& headers, std::string_view name, std::string_view alias) {
  const std::string* value = headers.find(name);
  return value ? value : headers.find(alias);
}

bool prefers_if_available(std::string_view prefer) {
  while (!prefer.empty()) {
    const std::size_t comma = prefer.find(',');
    std::string_view token = prefer.substr(0, comma);
    prefer = comma == std::string_view::npos ? std::string_view() : prefer.substr(comma + 1);
    token = trim(token.substr(0, token.find(';')));
    if (equal_without_case(token, "if-available")) return true;
  }
  return false;
}

void Repetitions::note(std::string_view lower_name, bool seen_before) {
  if (seen_before && !contains(lower_name)) names_.emplace_back(lower_name);
}

bool Repetitions::contains(std::string_view lower_name) const {
  return std::find(names_.begin(), names_.end(), lower_name) != names_.end();
}

EchoPlan plan_echo(const plugins::HeaderMap& headers, const Repetitions& repeated,
                   std::span<const plugins::HeaderMutation> mutations, const EchoRules& rules) {
  EchoPlan plan;
  plan.set.reserve(headers.items().size() + mutations.size());
  for (const auto& [name, value] : headers.items()) {
    if (is_system_owned(name) || last_mutation(mutations, name) != nullptr) continue;
    if (rules.own_trace && is_trace(name)) continue;
    if (rules.request && is_steering(name)) {
      plan.remove.push_back(name);
      continue;
    }
    if (rules.echo_unchanged && !repeated.contains(name)) plan.set.push_back({name, value});
  }
  for (const auto& mutation : mutations) {
    if (is_system_owned(mutation.name) || last_mutation(mutations, mutation.name) != &mutation) continue;
    if (mutation.remove) {
      plan.remove.push_back(mutation.name);
    } else {
      plan.set.push_back({mutation.name, mutation.value});
    }
  }
  return plan;
}

}  // namespace epp::lifecycle
