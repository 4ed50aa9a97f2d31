// A closed loop of ext-proc streams: as many open at once as the workload says, each followed by the next.
#pragma once

#include "bench/wire/messages.h"
#include "bench/wire/workload.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

namespace epp::bench {

struct LoadResult {
  std::uint64_t requests = 0;  ///< that ended well
  std::uint64_t failures = 0;
  std::string failure;  ///< the first one
  double seconds = 0;
  /// From opening the stream to the last reply of the request side, when the request may go on its way. Sorted.
  std::vector<double> latencies_ms;

  double rate() const { return static_cast<double>(requests) / seconds; }
  double quantile_ms(double q) const;
};

/// Connections stay open from one run to the next. One thread, the caller's, does all the work.
class Load {
 public:
  Load(const std::string& target, const Workload& workload);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Opens streams for `duration`, then lets the open ones end.
  LoadResult run(std::chrono::milliseconds duration);

  /// Which endpoint one request is sent to; empty when there is no answer or a refusal.
  std::string destination();

 private:
  class Exchange;

  const Workload workload_;
  const Messages messages_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::uint64_t next_request_ = 0;
};

}  // namespace epp::bench
