#include "bench/wire/messages.h"

#include "envoy/service/ext_proc/v3/external_processor.pb.h"
#include "extproc/wire_reader.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

namespace epp::bench {
namespace {

namespace ext_proc = envoy::service::ext_proc::v3;
using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Both holes are as long as a UUID.
const std::string kIdHole = "########-id##-####-####-############";
const std::string kPromptHole = "########-text-####-####-############";

std::string uuid(std::uint64_t request) {
  char text[64];
  std::snprintf(text, sizeof text, "%08x-0000-4000-8000-%012llx", static_cast<unsigned>(request * 2654435761U),
                static_cast<unsigned long long>(request & 0xffffffffffff));
  return text;
}

void fill(ext_proc::HttpHeaders& message, const HeaderList& headers) {
  for (const auto& [name, value] : headers) {
    auto* header = message.mutable_headers()->add_headers();
    header->set_key(name);
    header->set_raw_value(value);
  }
}

std::string serialise(const ext_proc::ProcessingRequest& message) {
  return message.SerializeAsString();
}

std::string headers_message(std::size_t body_size) {
  ext_proc::ProcessingRequest message;
  fill(*message.mutable_request_headers(), {{":authority", "models.example"},
                                            {":path", "/v1/chat/completions"},
                                            {":method", "POST"},
                                            {":scheme", "http"},
                                            {"content-type", "application/json"},
                                            {"content-length", std::to_string(body_size)},
                                            {"accept", "text/event-stream"},
                                            {"user-agent", "OpenAI/Python 1.99.0"},
                                            {"x-forwarded-proto", "http"},
                                            {"x-request-id", kIdHole}});
  return serialise(message);
}

// Words, so that it looks like a prompt to whoever hashes or tokenises it.
std::string words(std::size_t size, unsigned seed) {
  static constexpr std::string_view kWords[] = {"serve",  "the",   "nearest", "cache",  "of",   "tokens",
                                                "before", "queue", "and",     "prefix", "grow", "long"};
  std::string text;
  for (unsigned state = seed * 7919 + 1; text.size() < size; state = state * 1103515245 + 12345) {
    text += kWords[(state >> 16) % std::size(kWords)];
    text += ' ';
  }
  text.resize(size);
  return text;
}

std::string chat_body(const Workload& workload, unsigned group) {
  const std::string head = R"({"model":"meta-llama/Llama-3.1-8B-Instruct","stream":true,"max_tokens":200,)"
                           R"("messages":[{"role":"system","content":")";
  const std::string middle = R"("},{"role":"user","content":")";
  auto shared = static_cast<std::size_t>(static_cast<double>(workload.prompt_bytes) * workload.shared_prefix);
  // The hole must not lie across two pieces.
  const std::size_t hole = (head.size() + shared + middle.size()) % Messages::kPiece;
  const std::size_t over = hole + kPromptHole.size() > Messages::kPiece ? Messages::kPiece - hole : 0;
  shared += over;
  const std::size_t own = std::max(workload.prompt_bytes, shared + kPromptHole.size()) - shared - kPromptHole.size();
  return head + words(shared, group) + middle + kPromptHole + words(own, group + Messages::kGroups) + "\"}]}";
}

std::vector<MessageTemplate> body_messages(const std::string& body) {
  std::vector<MessageTemplate> pieces;
  for (std::size_t at = 0; at < body.size(); at += Messages::kPiece) {
    ext_proc::ProcessingRequest message;
    message.mutable_request_body()->set_body(body.substr(at, Messages::kPiece));
    message.mutable_request_body()->set_end_of_stream(at + Messages::kPiece >= body.size());
    pieces.emplace_back(serialise(message), kPromptHole);
  }
  return pieces;
}

grpc::ByteBuffer constant(const ext_proc::ProcessingRequest& message) {
  const grpc::Slice slice(serialise(message));
  return {&slice, 1};
}

grpc::ByteBuffer response_piece(const std::string& body, bool end_of_stream) {
  ext_proc::ProcessingRequest message;
  message.mutable_response_body()->set_body(body);
  message.mutable_response_body()->set_end_of_stream(end_of_stream);
  return constant(message);
}

std::vector<grpc::ByteBuffer> response_messages() {
  const std::string event =
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,)"
      R"("model":"meta-llama/Llama-3.1-8B-Instruct","choices":[{"index":0,"delta":{"content":" token"},)"
      R"("logprobs":null,"finish_reason":null}]})"
      "\n\n";
  const std::string last = R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,)"
                           R"("model":"meta-llama/Llama-3.1-8B-Instruct","choices":[],)"
                           R"("usage":{"prompt_tokens":250,"total_tokens":270,"completion_tokens":20}})"
                           "\n\ndata: [DONE]\n\n";
  std::vector<grpc::ByteBuffer> messages;
  ext_proc::ProcessingRequest headers;
  fill(*headers.mutable_response_headers(), {{":status", "200"},
                                             {"content-type", "text/event-stream; charset=utf-8"},
                                             {"server", "uvicorn"},
                                             {"x-envoy-upstream-service-time", "12"}});
  messages.push_back(constant(headers));
  for (unsigned i = 0; i + 1 < Messages::kEvents; ++i)
    messages.push_back(response_piece(event, false));
  messages.push_back(response_piece(last, false));
  messages.push_back(response_piece("", true));
  return messages;
}

bool descend(extproc::WireReader& in, std::uint32_t field) {
  while (!in.at_end()) {
    extproc::Tag tag;
    if (!in.tag(tag)) return false;
    if (tag.is(field, extproc::WireType::kBytes)) {
      extproc::WireReader inner({});
      if (!in.message(inner)) return false;
      in = inner;
      return true;
    }
    if (!in.skip(tag)) return false;
  }
  return false;
}

// BodyResponse { 1 response { 3 body_mutation { 3 streamed_response { 2 end_of_stream } } } }
bool ends_the_body(extproc::WireReader in) {
  if (!descend(in, 1) || !descend(in, 3) || !descend(in, 3)) return false;
  bool end = false;
  for (extproc::Tag tag; !in.at_end() && in.tag(tag);) {
    if (tag.is(2, extproc::WireType::kVarint) ? !in.boolean(end) : !in.skip(tag)) return false;
  }
  return end;
}

}  // namespace

std::string Workload::describe() const {
  const auto plural = [](unsigned n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  const std::string scraping = refresh > std::chrono::seconds(1) ? ", not scraped meanwhile" : "";
  if (streams == 0) return "no traffic, " + plural(endpoints, "endpoint");
  return std::to_string(prompt_bytes / 1024) + " KiB prompt (" +
         std::to_string(static_cast<int>(shared_prefix * 100 + 0.5)) + "% shared), " + plural(endpoints, "endpoint") +
         ", " + plural(streams, "stream") + " on " + plural(connections, "connection") +
         (response ? ", with response" : "") + scraping;
}

MessageTemplate::MessageTemplate(const std::string& serialised, const std::string& hole) {
  const std::size_t at = serialised.find(hole);
  if (at == std::string::npos) {
    slices_.emplace_back(serialised);
    hole_ = 1;
    return;
  }
  slices_.emplace_back(serialised.substr(0, at));
  slices_.emplace_back(hole);
  slices_.emplace_back(serialised.substr(at + hole.size()));
  hole_ = 1;
}

grpc::ByteBuffer MessageTemplate::fill(const std::string& filling) const {
  if (hole_ == slices_.size()) return {slices_.data(), slices_.size()};
  std::vector<grpc::Slice> slices = slices_;
  slices[hole_] = grpc::Slice(filling);
  return {slices.data(), slices.size()};
}

Messages::Messages(const Workload& workload)
    : headers_(headers_message(chat_body(workload, 0).size()), kIdHole), response_(response_messages()) {
  for (unsigned group = 0; group < kGroups; ++group)
    bodies_.push_back(body_messages(chat_body(workload, group)));
}

grpc::ByteBuffer Messages::request_headers(std::uint64_t request) const {
  return headers_.fill(uuid(request));
}

std::vector<grpc::ByteBuffer> Messages::request_body(std::uint64_t request) const {
  std::vector<grpc::ByteBuffer> pieces;
  for (const MessageTemplate& piece : bodies_[request % kGroups])
    pieces.push_back(piece.fill(uuid(request)));
  return pieces;
}

Reply read_reply(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return {};
  std::vector<std::string_view> pieces;
  for (const grpc::Slice& slice : slices)
    pieces.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
  extproc::WireReader in(pieces);
  Reply reply;
  for (extproc::Tag tag; !in.at_end();) {
    extproc::WireReader inner({});
    if (!in.tag(tag)) return {};
    if (tag.type != extproc::WireType::kBytes || !in.message(inner)) return {};
    switch (tag.field) {
      case 1:
        reply.kind = Reply::Kind::kRequestHeaders;
        break;
      case 2:
        reply.kind = Reply::Kind::kResponseHeaders;
        break;
      case 3:
        reply.kind = Reply::Kind::kRequestBody;
        reply.end_of_stream = ends_the_body(inner);
        break;
      case 4:
        reply.kind = Reply::Kind::kResponseBody;
        reply.end_of_stream = ends_the_body(inner);
        break;
      case 7:
        reply.kind = Reply::Kind::kImmediate;
        break;
      default:
        break;
    }
  }
  return reply;
}

}  // namespace epp::bench
