#include "conformance/exchange.h"

#include "support/ext_proc_client.h"

#include <algorithm>
#include <stdexcept>

namespace epp::conformance {
namespace {

namespace ext_proc = testing::ext_proc;

constexpr const char* kDestination = "x-gateway-destination-endpoint";

Headers set_by(const ext_proc::HeaderMutation& mutation) {
  Headers headers;
  for (const auto& option : mutation.set_headers()) {
    headers.emplace_back(option.header().key(), option.header().raw_value());
  }
  return headers;
}

Decision refused(const ext_proc::ImmediateResponse& response) {
  Decision decision;
  decision.status = static_cast<int>(response.status().code());
  decision.body = response.body();
  decision.headers = set_by(response.headers());
  return decision;
}

google::protobuf::Struct& metadata_of(ext_proc::ProcessingRequest& message, const char* name) {
  return (*message.mutable_metadata_context()->mutable_filter_metadata())[name];
}

// The body from `start` on, as far as a chunk goes; the last message carries the metadata.
ext_proc::ProcessingRequest body_message(const Request& request, std::size_t start) {
  ext_proc::ProcessingRequest message;
  const bool last = request.body.size() - start <= request.chunk;
  message.mutable_request_body()->set_body(request.body.substr(start, request.chunk));
  message.mutable_request_body()->set_end_of_stream(last && !request.trailers);
  if (!last) return message;
  if (request.subset) {
    auto& fields = *metadata_of(message, "envoy.lb.subset_hint").mutable_fields();
    auto* list = fields["x-gateway-destination-endpoint-subset"].mutable_list_value();
    for (const std::string& endpoint : *request.subset) {
      list->add_values()->set_string_value(endpoint);
    }
  }
  return message;
}

}  // namespace

std::string value_of(const Headers& headers, const std::string& name) {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; });
  return found != headers.end() ? found->second : std::string();
}

std::size_t count_of(const Headers& headers, const std::string& name) {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; }));
}

Exchange::Exchange(const testing::ExtProcClient& client, Request request, std::chrono::milliseconds patience)
    : request_(std::move(request)), stream_(client.open(patience)) {
  Headers headers{{":method", request_.without_body ? "GET" : "POST"}};
  if (!request_.path.empty()) headers.emplace_back(":path", request_.path);
  headers.insert(headers.end(), request_.headers.begin(), request_.headers.end());
  stream_->send_request_headers(headers, request_.without_body);
  for (std::size_t start = 0; !request_.without_body; start += request_.chunk) {
    stream_->send(body_message(request_, start));
    if (request_.body.size() - start <= request_.chunk) break;
  }
  if (request_.trailers) stream_->send_request_trailers();
}

Exchange::~Exchange() = default;
Exchange::Exchange(Exchange&&) noexcept = default;

void Exchange::await_decision() {
  const ext_proc::ProcessingResponse first = stream_->expect();
  if (first.has_immediate_response()) {
    decision_ = refused(first.immediate_response());
    return;
  }
  if (!first.has_request_headers()) throw std::runtime_error("expected request headers: " + first.ShortDebugString());
  decision_.headers = set_by(first.request_headers().response().header_mutation());
  const auto& removed = first.request_headers().response().header_mutation().remove_headers();
  decision_.removed.assign(removed.begin(), removed.end());
  decision_.clears_route_cache = first.request_headers().response().clear_route_cache();
  decision_.destination = value_of(decision_.headers, kDestination);
  const auto& spaces = first.dynamic_metadata().fields();
  if (const auto lb = spaces.find("envoy.lb"); lb != spaces.end()) {
    const auto& fields = lb->second.struct_value().fields();
    if (const auto at = fields.find(kDestination); at != fields.end()) {
      decision_.metadata_destination = at->second.string_value();
    }
    if (const auto at = fields.find("x-gateway-destination-endpoint-scores"); at != fields.end()) {
      for (const auto& [endpoint, score] : at->second.struct_value().fields()) {
        decision_.scores[endpoint] = score.number_value();
      }
    }
  }
  if (request_.without_body) return;
  for (bool end = false; !end;) {
    const ext_proc::ProcessingResponse next = stream_->expect();
    if (!next.has_request_body()) throw std::runtime_error("expected request body: " + next.ShortDebugString());
    const auto& piece = next.request_body().response().body_mutation().streamed_response();
    decision_.body += piece.body();
    decision_.pieces.push_back(piece.body().size());
    // With trailers, their answer ends the request.
    end = request_.trailers ? decision_.body.size() >= request_.body.size() : piece.end_of_stream();
  }
  if (request_.trailers && !stream_->expect().has_request_trailers()) {
    throw std::runtime_error("expected request trailers");
  }
}

Decision Exchange::interruption() {
  const ext_proc::ProcessingResponse message = stream_->expect();
  if (!message.has_immediate_response()) throw std::runtime_error("expected an end: " + message.ShortDebugString());
  return refused(message.immediate_response());
}

Headers Exchange::response_headers(const Headers& headers, bool end) {
  stream_->send_response_headers(headers, end);
  return read_response_headers();
}

Headers Exchange::response_headers_served_by(const std::optional<std::string>& endpoint) {
  ext_proc::ProcessingRequest message;
  auto* status = message.mutable_response_headers()->mutable_headers()->add_headers();
  status->set_key(":status");
  status->set_raw_value("200");
  auto& fields = *metadata_of(message, "envoy.lb").mutable_fields();
  fields[endpoint ? "x-gateway-destination-endpoint-served" : "other"].set_string_value(endpoint.value_or("x"));
  stream_->send(message);
  return read_response_headers();
}

Headers Exchange::read_response_headers() {
  const ext_proc::ProcessingResponse message = stream_->expect();
  if (!message.has_response_headers()) throw std::runtime_error("expected headers: " + message.ShortDebugString());
  return set_by(message.response_headers().response().header_mutation());
}

void Exchange::send_response_body(const std::string& chunk, bool end) {
  stream_->send_response_body(chunk, end);
}

std::pair<std::string, bool> Exchange::response_body() {
  const ext_proc::ProcessingResponse message = stream_->expect();
  if (!message.has_response_body()) throw std::runtime_error("expected a body: " + message.ShortDebugString());
  const auto& piece = message.response_body().response().body_mutation().streamed_response();
  return {piece.body(), piece.end_of_stream()};
}

std::string Exchange::finish_response(const std::string& last_chunk) {
  send_response_body(last_chunk, true);
  return stream_->expect_response_body();
}

void Exchange::send_response_trailers() {
  stream_->send_response_trailers();
}

void Exchange::expect_response_trailers() {
  const ext_proc::ProcessingResponse message = stream_->expect();
  if (!message.has_response_trailers()) throw std::runtime_error("expected trailers: " + message.ShortDebugString());
}

void Exchange::cancel() {
  stream_->cancel();
}

int Exchange::finish() {
  return stream_->finish().error_code();
}

bool Exchange::closed_by_server() {
  return !stream_->read().has_value();
}

Client::Client(std::uint16_t port) : client_(std::make_unique<testing::ExtProcClient>(port)) {}

Client::~Client() = default;

Exchange Client::begin(const Request& request, std::chrono::milliseconds patience) const {
  return Exchange(*client_, request, patience);
}

Exchange Client::open(const Request& request) const {
  Exchange exchange = begin(request, testing::kPatience);
  exchange.await_decision();
  return exchange;
}

Decision Client::ask(const Request& request) const {
  Exchange exchange = open(request);
  exchange.finish();
  return exchange.decision();
}

Decision Client::complete(const Request& request, const std::string& response) const {
  Exchange exchange = open(request);
  if (exchange.decision().status == 200) {
    exchange.response_headers({{":status", "200"}, {"content-type", "application/json"}});
    exchange.finish_response(response);
  }
  exchange.finish();
  return exchange.decision();
}

std::map<std::string, int> Client::spread(int count, const Request& request) const {
  std::map<std::string, int> counts;
  for (int i = 0; i < count; ++i) {
    ++counts[ask(request).destination];
  }
  return counts;
}

}  // namespace epp::conformance
