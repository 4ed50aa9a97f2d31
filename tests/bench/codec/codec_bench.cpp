// The wire codec by hand against the generated classes, on the same bytes.
#include "envoy/service/ext_proc/v3/external_processor.pb.h"
#include "extproc/wire.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace epp::extproc {
namespace {

namespace pb = envoy::service::ext_proc::v3;

std::string headers_message() {
  pb::ProcessingRequest message;
  for (int i = 0; i < 16; ++i) {
    auto* header = message.mutable_request_headers()->mutable_headers()->add_headers();
    header->set_key("x-header-" + std::to_string(i));
    header->set_raw_value("some value of usual length");
  }
  return message.SerializeAsString();
}

std::string body_message(std::size_t size) {
  pb::ProcessingRequest message;
  message.mutable_request_body()->set_body(std::string(size, 'x'));
  message.mutable_request_body()->set_end_of_stream(true);
  return message.SerializeAsString();
}

void decode(benchmark::State& state, const std::string& bytes) {
  lifecycle::Inbound message;
  const std::string_view piece = bytes;
  for (auto _ : state) {
    request::Arena arena;
    if (!decode_request({&piece, 1}, arena, message)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(message.headers.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void decode_generated(benchmark::State& state, const std::string& bytes) {
  pb::ProcessingRequest message;
  for (auto _ : state) {
    if (!message.ParseFromString(bytes)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(message.request_case());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void BM_DecodeHeaders(benchmark::State& state) {
  decode(state, headers_message());
}
void BM_DecodeHeadersGenerated(benchmark::State& state) {
  decode_generated(state, headers_message());
}
void BM_DecodeBody(benchmark::State& state) {
  decode(state, body_message(static_cast<std::size_t>(state.range(0))));
}
void BM_DecodeBodyGenerated(benchmark::State& state) {
  decode_generated(state, body_message(static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(BM_DecodeHeaders);
BENCHMARK(BM_DecodeHeadersGenerated);
BENCHMARK(BM_DecodeBody)->Arg(1024)->Arg(16384);
BENCHMARK(BM_DecodeBodyGenerated)->Arg(1024)->Arg(16384);

}  // namespace
}  // namespace epp::extproc
