#include "lifecycle/stream.h"

#include "endpoints/endpoint_table.h"
#include "lifecycle/dynamic_metadata.h"
#include "lifecycle/errors.h"
#include "plugins/completion.h"
#include "plugins/environment.h"
#include "request/chunking.h"
#include "request/parser.h"

#include <array>
#include <atomic>
#include <charconv>
#include <random>
#include <utility>
#include <variant>

namespace epp::lifecycle {
namespace {

using request::Error;
using request::ErrorCode;

constexpr std::string_view kEvictedBody = "request evicted by flow control";

std::atomic<std::uint64_t> next_serial{1};

std::mt19937_64& random_bits() {
  thread_local std::mt19937_64 bits = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return bits;
}

std::uint64_t now_ns() {
  return plugins::clock().now_ns();
}

std::uint32_t abi_kind(request::ApiKind kind) {
  switch (kind) {
    case request::ApiKind::kRaw:
      return EPP_API_NONE;
    case request::ApiKind::kCompletions:
      return EPP_API_COMPLETIONS;
    case request::ApiKind::kChatCompletions:
      return EPP_API_CHAT_COMPLETIONS;
    case request::ApiKind::kResponses:
      return EPP_API_RESPONSES;
    case request::ApiKind::kConversations:
      return EPP_API_CONVERSATIONS;
    case request::ApiKind::kEmbeddings:
      return EPP_API_EMBEDDINGS;
    case request::ApiKind::kImages:
      return EPP_API_IMAGES;
    case request::ApiKind::kMessages:
      return EPP_API_MESSAGES;
    case request::ApiKind::kGenerate:
      return EPP_API_GENERATE;
  }
  return EPP_API_NONE;
}

}  // namespace

std::string random_uuid() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<std::uint64_t, 2> bits{random_bits()(), random_bits()()};
  bits[0] = (bits[0] & ~std::uint64_t{0xf000}) | 0x4000;                       // version 4
  bits[1] = (bits[1] & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);  // variant
  std::string text;
  text.reserve(36);
  for (unsigned nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text += '-';
    text += kHex[(bits[nibble / 16] >> (60 - 4 * (nibble % 16))) & 0xf];
  }
  return text;
}

Stream::Stream(const Services& services, Outbox& outbox)
    : services_(services),
      outbox_(outbox),
      body_(services.options.max_request_body_bytes, *services.budget),
      log_(services.log) {}

Stream::~Stream() {
  on_done(true);
}

void Stream::on_message(const Inbound& message) {
  if (finished_ || over_) return;
  if (message.kind == Inbound::Kind::kNone) return;
  begin();
  switch (message.kind) {
    case Inbound::Kind::kNone:
      break;
    case Inbound::Kind::kRequestHeaders:
      on_request_headers(message);
      break;
    case Inbound::Kind::kRequestBody:
      on_request_body(message);
      break;
    case Inbound::Kind::kRequestTrailers:
      if (phase_ == Phase::kBody) on_request_end(message, true);
      break;
    case Inbound::Kind::kResponseHeaders:
      response_->on_headers(message);
      break;
    case Inbound::Kind::kResponseBody:
      response_->on_body(message);
      break;
    case Inbound::Kind::kResponseTrailers:
      response_->on_trailers(message);
      break;
  }
  if (response_->complete()) leave_account();
}

// The response is over and hooks have taken note of it: capacity goes back, and whoever waits for it may go.
void Stream::leave_account() {
  if (!director_ || !director_->dispatched() || std::exchange(account_left_, true)) return;
  if (pipeline_->in_flight) pipeline_->in_flight->untrack(state_->context.abi()->serial);
  director_->end(response_->tokens());
}

void Stream::begin() {
  if (state_) return;
  pipeline_ = services_.pipeline();
  state_ = services_.states->lease();
  state_->context.abi()->serial = next_serial.fetch_add(1, std::memory_order_relaxed);
  state_->context.abi()->max_output_tokens = -1;
  state_->context.table = services_.table;
  state_->context.prompt_source = &state_->prompt;
  mailbox_ = std::make_shared<Mailbox>(outbox_.waker());
  series_ = services_.metrics->request_series({"", ""});
  response_.emplace(services_, *pipeline_, *state_, outbox_, series_);
  Expectation nothing;
  nothing.parser = pipeline_->parsers->resolve(request::select_path({}, {}, {}));
  response_->expect(std::move(nothing));
}

void Stream::on_request_headers(const Inbound& message) {
  if (phase_ != Phase::kStart) return;
  phase_ = Phase::kBody;
  received_ns_ = now_ns();
  state_->context.abi()->received_ns = received_ns_;
  read_request_headers(message);
  hint_.read(message.metadata);
  flatten_metadata(message.metadata, state_->context.incoming_metadata);
  EPP_LOG(log_, kDefault, "EPP received request");
  start_trace();
  if (services_.stands_by && services_.stands_by()) return refuse(standing_by());
  if (message.end_of_stream) route_without_body();
}

void Stream::read_request_headers(const Inbound& message) {
  plugins::RequestContext& context = state_->context;
  for (const HeaderField& field : message.headers) {
    const std::string name = to_lower(field.key);
    // The first non-empty id counts: an empty one must not end up as the request's name.
    if (name == header::kRequestId && (field.value.empty() || !context.id.empty())) continue;
    repeated_.note(name, context.headers.find(name) != nullptr);
    context.headers.set(name, field.value);
    if (name == header::kRequestId) context.id = field.value;
  }
  if (context.id.empty()) {
    context.id = random_uuid();
    id_generated_ = true;
    context.headers.set(header::kRequestId, context.id);
  }
  expect_body(header_value("content-length"));
  context.path = request::select_path(header_value(header::kPath), header_value(header::kOriginalPath),
                                      header_value(header::kForwardedPath));
  context.sync();
  log_ = services_.log.with({{header::kRequestId, context.id}});
}

void Stream::expect_body(std::string_view content_length) {
  std::size_t bytes = 0;
  const auto [end, error] =
      std::from_chars(content_length.data(), content_length.data() + content_length.size(), bytes);
  if (error == std::errc() && end == content_length.data() + content_length.size()) body_.expect(bytes);
}

std::string_view Stream::header_value(std::string_view name) const {
  const std::string* value = state_->context.headers.find(name);
  return value ? std::string_view(*value) : std::string_view();
}

void Stream::start_trace() {
  if (!services_.tracer.enabled()) return;
  telemetry::IncomingTrace incoming = telemetry::extract_trace(
      header_value(header::kTraceparent), header_value(header::kTracestate), header_value(header::kBaggage));
  baggage_ = std::move(incoming.baggage);
  span_ =
      services_.tracer.scoped(kRequestScope).start("gateway.request", incoming.parent, telemetry::SpanKind::kServer);
}

void Stream::on_request_body(const Inbound& message) {
  if (phase_ == Phase::kStart) {
    // A body without headers: the path decides nothing then, and the request gets an id like any other.
    Inbound none;
    none.kind = Inbound::Kind::kRequestHeaders;
    on_request_headers(none);
  }
  if (phase_ != Phase::kBody) return;
  switch (body_.append(message.body, message.end_of_stream)) {
    case BodyBuffer::Result::kOk:
      break;
    case BodyBuffer::Result::kTooLarge:
      refuse({413,
              "PayloadTooLarge",
              "request body exceeds " + std::to_string(services_.options.max_request_body_bytes) + " bytes",
              {}});
      return;
    case BodyBuffer::Result::kNoMemory:
      refuse({503, std::string(request::canonical_name(ErrorCode::kServiceUnavailable)),
              "request bodies held back by the endpoint picker exceed " + std::to_string(services_.budget->limit()) +
                  " bytes",
              std::string(kReasonSaturated)});
      return;
  }
  if (message.end_of_stream) on_request_end(message, false);
}

void Stream::on_request_end(const Inbound& message, bool by_trailers) {
  ended_by_trailers_ = by_trailers;
  plugins::RequestContext& context = state_->context;
  hint_.read(message.metadata);
  if (!message.metadata.fields.empty()) flatten_metadata(message.metadata, context.incoming_metadata);
  const std::string_view body = body_.view();
  context.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
  context.abi()->body_size = body.size();
  if (!parse()) return;
  director_.emplace(services_, *pipeline_, *state_, outbox_, mailbox_);
  phase_ = Phase::kDirecting;
  settle(director_->start(hint_, body_.freeze(), span_.context(), log_));
}

bool Stream::parse() {
  plugins::RequestContext& context = state_->context;
  parser_ = pipeline_->parsers->resolve(context.path);
  if (!parser_) {
    refuse(request::unclaimed_path_error(context.path));
    return false;
  }
  const std::uint64_t start = now_ns();
  request::ParseResult result = parser_->parse(context.path, body_.view());
  services_.metrics->plugin_duration("RequestParsing", parser_->type(), parser_->type())
      .observe(static_cast<double>(now_ns() - start) * 1e-9);
  if (const Error* error = std::get_if<Error>(&result)) {
    EPP_LOG_ERROR(log_, error->message, "Error parsing request");
    refuse(*error);
    return false;
  }
  state_->parsed.emplace(std::move(std::get<request::ParsedRequest>(result)));
  const request::ParsedRequest& parsed = *state_->parsed;
  epp_request& abi = *context.abi();
  abi.api = abi_kind(parsed.api);
  abi.flags = parsed.stream ? EPP_REQUEST_STREAM : 0;
  abi.max_output_tokens = parsed.max_output_tokens.value_or(-1);
  context.cache_salt = parsed.cache_salt;
  return true;
}

void Stream::settle(Director::Progress progress) {
  if (progress == Director::Progress::kWaiting) return;
  phase_ = Phase::kAnswered;
  make_series();
  if (director_->dispatched()) expect_response(true, director_->route().target);
  if (progress == Director::Progress::kRouted) {
    send_route();
  } else {
    refuse(director_->denial());
  }
}

void Stream::make_series() {
  const plugins::RequestContext& context = state_->context;
  telemetry::RequestLabels labels{context.incoming_model, context.target_model};
  if (!context.fairness_id.empty()) labels.fairness_id = context.fairness_id;
  labels.priority = context.abi()->priority;
  series_ = services_.metrics->request_series(labels);
}

void Stream::expect_response(bool hooks_due, endpoints::EndpointPtr target) {
  Expectation expectation;
  expectation.parser = parser_;
  expectation.target = std::move(target);
  expectation.hooks_due = hooks_due;
  expectation.stream_requested = state_->parsed && state_->parsed->stream;
  expectation.received_ns = received_ns_;
  expectation.log = log_;
  response_->expect(std::move(expectation));
}

// No body, nothing to parse and to score: any endpoint that is allowed does.
void Stream::route_without_body() {
  phase_ = Phase::kAnswered;
  plugins::RequestContext& context = state_->context;
  parser_ = pipeline_->parsers->resolve(context.path);
  context.snapshot = services_.table->snapshot();
  select_candidates(*context.snapshot, hint_,
                    {services_.options.disable_endpoint_subset_filter, services_.options.strict_subset_ports},
                    state_->candidates);
  if (state_->candidates.empty()) {
    refuse(context.snapshot->empty()
               ? Error{ErrorCode::kInternal, "no pods available in datastore", {}}
               : Error{ErrorCode::kServiceUnavailable, "failed to find endpoint candidates for serving the request",
                       std::string(kReasonNoEndpoints)});
    return;
  }
  std::uniform_int_distribution<std::size_t> any(0, state_->candidates.size() - 1);
  endpoints::EndpointPtr target = context.snapshot->endpoint(state_->candidates[any(random_bits())]);
  const std::string destination = target->host_port();
  make_series();
  series_.scheduled(0);
  expect_response(false, std::move(target));
  send_request_headers(destination, 0, false);
  observe_answer();
}

void Stream::send_route() {
  const Route& route = director_->route();
  const bool skip = state_->parsed && state_->parsed->skip_response;
  send_request_headers(route.destination, route.body_size, true);
  send_request_body();
  series_.scheduled(route.body_size);
  observe_answer();
  if (skip) {
    EPP_LOG(log_, kDefault, "EPP skipped response interception, routed request");
    finish();
    return;
  }
  series_.begin_running();
  EPP_LOG(log_, kDefault, "EPP sent request body response(s) to proxy", {"modelName", state_->context.incoming_model},
          {"targetModelName", state_->context.target_model});
}

void Stream::send_request_headers(std::string_view destination, std::uint64_t body_size, bool echo) {
  const plugins::RequestContext& context = state_->context;
  EchoRules rules;
  rules.own_trace = span_.context().valid();
  rules.echo_unchanged = echo;
  const EchoPlan plan = plan_echo(context.headers, repeated_, context.request_mutations, rules);

  std::vector<HeaderField> set;
  set.reserve(plan.set.size() + 6);
  set.push_back({header::kDestination, destination});
  const std::string length = std::to_string(body_size);
  if (body_size > 0) set.push_back({header::kContentLength, length});
  std::string traceparent;
  if (rules.own_trace) {
    traceparent = telemetry::format_traceparent(span_.context());
    set.push_back({header::kTraceparent, traceparent});
    if (!span_.context().trace_state.empty()) set.push_back({header::kTracestate, span_.context().trace_state});
    if (!baggage_.empty()) set.push_back({header::kBaggage, baggage_});
  }
  set.insert(set.end(), plan.set.begin(), plan.set.end());
  // Without an echo only a generated id is new to the proxy.
  if (!echo && id_generated_) set.push_back({header::kRequestId, context.id});

  MetadataValue metadata;
  MetadataValue& balancer = metadata.field(metadata::kLoadBalancer);
  balancer.field(header::kDestination) = MetadataValue::of(destination);
  if (director_ && !director_->route().scores.empty()) {
    MetadataValue& scores = balancer.field(metadata::kScores);
    for (const auto& [endpoint, score] : director_->route().scores)
      scores.field(endpoint) = MetadataValue::of(score);
  }
  add_metadata(context.request_metadata, metadata);

  HeadersReply reply;
  reply.direction = Direction::kRequest;
  reply.set_headers = set;
  reply.remove_headers = plan.remove;
  reply.clear_route_cache = true;
  reply.dynamic_metadata = &metadata;
  outbox_.send(reply);
}

void Stream::send_request_body() {
  const Route& route = director_->route();
  for (request::BodyChunks chunks(route.body); chunks.next();) {
    BodyReply reply;
    reply.direction = Direction::kRequest;
    reply.pieces = chunks.pieces();
    reply.end_of_stream = chunks.last() && !ended_by_trailers_;
    reply.owner = route.body_owner;
    outbox_.send(reply);
  }
  if (ended_by_trailers_) outbox_.send(TrailersReply{});
}

void Stream::refuse(const Denial& denial) {
  const Error& error = denial.error;
  const std::optional<int> status = request::http_status(error.code);
  refuse({status.value_or(0), std::string(request::canonical_name(error.code)), error.message, error.drop_reason,
          denial.headers});
}

void Stream::refuse(const Refusal& refusal) {
  phase_ = Phase::kAnswered;
  error_code_ = refusal.code;
  observe_answer();
  const std::string text = "inference error: " + refusal.code + " - " + refusal.message;
  EPP_LOG_ERROR(log_, text, "Failed to process request");
  span_.record_error(text);
  span_.set_status(telemetry::SpanStatus::kError, text);
  if (refusal.status == 0) {
    finish({StreamStatus::Code::kUnknown, "failed to handle request: " + refusal.message});
    return;
  }
  std::vector<HeaderField> headers;
  if (!refusal.reason.empty()) headers.push_back({request::kDropReasonHeader, refusal.reason});
  for (const auto& [name, value] : refusal.headers)
    headers.push_back({name, value});
  ImmediateReply reply;
  reply.status = refusal.status;
  reply.body = text;
  reply.headers = headers;
  outbox_.send(reply);
  finish();
}

void Stream::evict(std::string_view reason) {
  evicted_ = true;
  error_code_ = request::canonical_name(ErrorCode::kResourceExhausted);
  if (director_) director_->cancel();
  phase_ = Phase::kAnswered;
  EPP_LOG(log_, kInfo, "Request evicted by flow control");
  const HeaderField field{request::kDropReasonHeader, reason};
  ImmediateReply reply;
  reply.status = 429;
  reply.body = kEvictedBody;
  if (!reason.empty()) reply.headers = {&field, 1};
  outbox_.send(reply);
  finish();
}

void Stream::on_wake() {
  if (finished_ || over_ || !mailbox_) return;
  if (const std::optional<std::string> reason = mailbox_->take_eviction(); reason && !response_->complete()) {
    evict(*reason);
    return;
  }
  if (phase_ == Phase::kDirecting) settle(director_->on_wake());
}

void Stream::on_timer() {
  if (!finished_ && !over_ && phase_ == Phase::kDirecting) settle(director_->on_timer());
}

void Stream::on_half_close() {
  if (finished_ || over_) return;
  if (phase_ == Phase::kDirecting) {
    const bool queued = director_->queued();
    director_->cancel();
    make_series();
    if (queued) return refuse(client_gone());
    phase_ = Phase::kAnswered;
  }
  finish();
}

void Stream::on_send_failure() {
  if (over_ || evicted_) return;
  if (error_code_.empty() && !(response_ && response_->complete())) {
    error_code_ = request::canonical_name(ErrorCode::kUnknown);
    EPP_LOG_ERROR(log_, "failed to send response back to Envoy", "Send failed");
  }
}

void Stream::finish(const StreamStatus& status) {
  if (std::exchange(finished_, true)) return;
  outbox_.finish(status);
}

void Stream::observe_answer() {
  if (std::exchange(answer_observed_, true) || received_ns_ == 0) return;
  services_.metrics->request_processing(std::chrono::nanoseconds(now_ns() - received_ns_));
}

void Stream::on_done(bool cancelled) {
  if (std::exchange(over_, true)) return;
  finished_ = true;
  if (!state_) return;
  mailbox_->close();
  if (director_) {
    if (director_->queued() && error_code_.empty()) error_code_ = request::canonical_name(client_gone().code);
    director_->cancel();
  }
  if (error_code_.empty() && response_->model_server_error())
    error_code_ = request::canonical_name(ErrorCode::kModelServerError);
  series_.error(error_code_);
  if (error_code_ == request::canonical_name(ErrorCode::kModelServerError))
    span_.set_status(telemetry::SpanStatus::kError, error_code_);
  series_.end_running();
  response_->abort(evicted_ ? EPP_END_EVICTED : cancelled ? EPP_END_CLIENT_DISCONNECT : EPP_END_ERROR);
  leave_account();
  if (response_->processing_ns() > 0)
    services_.metrics->response_processing(std::chrono::nanoseconds(response_->processing_ns()));
  span_.end();
}

}  // namespace epp::lifecycle
