#include "lifecycle/response_phase.h"

#include "lifecycle/dynamic_metadata.h"
#include "plugins/environment.h"
#include "request/chunking.h"
#include "request/parser.h"

#include <bit>
#include <charconv>
#include <chrono>
#include <utility>

namespace epp::lifecycle {
namespace {

std::uint64_t now_ns() {
  return plugins::clock().now_ns();
}

telemetry::Seconds seconds(std::uint64_t from_ns, std::uint64_t to_ns) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(to_ns - from_ns));
}

std::uint64_t to_count(std::int64_t tokens) {
  return tokens > 0 ? static_cast<std::uint64_t>(tokens) : 0;
}

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Adds the time of a scope to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(std::uint64_t& sum) : sum_(sum), start_(now_ns()) {}
  ~Stopwatch() { sum_ += now_ns() - start_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  std::uint64_t& sum_;
  const std::uint64_t start_;
};

}  // namespace

ResponsePhase::ResponsePhase(const Services& services, const Pipeline& pipeline, RequestState& state, Outbox& outbox,
                             telemetry::RequestSeries& series)
    : services_(services),
      pipeline_(pipeline),
      state_(state),
      outbox_(outbox),
      series_(series),
      held_bytes_(services.budget) {
  view_.size = sizeof(view_);
  usage_.size = sizeof(usage_);
  view_.usage = &usage_;
}

void ResponsePhase::expect(Expectation expectation) {
  expected_ = std::move(expectation);
  streaming_ = expected_.stream_requested || services_.options.stream_responses;
  view_.target = expected_.target ? &expected_.target->abi() : nullptr;
}

void ResponsePhase::on_headers(const Inbound& message) {
  const std::uint64_t start = now_ns();
  if (started_ns_ == 0) started_ns_ = start;
  flatten_metadata(message.metadata, state_.context.incoming_metadata);
  classify(message);
  if (!std::exchange(headers_seen_, true)) run_header_hooks();

  EchoRules rules;
  rules.request = false;
  const EchoPlan plan = plan_echo(state_.context.response_headers, repeated_, state_.context.response_mutations, rules);
  std::vector<HeaderField> set;
  set.reserve(plan.set.size() + 1);
  set.push_back({header::kSeenResponse, "true"});
  set.insert(set.end(), plan.set.begin(), plan.set.end());
  HeadersReply reply;
  reply.direction = Direction::kResponse;
  reply.set_headers = set;
  reply.remove_headers = plan.remove;
  outbox_.send(reply);
  if (streaming_) processing_ns_ += now_ns() - start;
  // No body will come: a 204, the answer to HEAD, an error without text.
  if (message.end_of_stream && !complete_) finish(Ending::kNone);
}

void ResponsePhase::classify(const Inbound& message) {
  plugins::HeaderMap& headers = state_.context.response_headers;
  headers.clear();
  repeated_.clear();
  for (const HeaderField& field : message.headers) {
    const std::string name = to_lower(field.key);
    repeated_.note(name, headers.find(name) != nullptr);
    headers.set(name, field.value);
  }
  const std::string* status = headers.find(":status");
  if (status == nullptr) status = headers.find("status");
  if (status != nullptr) {
    std::uint32_t code = 0;
    std::from_chars(status->data(), status->data() + status->size(), code);
    view_.status = code;
    if (code < 200 || code > 299) model_server_error_ = true;
  }
  if (const std::string* type = headers.find("content-type")) {
    event_stream_ = request::is_event_stream(*type);
    streaming_ = streaming_ || event_stream_;
  }
  const std::string* encoding = headers.find("content-encoding");
  encoded_ = encoding != nullptr && !encoding->empty() && *encoding != "identity";
}

void ResponsePhase::run_header_hooks() {
  if (!expected_.hooks_due) return;
  plugins::Call hook = call();
  refresh_view();
  state_.timer.restart();
  for (const plugins::InstancePtr& instance : pipeline_.plugins->response_headers)
    plugins::run_response_header(*instance, hook, view_);
}

// Decides, when the first body byte or the end comes, what can be learnt from the body.
void ResponsePhase::open_body() {
  if (std::exchange(body_open_, true)) return;
  if (started_ns_ == 0) started_ns_ = now_ns();
  const auto format = event_stream_ ? request::ResponseFormat::kEventStream : request::ResponseFormat::kJson;
  if (expected_.parser && !encoded_) {
    extractor_ = expected_.parser->make_usage_extractor(format);
    parsing_ =
        services_.metrics->plugin_duration("ResponseParsing", expected_.parser->type(), expected_.parser->type());
  }
  if (!encoded_) restorer_.emplace(state_.context.target_model, state_.context.incoming_model);
}

void ResponsePhase::on_body(const Inbound& message) {
  if (complete_) return;
  open_body();
  flatten_metadata(message.metadata, state_.context.incoming_metadata);
  if (streaming_) {
    const Stopwatch watch(processing_ns_);
    take(message);
  } else {
    take(message);
  }
}

void ResponsePhase::take(const Inbound& message) {
  account(message.body);
  if (message.end_of_stream) {
    if (!streaming_) hold(message);
    // hold() may just have begun to stream; the chunk itself is then still to be sent.
    if (streaming_) held_.clear();
    complete_ns_ = now_ns();
    MetadataValue metadata;
    run_end_hooks();
    add_metadata(state_.context.response_metadata, metadata);
    const MetadataValue* extra = metadata.fields.empty() ? nullptr : &metadata;
    if (streaming_) {
      send_streamed(message.body, message.body_owner, Ending::kEndOfStream, extra);
    } else {
      send_held(Ending::kEndOfStream, extra);
    }
    observe_end();
    return;
  }
  if (!streaming_) hold(message);
  if (streaming_) send_streamed(message.body, message.body_owner, Ending::kNone, nullptr);
}

void ResponsePhase::account(std::span<const std::string_view> pieces) {
  bool first_piece = true;
  for (std::string_view piece : pieces) {
    if (piece.empty()) continue;
    const std::uint64_t now = now_ns();
    if (view_.first_byte_ns == 0) {
      view_.first_byte_ns = now;
    } else if (streaming_ && first_piece) {
      series_.itl(seconds(last_chunk_ns_, now));
    }
    first_piece = false;
    last_chunk_ns_ = now;
    view_.body_size += piece.size();
    ++view_.chunks;
    if (extractor_) {
      extractor_->feed(piece);
      parsing_.observe(seconds(now, now_ns()).count());
    }
    if (pipeline_.in_flight && std::has_single_bit(view_.chunks))
      pipeline_.in_flight->progressed(state_.context.abi()->serial, view_.chunks);
    if (!expected_.hooks_due || pipeline_.plugins->response_bodies.empty()) continue;
    refresh_view();
    plugins::Call hook = call();
    state_.timer.restart();
    for (const plugins::InstancePtr& instance : pipeline_.plugins->response_bodies)
      plugins::run_response_body(*instance, hook, view_, bytes(piece), false);
    // Load that is counted until the first byte only, e.g. that of a prefill, is gone.
    if (view_.chunks == 1) pipeline_.admission->capacity_changed();
  }
}

// Keeps the chunk, or begins to stream: then everything before it has been sent, itself not.
void ResponsePhase::hold(const Inbound& message) {
  const std::size_t size = message.body_size();
  const bool room = held_bytes_.bytes() + size <= services_.options.max_held_response_bytes && held_bytes_.grow(size);
  if (!room) {
    let_go();
    return;
  }
  if (message.body_owner) {
    for (std::string_view piece : message.body) {
      if (!piece.empty()) held_.push_back({piece, message.body_owner});
    }
    return;
  }
  auto copy = std::make_shared<std::string>();
  copy->reserve(size);
  for (std::string_view piece : message.body)
    copy->append(piece);
  const std::string_view kept = *copy;
  if (!kept.empty()) held_.push_back({kept, std::move(copy)});
}

void ResponsePhase::let_go() {
  streaming_ = true;
  EPP_LOG(expected_.log, kDefault, "Response too large to be held back, streaming it", {"bytes", held_bytes_.bytes()});
  for (const Held& chunk : held_)
    send_streamed({&chunk.bytes, 1}, chunk.owner, Ending::kNone, nullptr);
  held_.clear();
  held_bytes_.release();
}

void ResponsePhase::on_trailers(const Inbound& message) {
  if (trailers_answered_) return;
  trailers_answered_ = true;
  TrailersReply reply;
  reply.direction = Direction::kResponse;
  MetadataValue metadata;
  if (!complete_) {
    open_body();
    flatten_metadata(message.metadata, state_.context.incoming_metadata);
    const bool was_streaming = streaming_;
    finish(Ending::kTrailers);
    // A held body carries the metadata itself; after a streamed one only the trailers are left for it.
    if (was_streaming) add_metadata(state_.context.response_metadata, metadata);
  }
  if (!metadata.fields.empty()) reply.dynamic_metadata = &metadata;
  outbox_.send(reply);
  EPP_LOG(expected_.log, kDebug, "EPP sent trailer back to proxy");
}

void ResponsePhase::finish(Ending ending) {
  open_body();
  complete_ns_ = now_ns();
  run_end_hooks();
  if (ending == Ending::kTrailers) {
    MetadataValue metadata;
    if (streaming_) {
      send_streamed({}, nullptr, ending, nullptr);
    } else {
      add_metadata(state_.context.response_metadata, metadata);
      send_held(ending, metadata.fields.empty() ? nullptr : &metadata);
    }
  }
  observe_end();
}

void ResponsePhase::send_streamed(std::span<const std::string_view> pieces, const std::shared_ptr<const void>& owner,
                                  Ending ending, const MetadataValue* metadata) {
  const bool end = ending == Ending::kEndOfStream;
  if (!restorer_ || !restorer_->active()) {
    if (ending != Ending::kTrailers) forward(pieces, owner, end, metadata);
    return;
  }
  std::string text;
  for (std::string_view piece : pieces) {
    for (std::string_view part : restorer_->feed(piece))
      text += part;
  }
  if (ending != Ending::kNone) {
    for (std::string_view part : restorer_->finish())
      text += part;
  }
  // What is held back for now goes out with the next chunk; before trailers there is none.
  if (text.empty() && ending == Ending::kTrailers) return;
  bool empty_chunk = true;
  for (std::string_view piece : pieces)
    empty_chunk = empty_chunk && piece.empty();
  if (text.empty() && !end && !empty_chunk) return;
  auto kept = std::make_shared<const std::string>(std::move(text));
  const std::string_view all = *kept;
  forward({&all, 1}, std::move(kept), end, metadata);
}

void ResponsePhase::send_held(Ending ending, const MetadataValue* metadata) {
  const bool end = ending == Ending::kEndOfStream;
  if (restorer_ && restorer_->active()) {
    std::string whole;
    for (const Held& chunk : held_)
      whole += chunk.bytes;
    auto kept = std::make_shared<std::string>();
    for (std::string_view part : restorer_->restore_all(whole))
      *kept += part;
    const std::string_view all = *kept;
    forward({&all, 1}, std::move(kept), end, metadata);
  } else {
    std::vector<std::string_view> pieces;
    auto owners = std::make_shared<std::vector<std::shared_ptr<const void>>>();
    for (Held& chunk : held_) {
      pieces.push_back(chunk.bytes);
      owners->push_back(std::move(chunk.owner));
    }
    forward(pieces, std::move(owners), end, metadata);
  }
  held_.clear();
  held_bytes_.release();
}

void ResponsePhase::forward(std::span<const std::string_view> pieces, const std::shared_ptr<const void>& owner,
                            bool end_of_stream, const MetadataValue* metadata) {
  for (request::BodyChunks chunks(pieces); chunks.next();) {
    BodyReply reply;
    reply.direction = Direction::kResponse;
    reply.pieces = chunks.pieces();
    reply.end_of_stream = end_of_stream && chunks.last();
    reply.owner = owner;
    if (chunks.last()) reply.dynamic_metadata = metadata;
    outbox_.send(reply);
  }
}

void ResponsePhase::refresh_view() {
  view_.flags = streaming_ ? EPP_RESPONSE_STREAM : 0;
  if (!extractor_) return;
  view_.streamed_events = extractor_->streamed_events();
  if (const std::optional<request::Usage>& usage = extractor_->usage()) {
    usage_.prompt_tokens = to_count(usage->prompt_tokens);
    usage_.completion_tokens = to_count(usage->completion_tokens);
    usage_.total_tokens = to_count(usage->total_tokens);
    usage_.has_cached = usage->cached_tokens.has_value() ? 1 : 0;
    usage_.cached_tokens = to_count(usage->cached_tokens.value_or(0));
  }
}

std::optional<std::int64_t> ResponsePhase::tokens() const {
  if (!extractor_ || !extractor_->usage()) return std::nullopt;
  // What no model server means does not upset what is reckoned with it.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  return static_cast<std::int64_t>(std::min(usage_.prompt_tokens, kMost) + std::min(usage_.completion_tokens, kMost));
}

void ResponsePhase::run_end_hooks() {
  complete_ = true;
  if (extractor_) extractor_->finish();
  refresh_view();
  if (expected_.hooks_due && !hooks_over_) {
    plugins::Call hook = call();
    state_.timer.restart();
    for (const plugins::InstancePtr& instance : pipeline_.plugins->response_bodies)
      plugins::run_response_body(*instance, hook, view_, {}, true);
  }
  run_complete_hooks(EPP_END_NATURAL);
}

void ResponsePhase::run_complete_hooks(std::uint32_t cause) {
  if (!expected_.hooks_due || std::exchange(hooks_over_, true)) return;
  plugins::Call hook = call();
  state_.timer.restart();
  for (const plugins::InstancePtr& instance : pipeline_.plugins->response_completes)
    plugins::run_response_complete(*instance, hook, view_, cause);
}

void ResponsePhase::observe_end() {
  EPP_LOG(expected_.log, kDefault, "EPP sent response body back to proxy", {"modelName", state_.context.incoming_model},
          {"targetModelName", state_.context.target_model});
  if (!streaming_) processing_ns_ = complete_ns_ - started_ns_;
  series_.response_size(view_.body_size);
  if (extractor_ && extractor_->usage()) {
    series_.input_tokens(usage_.prompt_tokens);
    series_.output_tokens(usage_.completion_tokens);
    if (usage_.has_cached != 0) series_.cached_tokens(usage_.cached_tokens);
  }
  const std::uint64_t received = expected_.received_ns;
  if (received == 0 || complete_ns_ <= received) return;
  const telemetry::Seconds duration = seconds(received, complete_ns_);
  series_.duration(duration);
  if (usage_.completion_tokens > 0) series_.ntpot(duration / static_cast<double>(usage_.completion_tokens));
  if (view_.first_byte_ns <= received) return;
  // A response that was held back reaches the client with its last byte.
  const telemetry::Seconds first = seconds(received, streaming_ ? view_.first_byte_ns : complete_ns_);
  series_.ttft(first, streaming_);
  if (streaming_ && usage_.completion_tokens > 1)
    series_.tpot((duration - first) / static_cast<double>(usage_.completion_tokens - 1));
}

void ResponsePhase::abort(std::uint32_t cause) {
  held_.clear();
  held_bytes_.release();
  refresh_view();
  // Also due when the response ended before its request was dispatched.
  run_complete_hooks(cause);
  if (std::exchange(complete_, true) || !expected_.target) return;
  series_.response_size(view_.body_size);
  const std::uint64_t now = now_ns();
  if (expected_.received_ns != 0 && now > expected_.received_ns) series_.duration(seconds(expected_.received_ns, now));
}

}  // namespace epp::lifecycle
