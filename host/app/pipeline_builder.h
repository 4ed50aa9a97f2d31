// From an effective configuration to the pipeline that requests walk through.
#pragma once

#include "config/diagnostics.h"
#include "config/effective_config.h"
#include "config/options.h"
#include "lifecycle/pipeline.h"
#include "plugins/catalogue.h"
#include "plugins/environment.h"

#include <memory>

namespace epp::app {

// Creates every instance (default producers that are missing are appended to `effective`) but those that `running`,
// which may be null, has unchanged; orders producers, binds the profile handler. Without flow control, which is the
// caller's to install. nullptr with errors in `diagnostics` when anything is wrong. [main]
std::shared_ptr<lifecycle::Pipeline> build_pipeline(const config::Options& options, const plugins::Catalogue& catalogue,
                                                    const plugins::Environment& environment,
                                                    config::EffectiveConfig& effective,
                                                    config::Diagnostics& diagnostics,
                                                    const lifecycle::Pipeline* running = nullptr);

}  // namespace epp::app
