// Names of the headers and metadata that the endpoint picker reads, writes or owns, and the rules of what is echoed.
#pragma once

#include "lifecycle/messages.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::plugins {
class HeaderMap;
struct HeaderMutation;
}  // namespace epp::plugins

namespace epp::lifecycle {

namespace header {
inline constexpr std::string_view kRequestId = "x-request-id";
inline constexpr std::string_view kPath = ":path";
inline constexpr std::string_view kOriginalPath = "x-original-path";
inline constexpr std::string_view kForwardedPath = "x-forwarded-path";
inline constexpr std::string_view kObjective = "x-llm-d-inference-objective";
inline constexpr std::string_view kObjectiveAlias = "x-gateway-inference-objective";
inline constexpr std::string_view kModelRewrite = "x-llm-d-model-name-rewrite";
inline constexpr std::string_view kModelRewriteAlias = "x-gateway-model-name-rewrite";
inline constexpr std::string_view kFairness = "x-llm-d-inference-fairness-id";
inline constexpr std::string_view kFairnessAlias = "x-gateway-inference-fairness-id";
inline constexpr std::string_view kRequestTtl = "x-llm-d-request-ttl-ms";  // ours
inline constexpr std::string_view kTtftSlo = "x-llm-d-slo-ttft-ms";
inline constexpr std::string_view kTtftSloAlias = "x-slo-ttft-ms";
inline constexpr std::string_view kRetryAfter = "retry-after";
inline constexpr std::string_view kQueuePosition = "x-epp-queue-position";  // ours
inline constexpr std::string_view kDestination = "x-gateway-destination-endpoint";
inline constexpr std::string_view kContentLength = "Content-Length";
inline constexpr std::string_view kTraceparent = "traceparent";
inline constexpr std::string_view kTracestate = "tracestate";
inline constexpr std::string_view kBaggage = "baggage";
inline constexpr std::string_view kPrefer = "prefer";
inline constexpr std::string_view kSeenResponse = "x-went-into-resp-headers";
}  // namespace header

namespace metadata {
inline constexpr std::string_view kLoadBalancer = "envoy.lb";
inline constexpr std::string_view kSubsetNamespace = "envoy.lb.subset_hint";
inline constexpr std::string_view kSubset = "x-gateway-destination-endpoint-subset";
inline constexpr std::string_view kScores = "x-gateway-destination-endpoint-scores";
}  // namespace metadata

/// Headers by which the picker tells a sidecar where to go. Only plugins may set them: what a client sent is removed.
inline constexpr std::array<std::string_view, 4> kSteeringHeaders = {
    "x-prefiller-host-port", "x-encoder-hosts-ports", "x-data-parallel-host-port", "x-kv-cache-source-host-port"};

/// Headers of the picker's own protocol: never echoed, in either direction. `lower_name` is lower-case.
bool is_system_owned(std::string_view lower_name);

std::string to_lower(std::string_view text);

/// The value under `name`, else under `alias`; a present but empty `name` wins. nullptr if neither is there.
const std::string* find_with_alias(const plugins::HeaderMap& headers, std::string_view name, std::string_view alias);

/// Whether `prefer` asks for a cached prefix: a comma list whose tokens are cut at `;` and compared without case.
bool prefers_if_available(std::string_view prefer);

/// Which headers of one message occurred more than once: an echo would collapse them into one value.
class Repetitions {
 public:
  void note(std::string_view lower_name, bool seen_before);
  bool contains(std::string_view lower_name) const;
  void clear() { names_.clear(); }

 private:
  std::vector<std::string> names_;
};

/// The headers that follow the fixed ones of a reply, and those to remove. Views into the arguments.
struct EchoPlan {
  std::vector<HeaderField> set;
  std::vector<std::string_view> remove;
};

struct EchoRules {
  bool request = true;         ///< apply the rule of kSteeringHeaders
  bool own_trace = false;      ///< trace headers were set by us: do not let the client's win
  bool echo_unchanged = true;  ///< false: only what plugins changed
};

/// `headers` is the map after the hooks, `mutations` what they asked for.
EchoPlan plan_echo(const plugins::HeaderMap& headers, const Repetitions& repeated,
                   std::span<const plugins::HeaderMutation> mutations, const EchoRules& rules);

}  // namespace epp::lifecycle
