#include "bench/wire/load.h"

#include "envoy/service/ext_proc/v3/external_processor.grpc.pb.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>

namespace epp::bench {
namespace {

namespace ext_proc = envoy::service::ext_proc::v3;
using Clock = std::chrono::steady_clock;

const std::string kMethod = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";
constexpr std::chrono::seconds kPatience{20};

}  // namespace

// One stream at a time, over and over until told to stop.
class Load::Exchange {
 public:
  Exchange(Load& load, grpc::GenericStub& stub, grpc::CompletionQueue& queue, LoadResult& result)
      : load_(load), stub_(stub), queue_(queue), result_(result) {}

  void start() {
    const std::uint64_t request = load_.next_request_++;
    outgoing_ = load_.messages_.request_body(request);
    sent_ = 0;
    phase_ = Phase::kRequest;
    half_closed_ = false;
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + kPatience);
    context_->set_initial_metadata_corked(true);
    started_ = Clock::now();
    call_ = stub_.PrepareCall(&*context_, kMethod, &queue_);
    call_->StartCall(nullptr);
    call_->Write(load_.messages_.request_headers(request), write_.tag());
    writing_ = true;
    call_->Read(&incoming_, read_.tag());
  }

  struct Operation {
    Exchange& exchange;
    void (Exchange::*handler)(bool);
    void* tag() { return this; }
    void proceed(bool ok) { (exchange.*handler)(ok); }
  };

  // The status is there, and the last write has reported too.
  bool over() const { return finished_ && !writing_; }
  void end() {
    finished_ = false;
    call_.reset();
    context_.reset();
  }

 private:
  enum class Phase { kRequest, kResponse, kOver };

  void on_written(bool ok) {
    writing_ = false;
    if (ok) write_more();
  }

  void write_more() {
    if (writing_ || half_closed_) return;
    if (sent_ < outgoing_.size()) {
      writing_ = true;
      call_->Write(outgoing_[sent_++], write_.tag());
    } else if (phase_ == Phase::kOver) {
      writing_ = half_closed_ = true;
      call_->WritesDone(write_.tag());
    }
  }

  void on_read(bool ok) {
    if (!ok) {
      call_->Finish(&status_, finish_.tag());
      return;
    }
    advance(read_reply(incoming_));
    call_->Read(&incoming_, read_.tag());
  }

  void advance(const Reply& reply) {
    if (reply.kind == Reply::Kind::kImmediate) {
      refused_ = true;
      phase_ = Phase::kOver;
    } else if (phase_ == Phase::kRequest && reply.kind == Reply::Kind::kRequestBody && reply.end_of_stream) {
      result_.latencies_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - started_).count());
      phase_ = load_.workload_.response ? Phase::kResponse : Phase::kOver;
      if (load_.workload_.response) {
        outgoing_ = load_.messages_.response();
        sent_ = 0;
      }
    } else if (phase_ == Phase::kResponse && reply.kind == Reply::Kind::kResponseBody && reply.end_of_stream) {
      phase_ = Phase::kOver;
    } else {
      return;
    }
    write_more();
  }

  void on_finished(bool /*ok*/) {
    finished_ = true;
    if (phase_ == Phase::kOver && !refused_ && status_.ok()) {
      ++result_.requests;
    } else {
      ++result_.failures;
      if (result_.failure.empty()) {
        result_.failure = refused_ ? "an immediate response"
                                   : "status " + std::to_string(status_.error_code()) + " " + status_.error_message();
      }
    }
    refused_ = false;
  }

  Load& load_;
  grpc::GenericStub& stub_;
  grpc::CompletionQueue& queue_;
  LoadResult& result_;

  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer incoming_;
  grpc::Status status_;
  std::vector<grpc::ByteBuffer> outgoing_;
  std::size_t sent_ = 0;
  Phase phase_ = Phase::kRequest;
  bool writing_ = false;
  bool half_closed_ = false;
  bool refused_ = false;
  bool finished_ = false;
  Clock::time_point started_;
  Operation write_{*this, &Exchange::on_written};
  Operation read_{*this, &Exchange::on_read};
  Operation finish_{*this, &Exchange::on_finished};
};

double LoadResult::quantile_ms(double q) const {
  if (latencies_ms.empty()) return std::nan("");
  const auto rank = static_cast<std::size_t>(q * static_cast<double>(latencies_ms.size()));
  return latencies_ms[std::min(rank, latencies_ms.size() - 1)];
}

Load::Load(const std::string& target, const Workload& workload) : workload_(workload), messages_(workload) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own for each channel
  for (unsigned i = 0; i < std::max(1U, workload.connections); ++i) {
    channels_.push_back(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
    stubs_.push_back(std::make_unique<grpc::GenericStub>(channels_.back()));
  }
}

Load::~Load() = default;

LoadResult Load::run(std::chrono::milliseconds duration) {
  LoadResult result;
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Exchange>> exchanges;
  for (unsigned i = 0; i < workload_.streams; ++i)
    exchanges.push_back(std::make_unique<Exchange>(*this, *stubs_[i % stubs_.size()], queue, result));

  const auto start = Clock::now();
  const auto until = start + duration;
  for (const auto& exchange : exchanges)
    exchange->start();
  std::size_t open = exchanges.size();
  void* tag = nullptr;
  bool ok = false;
  while (open != 0 && queue.Next(&tag, &ok)) {
    auto& operation = *static_cast<Exchange::Operation*>(tag);
    operation.proceed(ok);
    Exchange& exchange = operation.exchange;
    if (!exchange.over()) continue;
    exchange.end();
    // Failures end the run: a server that refuses everything must not look fast.
    if (Clock::now() < until && result.failures == 0) {
      exchange.start();
    } else {
      --open;
    }
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  std::sort(result.latencies_ms.begin(), result.latencies_ms.end());
  return result;
}

std::string Load::destination() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  const auto stream = ext_proc::ExternalProcessor::NewStub(channels_.front())->Process(&context);
  const std::uint64_t request = next_request_++;
  const auto send = [&](const grpc::ByteBuffer& bytes) {
    std::vector<grpc::Slice> slices;
    std::string text;
    if (bytes.Dump(&slices).ok()) {
      for (const grpc::Slice& slice : slices)
        text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    ext_proc::ProcessingRequest message;
    return message.ParseFromString(text) && stream->Write(message);
  };
  bool sent = send(messages_.request_headers(request));
  for (const grpc::ByteBuffer& piece : messages_.request_body(request))
    sent = sent && send(piece);
  stream->WritesDone();
  std::string destination;
  for (ext_proc::ProcessingResponse reply; stream->Read(&reply);) {
    for (const auto& option : reply.request_headers().response().header_mutation().set_headers()) {
      if (option.header().key() == "x-gateway-destination-endpoint") destination = option.header().raw_value();
    }
  }
  stream->Finish();
  return destination;
}

}  // namespace epp::bench
