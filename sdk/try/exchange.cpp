#include "exchange.h"

#include "envoy/service/ext_proc/v3/external_processor.grpc.pb.h"

#include <algorithm>

#include <google/protobuf/util/json_util.h>
#include <grpcpp/client_context.h>

namespace epp::trial {

namespace {

namespace ext_proc = envoy::service::ext_proc::v3;
using Clock = std::chrono::steady_clock;
using Rpc = grpc::ClientReaderWriter<ext_proc::ProcessingRequest, ext_proc::ProcessingResponse>;

constexpr std::string_view kDestination = "x-gateway-destination-endpoint";

// gRPC takes a megabyte at a time, and a proxy sends smaller pieces still.
constexpr size_t kPiece = size_t{64} << 10;

void fill(ext_proc::HttpHeaders& message, const Headers& headers, bool end) {
  for (const auto& [name, value] : headers) {
    auto* const header = message.mutable_headers()->add_headers();
    header->set_key(name);
    header->set_raw_value(value);
  }
  message.set_end_of_stream(end);
}

Headers all_headers(const Question& question) {
  Headers headers = {{":method", question.method}, {":path", question.path}, {":authority", "epp-try"}};
  const auto& given = question.headers;
  if (question.has_body &&
      std::none_of(given.begin(), given.end(), [](const auto& header) { return header.first == "content-type"; })) {
    headers.emplace_back("content-type", "application/json");
  }
  headers.insert(headers.end(), question.headers.begin(), question.headers.end());
  return headers;
}

bool send_request(Rpc& rpc, const Question& question, const Headers& headers) {
  ext_proc::ProcessingRequest message;
  fill(*message.mutable_request_headers(), headers, !question.has_body);
  if (!rpc.Write(message)) return false;
  for (size_t begin = 0; question.has_body; begin += kPiece) {
    const bool last = begin + kPiece >= question.body.size();
    ext_proc::ProcessingRequest piece;
    piece.mutable_request_body()->set_body(question.body.substr(begin, kPiece));
    piece.mutable_request_body()->set_end_of_stream(last);
    if (!rpc.Write(piece)) return false;
    if (last) break;
  }
  return true;
}

bool send_response(Rpc& rpc) {
  ext_proc::ProcessingRequest message;
  fill(*message.mutable_response_headers(), {{":status", "200"}}, true);
  return rpc.Write(message);
}

Headers values_of(const ext_proc::HeaderMutation& mutation) {
  Headers headers;
  for (const auto& option : mutation.set_headers()) {
    const auto& header = option.header();
    headers.emplace_back(header.key(), header.raw_value().empty() ? header.value() : header.raw_value());
  }
  return headers;
}

// Headers that are set to what they are say nothing.
void take(const ext_proc::HeaderMutation& mutation, const Headers& sent, Routed& routed) {
  for (auto& header : values_of(mutation)) {
    if (header.first == kDestination) routed.endpoint = header.second;
    if (std::find(sent.begin(), sent.end(), header) == sent.end()) routed.set_headers.push_back(std::move(header));
  }
  routed.removed_headers.insert(routed.removed_headers.end(), mutation.remove_headers().begin(),
                                mutation.remove_headers().end());
}

// The answer to the request's headers and body; false when the stream ended before.
bool read_answer(Rpc& rpc, const Question& question, const Headers& sent, std::variant<Routed, Refused, Failed>& what) {
  auto& routed = what.emplace<Routed>();
  bool headers_due = true;
  bool body_due = question.has_body;
  ext_proc::ProcessingResponse message;
  while (headers_due || body_due) {
    if (!rpc.Read(&message)) return false;
    if (message.has_dynamic_metadata()) {
      routed.metadata.clear();
      static_cast<void>(google::protobuf::util::MessageToJsonString(message.dynamic_metadata(), &routed.metadata));
    }
    switch (message.response_case()) {
      case ext_proc::ProcessingResponse::kRequestHeaders:
        take(message.request_headers().response().header_mutation(), sent, routed);
        headers_due = false;
        break;
      case ext_proc::ProcessingResponse::kRequestBody: {
        const auto& mutation = message.request_body().response().body_mutation();
        if (!mutation.has_streamed_response()) {
          what.emplace<Failed>("it answered the body in another mode than FULL_DUPLEX_STREAMED");
          return true;
        }
        const auto& piece = mutation.streamed_response();
        routed.body += piece.body();
        if (piece.end_of_stream()) body_due = false;
        break;
      }
      case ext_proc::ProcessingResponse::kImmediateResponse: {
        const auto& response = message.immediate_response();
        what.emplace<Refused>(static_cast<unsigned>(response.status().code()), values_of(response.headers()),
                              response.body());
        return true;
      }
      default:
        what.emplace<Failed>("it answered what was not asked: " + message.ShortDebugString());
        return true;
    }
  }
  return true;
}

}  // namespace

Answer ask(const std::shared_ptr<grpc::Channel>& channel, const Question& question, std::chrono::nanoseconds patience) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<std::chrono::system_clock::duration>(patience));
  const auto stub = ext_proc::ExternalProcessor::NewStub(channel);
  const Clock::time_point start = Clock::now();
  const std::unique_ptr<Rpc> rpc = stub->Process(&context);
  Answer answer;
  // What cannot be written was answered already, or the stream has ended: reading tells.
  const Headers headers = all_headers(question);
  send_request(*rpc, question, headers);
  const bool answered = read_answer(*rpc, question, headers, answer.what);
  answer.took = Clock::now() - start;
  auto* const routed = std::get_if<Routed>(&answer.what);
  ext_proc::ProcessingResponse rest;
  if (answered && routed != nullptr) {
    if (send_response(*rpc)) rpc->Read(&rest);
    rpc->WritesDone();
  } else if (answered) {
    context.TryCancel();  // a proxy would not listen any longer either
  }
  while (rpc->Read(&rest)) {
  }
  const grpc::Status status = rpc->Finish();
  const std::string end = "the stream ended with gRPC status " + std::to_string(status.error_code()) +
                          (status.error_message().empty() ? "" : ": " + status.error_message());
  if (!answered) {
    answer.what.emplace<Failed>(end);
  } else if (routed != nullptr && !status.ok()) {
    routed->ended = end;
  }
  return answer;
}

}  // namespace epp::trial
