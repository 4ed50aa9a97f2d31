// An ext-proc client for tests: one stream, message by message, with a deadline behind every read.
#pragma once

#include "envoy/service/ext_proc/v3/external_processor.grpc.pb.h"
#include "extproc/server.h"
#include "unit/lifecycle/world.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

namespace epp::extproc::testing {

namespace pb = envoy::service::ext_proc::v3;
using lifecycle::testing::HeaderList;

std::shared_ptr<grpc::Channel> connect(const Server& server);

class ClientStream {
 public:
  explicit ClientStream(const std::shared_ptr<grpc::Channel>& channel,
                        std::chrono::milliseconds patience = std::chrono::seconds(20));

  void request_headers(const HeaderList& headers = {}, bool end = false);
  void request_body(const std::string& body, bool end);
  void request_trailers();
  void response_headers(const HeaderList& headers, bool end = false);
  void response_body(const std::string& body, bool end);
  void response_trailers();
  bool write(const pb::ProcessingRequest& request) { return stream_->Write(request); }

  /// nullopt at the end of the stream.
  std::optional<pb::ProcessingResponse> read();
  void half_close() { stream_->WritesDone(); }
  void cancel() { context_.TryCancel(); }
  /// Reads on to the end.
  grpc::Status status();

 private:
  grpc::ClientContext context_;
  std::unique_ptr<pb::ExternalProcessor::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<pb::ProcessingRequest, pb::ProcessingResponse>> stream_;
};

std::optional<std::string> set_header(const pb::ProcessingResponse& response, const std::string& name);
const std::string& body_of(const pb::ProcessingResponse& response);
bool ends(const pb::ProcessingResponse& response);

/// Polls until `condition` holds; false after 20 s.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace epp::extproc::testing
