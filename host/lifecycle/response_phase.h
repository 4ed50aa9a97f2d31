// The response side of one stream: headers, body, trailers; usage, model name, hooks and metrics.
#pragma once

#include "endpoints/endpoint.h"
#include "lifecycle/headers.h"
#include "lifecycle/memory_budget.h"
#include "lifecycle/messages.h"
#include "lifecycle/outbox.h"
#include "lifecycle/request_state.h"
#include "lifecycle/services.h"
#include "request/model_name.h"
#include "request/usage.h"
#include "telemetry/epp_metrics.h"

#include <epp/ext/response_hooks.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::lifecycle {

/// What the request side leaves for the response side.
struct Expectation {
  std::shared_ptr<const request::Parser> parser;  ///< may be null: no usage is looked for
  endpoints::EndpointPtr target;                  ///< null for a stream that began with its response
  bool hooks_due = false;                         ///< pre-request hooks ran
  bool stream_requested = false;
  std::uint64_t received_ns = 0;  ///< of the request headers; 0 if there were none
  telemetry::Logger log;
};

/// A response is either forwarded chunk by chunk (server-sent events, `stream: true`) or held back until its end. A
/// held one that outgrows its limit is let go and streamed from there on: nothing is lost, only its length is known
/// later.
class ResponsePhase {
 public:
  /// All arguments outlive this.
  ResponsePhase(const Services& services, const Pipeline& pipeline, RequestState& state, Outbox& outbox,
                telemetry::RequestSeries& series);

  /// Before the first message.
  void expect(Expectation expectation);

  void on_headers(const Inbound& message);
  void on_body(const Inbound& message);
  void on_trailers(const Inbound& message);
  /// The stream ended. Hooks that are still due run once, with `cause` (EPP_END_*). Idempotent; nothing is sent.
  void abort(std::uint32_t cause);

  bool complete() const { return complete_; }
  /// Prompt and completion together, if the model server said so.
  std::optional<std::int64_t> tokens() const;
  bool model_server_error() const { return model_server_error_; }
  /// Time spent, or (held responses) from headers to end; 0 while there was no response.
  std::uint64_t processing_ns() const { return processing_ns_; }

 private:
  enum class Ending : std::uint8_t { kNone, kEndOfStream, kTrailers };

  void classify(const Inbound& message);
  void run_header_hooks();
  void open_body();
  void take(const Inbound& message);
  void account(std::span<const std::string_view> pieces);
  void hold(const Inbound& message);
  void let_go();
  /// Ends the body: hooks, metrics; `end_of_stream` bodies are ended on the wire, trailers follow others.
  void finish(Ending ending);
  void forward(std::span<const std::string_view> pieces, const std::shared_ptr<const void>& owner, bool end_of_stream,
               const MetadataValue* metadata);
  void send_streamed(std::span<const std::string_view> pieces, const std::shared_ptr<const void>& owner, Ending ending,
                     const MetadataValue* metadata);
  void send_held(Ending ending, const MetadataValue* metadata);
  void run_end_hooks();
  void run_complete_hooks(std::uint32_t cause);
  void observe_end();
  void refresh_view();
  plugins::Call call() { return state_.call(); }

  const Services& services_;
  const Pipeline& pipeline_;
  RequestState& state_;
  Outbox& outbox_;
  telemetry::RequestSeries& series_;
  Expectation expected_;

  bool headers_seen_ = false;
  bool body_open_ = false;
  bool streaming_ = false;
  bool encoded_ = false;  // bytes that cannot be looked into
  bool event_stream_ = false;
  bool complete_ = false;
  bool trailers_answered_ = false;
  bool hooks_over_ = false;
  bool model_server_error_ = false;
  Repetitions repeated_;

  std::unique_ptr<request::UsageExtractor> extractor_;
  telemetry::Histogram parsing_;
  std::optional<request::ModelRestorer> restorer_;

  struct Held {
    std::string_view bytes;
    std::shared_ptr<const void> owner;
  };
  std::vector<Held> held_;
  Reservation held_bytes_;

  epp_response view_{};  // what hooks are shown
  epp_usage usage_{};
  std::uint64_t started_ns_ = 0;
  std::uint64_t last_chunk_ns_ = 0;
  std::uint64_t complete_ns_ = 0;
  std::uint64_t processing_ns_ = 0;
};

}  // namespace epp::lifecycle
