#include "support/ext_proc_client.h"

#include <stdexcept>

#include <grpcpp/create_channel.h>

namespace epp::testing {
namespace {

void fill(ext_proc::HttpHeaders& message, const ExtProcStream::Headers& headers, bool end_of_stream) {
  for (const auto& [name, value] : headers) {
    auto* header = message.mutable_headers()->add_headers();
    header->set_key(name);
    header->set_raw_value(value);
  }
  message.set_end_of_stream(end_of_stream);
}

void fill(ext_proc::HttpBody& message, const std::string& body, bool end_of_stream) {
  message.set_body(body);
  message.set_end_of_stream(end_of_stream);
}

}  // namespace

ExtProcStream::ExtProcStream(const std::shared_ptr<grpc::Channel>& channel, std::chrono::milliseconds patience)
    : stub_(ext_proc::ExternalProcessor::NewStub(channel)) {
  context_.set_deadline(std::chrono::system_clock::now() + patience);
  context_.set_wait_for_ready(true);
  stream_ = stub_->Process(&context_);
}

ExtProcStream::~ExtProcStream() {
  if (finished_) return;
  cancel();
  finish();
}

bool ExtProcStream::send(const ext_proc::ProcessingRequest& message) {
  return stream_->Write(message);
}

bool ExtProcStream::send_request_headers(const Headers& headers, bool end_of_stream) {
  ext_proc::ProcessingRequest message;
  fill(*message.mutable_request_headers(), headers, end_of_stream);
  return send(message);
}

bool ExtProcStream::send_request_body(const std::string& body, bool end_of_stream) {
  ext_proc::ProcessingRequest message;
  fill(*message.mutable_request_body(), body, end_of_stream);
  return send(message);
}

bool ExtProcStream::send_request_trailers() {
  ext_proc::ProcessingRequest message;
  message.mutable_request_trailers();
  return send(message);
}

bool ExtProcStream::send_response_headers(const Headers& headers, bool end_of_stream) {
  ext_proc::ProcessingRequest message;
  fill(*message.mutable_response_headers(), headers, end_of_stream);
  return send(message);
}

bool ExtProcStream::send_response_body(const std::string& body, bool end_of_stream) {
  ext_proc::ProcessingRequest message;
  fill(*message.mutable_response_body(), body, end_of_stream);
  return send(message);
}

bool ExtProcStream::send_response_trailers() {
  ext_proc::ProcessingRequest message;
  message.mutable_response_trailers();
  return send(message);
}

std::optional<ext_proc::ProcessingResponse> ExtProcStream::read() {
  ext_proc::ProcessingResponse message;
  if (!stream_->Read(&message)) return std::nullopt;
  return message;
}

ext_proc::ProcessingResponse ExtProcStream::expect() {
  if (auto message = read()) return *std::move(message);
  const grpc::Status status = finish();
  throw std::runtime_error("the ext-proc stream ended with status " + std::to_string(status.error_code()) + " " +
                           status.error_message());
}

std::string ExtProcStream::expect_request_body() {
  return join_body(true);
}

std::string ExtProcStream::expect_response_body() {
  return join_body(false);
}

std::string ExtProcStream::join_body(bool request) {
  std::string body;
  for (;;) {
    const ext_proc::ProcessingResponse message = expect();
    if (request ? !message.has_request_body() : !message.has_response_body()) {
      throw std::runtime_error("expected a piece of body, not " + message.ShortDebugString());
    }
    const auto& piece = (request ? message.request_body() : message.response_body()).response().body_mutation();
    body += piece.streamed_response().body();
    if (piece.streamed_response().end_of_stream()) return body;
  }
}

grpc::Status ExtProcStream::finish() {
  finished_ = true;
  stream_->WritesDone();
  while (read()) {
  }
  return stream_->Finish();
}

ExtProcClient::ExtProcClient(std::uint16_t port)
    : channel_(grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials())) {}

std::unique_ptr<ExtProcStream> ExtProcClient::open(std::chrono::milliseconds patience) const {
  return std::make_unique<ExtProcStream>(channel_, patience);
}

std::optional<std::string> set_header(const ext_proc::HeadersResponse& response, const std::string& name) {
  for (const auto& option : response.response().header_mutation().set_headers()) {
    if (option.header().key() == name) return option.header().raw_value();
  }
  return std::nullopt;
}

}  // namespace epp::testing
