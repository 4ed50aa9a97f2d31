// What all streams share. Everything here outlives every stream and is [any thread, concurrent].
#pragma once

#include "lifecycle/memory_budget.h"
#include "lifecycle/pipeline.h"
#include "telemetry/log.h"
#include "telemetry/trace.h"

#include <cstddef>
#include <functional>

namespace epp::endpoints {
class AttributeRegistry;
class EndpointTable;
}  // namespace epp::endpoints
namespace epp::objectives {
class ObjectiveTable;
class RewriteTable;
}  // namespace epp::objectives
namespace epp::plugins {
class CompletionTable;
}
namespace epp::telemetry {
class DecisionLog;
class EppMetrics;
}  // namespace epp::telemetry

namespace epp::lifecycle {

class RequestStatePool;

struct Options {
  /// A larger request body is answered with 413.
  std::size_t max_request_body_bytes = std::size_t{64} << 20;
  /// A response that is held back until its end is let go, and streamed from there on, beyond this size.
  std::size_t max_held_response_bytes = std::size_t{64} << 20;
  bool emit_endpoint_scores = false;            ///< --emit-endpoint-scores
  bool disable_endpoint_subset_filter = false;  ///< --disable-endpoint-subset-filter
  bool strict_subset_ports = false;             ///< subset entries allow only the port they name
  bool splice_model_name = true;                ///< false: a rewritten body is re-serialised
  bool stream_responses = false;                ///< true: no response is held back
};

/// Scopes of the spans made here.
inline constexpr const char* kRequestScope = "llm-d-router/pkg/epp/handlers";
inline constexpr const char* kDirectorScope = "llm-d-router/pkg/epp/requestcontrol";
inline constexpr const char* kSchedulingScope = "llm-d-router/pkg/epp/scheduling";

struct Services {
  Options options;
  std::function<PipelinePtr()> pipeline;  ///< the current one, never null
  endpoints::EndpointTable* table = nullptr;
  endpoints::AttributeRegistry* attributes = nullptr;
  plugins::CompletionTable* completions = nullptr;
  MemoryBudget* budget = nullptr;
  RequestStatePool* states = nullptr;
  telemetry::EppMetrics* metrics = nullptr;
  telemetry::DecisionLog* decisions = nullptr;             ///< may be null
  const objectives::ObjectiveTable* objectives = nullptr;  ///< may be null: every priority is 0
  const objectives::RewriteTable* rewrites = nullptr;      ///< may be null: only headers rewrite
  std::function<bool()> stands_by;                         ///< may be empty; true: new requests are refused
  telemetry::Logger log;
  telemetry::Tracer tracer;  ///< disabled: no trace header is read or written
};

}  // namespace epp::lifecycle
