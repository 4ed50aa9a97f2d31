#pragma once

#include "envoy/service/ext_proc/v3/external_processor.grpc.pb.h"
#include "support/wait.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

namespace epp::testing {

namespace ext_proc = envoy::service::ext_proc::v3;

// One ext-proc stream, driven message by message as Envoy would. Reads and writes throw std::runtime_error when the
// deadline has passed.
class ExtProcStream {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  ExtProcStream(const std::shared_ptr<grpc::Channel>& channel, std::chrono::milliseconds patience);
  ~ExtProcStream();

  // False if the server has closed the stream.
  bool send(const ext_proc::ProcessingRequest& message);
  bool send_request_headers(const Headers& headers, bool end_of_stream = false);
  bool send_request_body(const std::string& body, bool end_of_stream);
  bool send_request_trailers();
  bool send_response_headers(const Headers& headers, bool end_of_stream = false);
  bool send_response_body(const std::string& body, bool end_of_stream);
  bool send_response_trailers();

  // The next message; nothing at the end of the stream.
  std::optional<ext_proc::ProcessingResponse> read();

  // As read(), but the end of the stream is an error that names its status.
  ext_proc::ProcessingResponse expect();

  // Body pieces up to and including the one with end_of_stream, joined.
  std::string expect_request_body();
  std::string expect_response_body();

  // Says that nothing more will be sent, drops what is still unread, and returns the stream's status.
  grpc::Status finish();

  // Breaks the stream off, as Envoy does when its client goes away.
  void cancel() { context_.TryCancel(); }

 private:
  std::string join_body(bool request);

  grpc::ClientContext context_;
  std::unique_ptr<ext_proc::ExternalProcessor::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<ext_proc::ProcessingRequest, ext_proc::ProcessingResponse>> stream_;
  bool finished_ = false;
};

// Opens streams to an ext-proc server on 127.0.0.1.
class ExtProcClient {
 public:
  explicit ExtProcClient(std::uint16_t port);
  std::unique_ptr<ExtProcStream> open(std::chrono::milliseconds patience = kPatience) const;

 private:
  std::shared_ptr<grpc::Channel> channel_;
};

// Header `name` that a mutation sets; nothing if it does not.
std::optional<std::string> set_header(const ext_proc::HeadersResponse& response, const std::string& name);

}  // namespace epp::testing
