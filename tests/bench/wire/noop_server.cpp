// An ext-proc server with nothing behind it: every request goes to one fixed endpoint and every body back unread. What
// gRPC itself costs, and so the ceiling of any EPP that is built on it. Prints its port and serves until it is killed.
//
//   noop-ext-proc [PORT]
#include <cstdint>
#include <deque>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

namespace {

constexpr unsigned kThreads = 2;
const std::string kDestinationKey = "x-gateway-destination-endpoint";
const std::string kDestination = "127.0.0.1:8000";

// ---- just enough protobuf ----

std::string varint(std::size_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string field(unsigned number, const std::string& bytes) {
  return static_cast<char>(number << 3 | 2) + varint(bytes.size()) + bytes;
}

// ProcessingResponse { N HeadersResponse { 1 response { 2 header_mutation } } }
std::string headers_reply(unsigned number, const std::string& mutation) {
  return field(number, field(1, field(2, mutation)));
}

// HttpBody, as it comes in, and StreamedBodyResponse, as it goes out, number their fields alike: only what stands
// before those bytes differs. ProcessingResponse { N BodyResponse { 1 response { 3 body_mutation { 3 streamed_response
// } } } }
std::string before_body(unsigned number, std::size_t size) {
  std::string prefix;
  for (const unsigned outer : {3U, 3U, 1U, number}) {
    prefix = static_cast<char>(outer << 3 | 2) + varint(size) + prefix;
    size += 1 + varint(size).size();
  }
  return prefix;
}

struct Message {
  unsigned field = 0;
  std::size_t size = 0;              // of the member
  std::vector<grpc::Slice> content;  // the member
};

// The one member of a ProcessingRequest, without looking into it.
std::optional<Message> open(const grpc::ByteBuffer& buffer) {
  Message message;
  if (!buffer.Dump(&message.content).ok()) return std::nullopt;
  std::vector<grpc::Slice>& slices = message.content;
  const auto take = [&slices]() -> std::optional<std::uint8_t> {
    while (!slices.empty() && slices.front().size() == 0)
      slices.erase(slices.begin());
    if (slices.empty()) return std::nullopt;
    const std::uint8_t byte = *slices.front().begin();
    slices.front() = slices.front().sub(1, slices.front().size());
    return byte;
  };
  const auto tag = take();
  if (!tag || (*tag & 7) != 2) return std::nullopt;
  message.field = *tag >> 3;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = take();
    if (!byte) return std::nullopt;
    message.size |= static_cast<std::size_t>(*byte & 0x7f) << shift;
    if ((*byte & 0x80) == 0) return message;
  }
  return std::nullopt;
}

// ---- one stream; deletes itself at its end ----

class Call {
 public:
  Call(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), transport_(&context_) {
    service_.RequestCall(&context_, &transport_, &queue_, &queue_, this);
  }

  void proceed(bool ok) {
    switch (state_) {
      case State::kAccept:
        if (!ok) break;
        new Call(service_, queue_);
        return read();
      case State::kRead:
        return ok && take(incoming_) ? go_on() : finish();
      case State::kWrite:
        replies_.pop_front();
        return ok ? go_on() : finish();
      case State::kFinish:
        break;
    }
    delete this;
  }

 private:
  enum class State { kAccept, kRead, kWrite, kFinish };

  void read() {
    state_ = State::kRead;
    transport_.Read(&incoming_, this);
  }

  void go_on() {
    if (replies_.empty() || waits_for_body_) return read();
    state_ = State::kWrite;
    transport_.Write(replies_.front(), this);
  }

  void finish() {
    state_ = State::kFinish;
    transport_.Finish(grpc::Status::OK, this);
  }

  bool take(const grpc::ByteBuffer& buffer) {
    std::optional<Message> message = open(buffer);
    if (!message) return false;
    switch (message->field) {
      case 2:  // request_headers: like an EPP, it answers when there is a body, which every request here has
        waits_for_body_ = true;
        reply({grpc::Slice(headers_reply(1, field(1, field(1, field(1, kDestinationKey) + field(3, kDestination)))))});
        return true;
      case 3:  // response_headers
        reply({grpc::Slice(headers_reply(2, ""))});
        return true;
      case 4:  // request_body
      case 5:  // response_body
        waits_for_body_ = false;
        message->content.insert(message->content.begin(), grpc::Slice(before_body(message->field - 1, message->size)));
        reply(message->content);
        return true;
      default:
        return false;
    }
  }

  void reply(const std::vector<grpc::Slice>& slices) { replies_.emplace_back(slices.data(), slices.size()); }

  grpc::AsyncGenericService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter transport_;
  grpc::ByteBuffer incoming_;
  std::deque<grpc::ByteBuffer> replies_;
  bool waits_for_body_ = false;
  State state_ = State::kAccept;
};

void poll(grpc::ServerCompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok))
    static_cast<Call*>(tag)->proceed(ok);
}

}  // namespace

int main(int argc, char** argv) {
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  int port = 0;
  const std::string address = std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "0");
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterAsyncGenericService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  if (!server || port == 0) {
    std::cerr << "noop-ext-proc: cannot listen on " << address << "\n";
    return 1;
  }
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    for (unsigned waiting = 0; waiting < 8; ++waiting)
      new Call(service, *queue);
    threads.emplace_back([&queue] { poll(*queue); });
  }
  std::cout << "port " << port << std::endl;

  for (std::thread& thread : threads)
    thread.join();
  return 0;
}
