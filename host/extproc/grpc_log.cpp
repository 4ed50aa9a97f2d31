#include "extproc/grpc_log.h"

#include "telemetry/log.h"

#include <grpc/support/log.h>

namespace epp::extproc {
namespace {

// Never destroyed: gRPC's threads may outlive static objects.
telemetry::Logger& target() {
  static auto* const logger = new telemetry::Logger;
  return *logger;
}

void write(gpr_log_func_args* line) {
  if (line->severity == GPR_LOG_SEVERITY_ERROR) {
    EPP_LOG_ERROR(target(), line->message, "gRPC");
  } else {
    EPP_LOG(target(), kDebug, "gRPC", {"text", line->message});
  }
}

}  // namespace

void route_grpc_log(const telemetry::Logger& log) {
  target() = log;
  gpr_set_log_function(&write);
}

}  // namespace epp::extproc
