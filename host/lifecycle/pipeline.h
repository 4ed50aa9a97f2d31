// One generation of the configured policies, as the request path walks through it. Immutable; a request stays on the
// pipeline it started on, so a reload builds another one beside it.
#pragma once

#include "lifecycle/admission.h"
#include "plugins/instance.h"
#include "plugins/pipeline.h"
#include "request/parser.h"
#include "scheduling/scheduler.h"

#include <atomic>
#include <memory>

namespace epp::lifecycle {

struct Pipeline {
  std::shared_ptr<const plugins::PluginSet> plugins;
  std::shared_ptr<const scheduling::Scheduler> scheduler;
  std::shared_ptr<const request::ParserRegistry> parsers;
  std::shared_ptr<Admission> admission;
  plugins::InstancePtr detector;        ///< may be null: only an empty pool is then saturated
  std::shared_ptr<InFlight> in_flight;  ///< may be null: nobody evicts
  bool typed_admitter_denials = false;  ///< an admitter's own status and reason instead of 500
  /// Last good answer of the detector; closed until there is one.
  mutable std::atomic<double> last_saturation{1.0};
};

using PipelinePtr = std::shared_ptr<const Pipeline>;

}  // namespace epp::lifecycle
