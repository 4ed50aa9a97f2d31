#include "integration/extproc/client.h"

#include <grpcpp/create_channel.h>

namespace epp::extproc::testing {
namespace {

void fill(envoy::config::core::v3::HeaderMap& map, const HeaderList& headers) {
  for (const auto& [key, value] : headers) {
    auto& header = *map.add_headers();
    header.set_key(key);
    header.set_raw_value(value);
  }
}

const pb::StreamedBodyResponse& streamed(const pb::ProcessingResponse& response) {
  const pb::BodyResponse& body = response.has_request_body() ? response.request_body() : response.response_body();
  return body.response().body_mutation().streamed_response();
}

}  // namespace

std::shared_ptr<grpc::Channel> connect(const Server& server) {
  grpc::ChannelArguments arguments;
  // A connection of its own for each channel.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server.port()), grpc::InsecureChannelCredentials(),
                                   arguments);
}

ClientStream::ClientStream(const std::shared_ptr<grpc::Channel>& channel, std::chrono::milliseconds patience)
    : stub_(pb::ExternalProcessor::NewStub(channel)) {
  context_.set_deadline(std::chrono::system_clock::now() + patience);
  stream_ = stub_->Process(&context_);
}

void ClientStream::request_headers(const HeaderList& headers, bool end) {
  pb::ProcessingRequest request;
  fill(*request.mutable_request_headers()->mutable_headers(), headers);
  request.mutable_request_headers()->set_end_of_stream(end);
  stream_->Write(request);
}

void ClientStream::request_body(const std::string& body, bool end) {
  pb::ProcessingRequest request;
  request.mutable_request_body()->set_body(body);
  request.mutable_request_body()->set_end_of_stream(end);
  stream_->Write(request);
}

void ClientStream::request_trailers() {
  pb::ProcessingRequest request;
  request.mutable_request_trailers();
  stream_->Write(request);
}

void ClientStream::response_headers(const HeaderList& headers, bool end) {
  pb::ProcessingRequest request;
  fill(*request.mutable_response_headers()->mutable_headers(), headers);
  request.mutable_response_headers()->set_end_of_stream(end);
  stream_->Write(request);
}

void ClientStream::response_body(const std::string& body, bool end) {
  pb::ProcessingRequest request;
  request.mutable_response_body()->set_body(body);
  request.mutable_response_body()->set_end_of_stream(end);
  stream_->Write(request);
}

void ClientStream::response_trailers() {
  pb::ProcessingRequest request;
  request.mutable_response_trailers();
  stream_->Write(request);
}

std::optional<pb::ProcessingResponse> ClientStream::read() {
  pb::ProcessingResponse response;
  if (!stream_->Read(&response)) return std::nullopt;
  return response;
}

grpc::Status ClientStream::status() {
  pb::ProcessingResponse response;
  while (stream_->Read(&response)) {
  }
  return stream_->Finish();
}

std::optional<std::string> set_header(const pb::ProcessingResponse& response, const std::string& name) {
  const pb::HeadersResponse& headers =
      response.has_request_headers() ? response.request_headers() : response.response_headers();
  for (const auto& option : headers.response().header_mutation().set_headers()) {
    if (option.header().key() == name) return option.header().raw_value();
  }
  return std::nullopt;
}

const std::string& body_of(const pb::ProcessingResponse& response) {
  return streamed(response).body();
}

bool ends(const pb::ProcessingResponse& response) {
  return streamed(response).end_of_stream();
}

}  // namespace epp::extproc::testing
