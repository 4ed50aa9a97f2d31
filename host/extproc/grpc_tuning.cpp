#include "extproc/grpc_tuning.h"

#include <cstdlib>

#include <absl/synchronization/mutex.h>

namespace epp::extproc {

void tune_grpc() {
  // Debian builds Abseil with its debugging aids: each of gRPC's mutexes would maintain a graph of the lock order.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  ::setenv("GRPC_POLL_STRATEGY", "poll", /*overwrite=*/0);
}

}  // namespace epp::extproc
