// A request path for tests: endpoints, plugins written as lambdas, a clock that stands still, and an outbox that keeps
// what the stream says.
#pragma once

#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "lifecycle/outbox.h"
#include "lifecycle/request_state.h"
#include "lifecycle/services.h"
#include "lifecycle/stream.h"
#include "plugins/completion.h"
#include "plugins/environment.h"
#include "plugins/instance.h"
#include "telemetry/decision_log.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/metrics.h"

#include <atomic>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::lifecycle::testing {

/// An instance whose hooks are functions; a hook that is not set is not served.
class TestPlugin final : public plugins::Instance {
 public:
  explicit TestPlugin(std::string name);

  using Context = plugins::RequestContext;
  std::function<epp_status(Context&, epp_error*)> on_request_header;
  std::function<std::vector<std::uint32_t>(const epp_candidates&)> on_screen;
  std::function<epp_status(Context&, const epp_candidates&, std::uint64_t token, epp_error*)> on_produce;
  std::function<epp_status(Context&, epp_error*)> on_admit;
  std::function<std::vector<std::uint32_t>(const epp_candidates&)> on_filter;
  std::function<std::vector<std::uint32_t>(const epp_candidates&)> on_pick;  ///< positions
  std::function<epp_status(Context&, const epp_profile_results&, epp_error*)> on_pre_request;
  std::function<void(Context&, const epp_response&)> on_response_header;
  std::function<void(Context&, const epp_response&, std::string_view chunk, bool end)> on_response_body;
  std::function<void(const epp_response&, std::uint32_t cause)> on_response_complete;
  std::function<double(const epp_candidates&)> on_saturation;
  bool handles_profiles = false;  ///< runs every profile, the first is the primary

  /// Makes the tables of the hooks that are set.
  void wire();

 private:
  epp_instance abi_{};
};

void fail_with(epp_error* error, std::string_view message, std::string_view reason = {});

class StillClock final : public plugins::Clock {
 public:
  std::uint64_t now_ns() const override { return now_; }
  std::uint64_t wall_ns() const override { return now_; }
  void advance(std::chrono::nanoseconds by) { now_ += static_cast<std::uint64_t>(by.count()); }

 private:
  std::atomic<std::uint64_t> now_{1'000'000'000};
};

/// One reply, owned.
struct Sent {
  enum class Kind { kHeaders, kBody, kTrailers, kImmediate, kFinish };
  Kind kind = Kind::kHeaders;
  Direction direction = Direction::kRequest;
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> removed;
  std::string body;
  bool end_of_stream = false;
  bool clear_route_cache = false;
  int status = 0;  ///< HTTP, or 0/1 for an OK/UNKNOWN finish
  std::map<std::string, std::map<std::string, std::string>> metadata;

  std::optional<std::string> header(std::string_view name) const;
};

class RecordingOutbox final : public Outbox {
 public:
  void send(const HeadersReply& reply) override;
  void send(const BodyReply& reply) override;
  void send(const TrailersReply& reply) override;
  void send(const ImmediateReply& reply) override;
  void finish(const StreamStatus& status) override;
  std::shared_ptr<Waker> waker() override;
  void start_timer(std::chrono::nanoseconds delay) override { timer = delay; }
  void cancel_timer() override { timer.reset(); }

  std::vector<Sent> sent;
  std::optional<std::chrono::nanoseconds> timer;
  std::shared_ptr<std::atomic<int>> wakes = std::make_shared<std::atomic<int>>(0);

  /// What was sent since the last call, as a word each: "qh", "qb/E", "st", "imm 429", "end".
  std::string take_script();
  const Sent& last(Sent::Kind kind) const;
  /// All body bytes of a direction.
  std::string body(Direction direction) const;

 private:
  std::size_t taken_ = 0;
};

class CollectingSink final : public telemetry::SpanSink {
 public:
  void on_end(std::unique_ptr<telemetry::SpanData> span) noexcept override;
  std::vector<telemetry::SpanData> spans() const;
  std::optional<telemetry::SpanData> find(std::string_view name) const;

 private:
  mutable std::mutex mutex_;
  std::vector<telemetry::SpanData> spans_;
};

class World {
 public:
  /// Endpoints 192.168.1.1:8000 to 192.168.1.3:8000, default parsers, a picker that takes the first candidate.
  World();
  ~World();

  std::shared_ptr<TestPlugin> plugin(std::string name);
  /// Builds the pipeline from the plugins made so far; streams that begin later use it.
  void rebuild();
  void set_endpoints(std::initializer_list<std::pair<std::string, std::string>> addresses);
  void set_parsers(std::initializer_list<std::string_view> types);
  /// Sum of the series of a name with some of its labels, e.g. `x_total{model_name="m"}`; 0 if there is none.
  double metric(std::string_view series) const;

  StillClock clock;
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  plugins::CompletionTable completions;
  RequestStatePool states;
  MemoryBudget budget{std::uint64_t{1} << 30};
  telemetry::Registry registry;
  telemetry::EppMetrics metrics{registry, {.grpc_stream_metrics = true}};
  CollectingSink spans;
  Services services;

  std::shared_ptr<TestPlugin> picker;
  std::shared_ptr<TestPlugin> handler;
  std::shared_ptr<Admission> admission = std::make_shared<SheddingAdmission>();
  std::shared_ptr<InFlight> in_flight;
  bool typed_admitter_denials = false;

 private:
  std::vector<std::shared_ptr<TestPlugin>> plugins_;
  request::ParserRegistry::Parsers parsers_;
  mutable std::mutex mutex_;
  PipelinePtr pipeline_;
};

// ---- messages ----

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// Owns what an Inbound points to.
struct Message {
  Inbound inbound;
  std::shared_ptr<HeaderList> headers;
  std::shared_ptr<std::string> body;
};

Message request_headers(HeaderList headers = {}, bool end_of_stream = false);
Message request_body(std::string body, bool end_of_stream);
Message request_trailers();
Message response_headers(HeaderList headers = {}, bool end_of_stream = false);
Message response_body(std::string body, bool end_of_stream);
Message response_trailers();
/// Adds the subset hint, as a list.
void add_subset(Message& message, std::initializer_list<std::string_view> entries);

/// A stream with its outbox.
struct Exchange {
  explicit Exchange(World& world) : stream(world.services, outbox) {}
  void feed(const Message& message) { stream.on_message(message.inbound); }
  /// The same, and what was answered.
  std::string play(const Message& message) {
    feed(message);
    return outbox.take_script();
  }

  RecordingOutbox outbox;
  Stream stream;
};

inline constexpr const char* kCompletion = R"({"model":"m","prompt":"hi"})";

}  // namespace epp::lifecycle::testing
