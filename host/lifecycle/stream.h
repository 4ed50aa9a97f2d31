// One HTTP exchange from its request headers to its last response byte, as a state machine without I/O.
//
//   request:   headers -> [body chunks] -> end (EOS or trailers) -> direct -> reply headers, body, trailers
//   response:  headers -> reply; body chunks -> reply each, or all at the end; trailers -> reply
//
// The request headers are answered only once the request was scheduled, because the answer names the endpoint. The two
// directions are independent: a stream that begins with its response works. Whatever order messages come in, nothing
// crashes, finish() is called at most once and each response-complete hook exactly once per dispatched request.
#pragma once

#include "lifecycle/body_buffer.h"
#include "lifecycle/candidates.h"
#include "lifecycle/director.h"
#include "lifecycle/headers.h"
#include "lifecycle/mailbox.h"
#include "lifecycle/messages.h"
#include "lifecycle/outbox.h"
#include "lifecycle/pipeline.h"
#include "lifecycle/request_state.h"
#include "lifecycle/response_phase.h"
#include "lifecycle/services.h"
#include "request/error.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/trace.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::lifecycle {

/// Calls never overlap and may come from any thread; the Outbox is called from inside them.
class Stream {
 public:
  Stream(const Services& services, Outbox& outbox);
  /// Like on_done(true) if that was not called.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Not while busy(). Ignored once the stream has finished.
  void on_message(const Inbound& message);
  /// The proxy will send nothing more: a request that waits is withdrawn.
  void on_half_close();
  /// Something arrived from another thread.
  void on_wake();
  void on_timer();
  /// A reply could not be sent.
  void on_send_failure();
  /// The last event: the transport is done with the stream. `cancelled`: it was the proxy (or the deadline) that ended
  /// it.
  void on_done(bool cancelled);

  /// An answer is being waited for: hold the next message back.
  bool busy() const { return phase_ == Phase::kDirecting; }
  bool finished() const { return finished_; }

 private:
  enum class Phase : std::uint8_t { kStart, kBody, kDirecting, kAnswered };

  struct Refusal {
    int status = 0;  // HTTP; 0: the stream ends with a gRPC error
    std::string code;
    std::string message;
    std::string reason;
    std::vector<std::pair<std::string, std::string>> headers{};  // more of the answer's
  };

  void begin();
  void on_request_headers(const Inbound& message);
  void on_request_body(const Inbound& message);
  void on_request_end(const Inbound& message, bool by_trailers);
  void read_request_headers(const Inbound& message);
  void expect_body(std::string_view content_length);
  void start_trace();
  bool parse();
  void settle(Director::Progress progress);
  void route_without_body();
  void send_route();
  void send_request_headers(std::string_view destination, std::uint64_t body_size, bool echo);
  void send_request_body();
  void expect_response(bool hooks_due, endpoints::EndpointPtr target);
  void make_series();
  void refuse(const Denial& denial);
  void refuse(const Refusal& refusal);
  void evict(std::string_view reason);
  void leave_account();
  void finish(const StreamStatus& status = {});
  void observe_answer();
  std::string_view header_value(std::string_view name) const;

  const Services& services_;
  Outbox& outbox_;
  PipelinePtr pipeline_;
  BodyBuffer body_;  // before state_: what plugins left in it may look at the body to the last
  RequestStatePool::Lease state_;
  std::shared_ptr<Mailbox> mailbox_;
  telemetry::Logger log_;
  telemetry::Span span_;
  telemetry::RequestSeries series_;
  std::string baggage_;

  Phase phase_ = Phase::kStart;
  bool finished_ = false;
  bool over_ = false;
  bool evicted_ = false;
  bool answer_observed_ = false;
  bool account_left_ = false;
  bool ended_by_trailers_ = false;
  bool id_generated_ = false;
  std::uint64_t received_ns_ = 0;
  std::string error_code_;  // of the metric; empty: no error

  Repetitions repeated_;
  SubsetHint hint_;
  std::shared_ptr<const request::Parser> parser_;
  std::optional<Director> director_;
  std::optional<ResponsePhase> response_;
};

/// A random UUID, version 4. [any thread]
std::string random_uuid();

}  // namespace epp::lifecycle
