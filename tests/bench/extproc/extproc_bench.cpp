// The cost of one exchange without its transport: decode, decide, encode.
#include "extproc/wire.h"
#include "unit/lifecycle/world.h"

#include <benchmark/benchmark.h>

namespace epp::extproc {
namespace {

using namespace lifecycle;

// Encodes as the server does, and throws the bytes away.
class EncodingOutbox final : public Outbox {
 public:
  void send(const HeadersReply& reply) override { small(reply); }
  void send(const TrailersReply& reply) override { small(reply); }
  void send(const ImmediateReply& reply) override { small(reply); }
  void send(const BodyReply& reply) override {
    const BodyFrame frame = encode(reply);
    bytes += frame.prefix.size() + frame.suffix.size();
    for (std::string_view piece : reply.pieces)
      bytes += piece.size();
  }
  void finish(const StreamStatus&) override {}
  std::shared_ptr<Waker> waker() override { return nullptr; }
  void start_timer(std::chrono::nanoseconds) override {}
  void cancel_timer() override {}
  std::size_t bytes = 0;

 private:
  template <class Reply>
  void small(const Reply& reply) {
    wire_.clear();
    encode(reply, wire_);
    bytes += wire_.size();
  }
  std::string wire_;
};

void run(testing::World& world, const testing::Message& headers, const testing::Message& body, std::size_t& bytes) {
  EncodingOutbox outbox;
  Stream stream(world.services, outbox);
  stream.on_message(headers.inbound);
  stream.on_message(body.inbound);
  bytes += outbox.bytes;
}

void BM_RequestSide(benchmark::State& state) {
  testing::World world;
  testing::HeaderList list{{":method", "POST"}, {":path", "/v1/completions"}, {":authority", "a"}, {":scheme", "http"}};
  for (int i = 0; i < 16; ++i)
    list.emplace_back("x-header-" + std::to_string(i), "some value");
  const testing::Message headers = testing::request_headers(list);
  std::string text = R"({"model":"m","prompt":")";
  text += std::string(static_cast<std::size_t>(state.range(0)), 'x') + "\"}";
  const testing::Message body = testing::request_body(text, true);
  std::size_t bytes = 0;
  for (auto _ : state)
    run(world, headers, body, bytes);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(BM_RequestSide)->Arg(100)->Arg(10'000)->Arg(1'000'000);

void BM_StreamedChunk(benchmark::State& state) {
  testing::World world;
  EncodingOutbox outbox;
  Stream stream(world.services, outbox);
  stream.on_message(testing::request_headers().inbound);
  stream.on_message(testing::request_body(testing::kCompletion, true).inbound);
  const testing::HeaderList sse{{":status", "200"}, {"content-type", "text/event-stream"}};
  stream.on_message(testing::response_headers(sse).inbound);
  const testing::Message chunk =
      testing::response_body(R"(data: {"id":"1","object":"text_completion","choices":[{"text":" word","index":0}]})"
                             "\n\n",
                             false);
  for (auto _ : state)
    stream.on_message(chunk.inbound);
}
BENCHMARK(BM_StreamedChunk);

}  // namespace
}  // namespace epp::extproc
