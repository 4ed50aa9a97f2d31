// gRPC writes its own lines to standard error; here they become lines of the host's log.
#pragma once

namespace epp::telemetry {
class Logger;
}

namespace epp::extproc {

/// Process-wide. Errors stay errors, informational lines are debug ones. [main]
void route_grpc_log(const telemetry::Logger& log);

}  // namespace epp::extproc
