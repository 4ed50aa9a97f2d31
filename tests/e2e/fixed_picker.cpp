#include "fixed_picker.h"

#include <utility>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

namespace epp::testing {

class FixedPicker::Service final : public ext_proc::ExternalProcessor::Service {
 public:
  explicit Service(std::string destination) : destination_(std::move(destination)) {}

  grpc::Status Process(
      grpc::ServerContext* /*context*/,
      grpc::ServerReaderWriter<ext_proc::ProcessingResponse, ext_proc::ProcessingRequest>* stream) override {
    ext_proc::ProcessingRequest message;
    while (stream->Read(&message)) {
      if (!stream->Write(reply(message))) break;
    }
    return grpc::Status::OK;
  }

 private:
  ext_proc::ProcessingResponse reply(const ext_proc::ProcessingRequest& message) const {
    ext_proc::ProcessingResponse response;
    if (message.has_request_headers()) {
      auto* common = response.mutable_request_headers()->mutable_response();
      auto* header = common->mutable_header_mutation()->add_set_headers()->mutable_header();
      header->set_key("x-gateway-destination-endpoint");
      header->set_raw_value(destination_);
      common->set_clear_route_cache(true);
    } else if (message.has_request_body()) {
      pass_on(message.request_body(), *response.mutable_request_body());
    } else if (message.has_request_trailers()) {
      response.mutable_request_trailers();
    } else if (message.has_response_headers()) {
      response.mutable_response_headers()->mutable_response();
    } else if (message.has_response_body()) {
      pass_on(message.response_body(), *response.mutable_response_body());
    } else {
      response.mutable_response_trailers();
    }
    return response;
  }

  static void pass_on(const ext_proc::HttpBody& piece, ext_proc::BodyResponse& response) {
    auto* streamed = response.mutable_response()->mutable_body_mutation()->mutable_streamed_response();
    streamed->set_body(piece.body());
    streamed->set_end_of_stream(piece.end_of_stream());
  }

  const std::string destination_;
};

FixedPicker::FixedPicker(std::string destination) : service_(std::make_unique<Service>(std::move(destination))) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
}

FixedPicker::~FixedPicker() {
  server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace epp::testing
