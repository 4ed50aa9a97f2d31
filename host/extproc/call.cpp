#include "extproc/call.h"

#include "extproc/wire.h"
#include "telemetry/epp_metrics.h"

#include <algorithm>
#include <utility>

namespace epp::extproc {
namespace {

constexpr std::string_view kProcess = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

// A proxy that does not read its answers is not read from either.
constexpr std::size_t kMaxQueuedBytes = std::size_t{1} << 20;

// Body pieces from this size on are sent from where they lie.
constexpr std::size_t kMinBorrowed = 1024;

grpc::Slice borrow(std::string_view piece, const std::shared_ptr<const void>& owner) {
  using Owner = std::shared_ptr<const void>;
  return {const_cast<char*>(piece.data()), piece.size(), [](void* kept) { delete static_cast<Owner*>(kept); },
          new Owner(owner)};
}

std::string flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (buffer.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices)
      text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

// As the metrics of gRPC streams name them.
std::string_view code_name(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "OK";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "Unimplemented";
    default:
      return "Unknown";
  }
}

}  // namespace

// Wakes by an alarm that is due at once, so that the stream goes on on one of the queue's own threads. Outlives the
// call for whoever still holds it.
class Call::AlarmWaker final : public lifecycle::Waker {
 public:
  AlarmWaker(grpc::ServerCompletionQueue& queue, Event& event) : queue_(queue), event_(event) {}

  void wake() override {
    const std::lock_guard lock(mutex_);
    if (closed_ || std::exchange(armed_, true)) return;
    alarm_.Set(&queue_, std::chrono::system_clock::now(), &event_);
  }
  /// The alarm reported: the next wake() sets it again.
  void disarm() {
    const std::lock_guard lock(mutex_);
    armed_ = false;
  }
  /// No further wake. True if no event is on its way.
  bool close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return !armed_;
  }

 private:
  std::mutex mutex_;
  grpc::ServerCompletionQueue& queue_;
  Event& event_;
  grpc::Alarm alarm_;
  bool armed_ = false;
  bool closed_ = false;
};

void accept_call(Server::Core& core, grpc::ServerCompletionQueue& queue) {
  (new Call(core, queue))->accept();
}

Call::Call(Server::Core& core, grpc::ServerCompletionQueue& queue) : core_(core), queue_(queue), transport_(&context_) {
  core_.call_made();
}

void Call::Operation::proceed(bool ok) {
  Call& call = call_;
  if (!call.enter({this, ok})) return;
  bool over = false;
  while (const auto happening = call.next()) {
    happening->operation->pending = false;
    (call.*happening->operation->handler_)(happening->ok);
    over = call.over();
  }
  if (!over) return;
  Server::Core& core = call.core_;
  const bool was_open = call.is_open_;
  delete &call;
  core.call_gone(was_open);
}

// True when the caller is to handle what has happened.
bool Call::enter(Happening happening) {
  const std::lock_guard lock(mutex_);
  left_[left_count_++] = happening;  // at most one of each operation is under way
  return !std::exchange(handling_, true);
}

// The next event to handle; nothing, and no longer the caller's affair, when none is left.
std::optional<Call::Happening> Call::next() {
  const std::lock_guard lock(mutex_);
  if (left_count_ == 0) {
    handling_ = false;
    return std::nullopt;
  }
  const Happening first = left_.front();
  std::move(left_.begin() + 1, left_.begin() + left_count_, left_.begin());
  --left_count_;
  return first;
}

bool Call::over() const {
  if (accepted_.pending || read_.pending || written_.pending || finished_.pending || done_.pending || timer_.pending)
    return false;
  return !waker_ || waker_->close();
}

void Call::accept() {
  accepted_.pending = true;
  context_.AsyncNotifyWhenDone(done_.tag());
  core_.service.RequestCall(&context_, &transport_, &queue_, &queue_, accepted_.tag());
}

void Call::on_accepted(bool ok) {
  if (!ok) return;  // the server stops; without a call there is no done event either
  accept_call(core_, queue_);
  core_.call_opened();
  is_open_ = true;
  done_.pending = true;
  open();
}

void Call::open() {
  const std::string& method = context_.method();
  if (core_.routes.process != nullptr && method == kProcess) {
    opened_ = std::chrono::steady_clock::now();
    core_.routes.process->metrics->stream_opened();
    stream_.emplace(*core_.routes.process, *this);
    read_more();
    return;
  }
  if (core_.routes.unary.empty()) {
    close(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown method " + method));
    return;
  }
  read_more();
}

void Call::read_more() {
  if (read_.pending || read_closed_ || closing_ || closed_ || outgoing_bytes_ > kMaxQueuedBytes) return;
  // Also while the stream is busy, so that a half-close is noticed; but no more than one message is taken then.
  if (held_) return;
  read_.pending = true;
  transport_.Read(&incoming_, read_.tag());
}

void Call::on_read(bool ok) {
  if (!ok) {
    // Half-closed, or cancelled: then the done event tells, and the status goes nowhere.
    read_closed_ = true;
    if (stream_) {
      stream_->on_half_close();
    } else {
      close(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no message"));
    }
    return;
  }
  if (stream_ && stream_->busy()) {
    held_.emplace().Swap(&incoming_);
    return;
  }
  if (stream_) {
    deliver(incoming_);
  } else {
    answer_unary(incoming_);
  }
  incoming_.Clear();
  read_more();
}

void Call::deliver_held() {
  if (held_ && !stream_->busy()) {
    grpc::ByteBuffer next;
    next.Swap(&*held_);
    held_.reset();
    deliver(next);
  }
  read_more();
}

void Call::deliver(grpc::ByteBuffer& buffer) {
  if (closing_ || closed_) return;
  auto slices = std::make_shared<std::vector<grpc::Slice>>();
  std::vector<std::string_view> pieces;
  request::Arena arena;
  bool readable = buffer.Dump(slices.get()).ok();
  for (const grpc::Slice& slice : *slices)
    pieces.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
  readable = readable && decode_request(pieces, arena, message_);
  if (!readable) {
    close(grpc::Status(grpc::StatusCode::UNKNOWN, "cannot receive stream request: malformed ProcessingRequest"));
    return;
  }
  message_.body_owner = std::move(slices);
  stream_->on_message(message_);
  message_.clear();
}

void Call::answer_unary(grpc::ByteBuffer& buffer) {
  const std::string request = flatten(buffer);
  for (UnaryService* service : core_.routes.unary) {
    std::optional<UnaryReply> reply = service->call(context_.method(), request);
    if (!reply) continue;
    if (reply->code == kRpcOk) enqueue(reply->message);
    close(grpc::Status(static_cast<grpc::StatusCode>(reply->code), reply->error));
    return;
  }
  close(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown method " + context_.method()));
}

void Call::send(const lifecycle::HeadersReply& reply) {
  std::string message;
  encode(reply, message);
  enqueue(message);
}

void Call::send(const lifecycle::TrailersReply& reply) {
  std::string message;
  encode(reply, message);
  enqueue(message);
}

void Call::send(const lifecycle::ImmediateReply& reply) {
  std::string message;
  encode(reply, message);
  enqueue(message);
}

void Call::send(const lifecycle::BodyReply& reply) {
  BodyFrame frame = encode(reply);
  std::vector<grpc::Slice> slices;
  std::string run = std::move(frame.prefix);  // small pieces that follow each other
  for (std::string_view piece : reply.pieces) {
    if (!reply.owner || piece.size() < kMinBorrowed) {
      run += piece;
      continue;
    }
    if (!run.empty()) slices.emplace_back(run);
    run.clear();
    slices.push_back(borrow(piece, reply.owner));
  }
  run += frame.suffix;
  if (!run.empty()) slices.emplace_back(run);
  enqueue(std::move(slices));
}

void Call::enqueue(const std::string& message) {
  std::vector<grpc::Slice> slices;
  slices.emplace_back(message);
  enqueue(std::move(slices));
}

void Call::enqueue(std::vector<grpc::Slice> slices) {
  if (closed_) return;
  Outgoing next{grpc::ByteBuffer(slices.data(), slices.size()), 0};
  next.bytes = next.message.Length();
  outgoing_bytes_ += next.bytes;
  outgoing_.push_back(std::move(next));
  write_more();
}

void Call::write_more() {
  if (written_.pending || closed_) return;
  if (outgoing_.empty()) {
    if (!closing_) return;
    closed_ = true;
    finished_.pending = true;
    transport_.Finish(*closing_, finished_.tag());
    return;
  }
  written_.pending = true;
  grpc::WriteOptions options;
  // Never on the stream's first write, which send() makes while it is alone: with the initial metadata in it, a write
  // that is only buffered would wait for another one for ever.
  if (outgoing_.size() > 1) options.set_buffer_hint();
  transport_.Write(outgoing_.front().message, options, written_.tag());
}

void Call::on_written(bool ok) {
  outgoing_bytes_ -= outgoing_.front().bytes;
  outgoing_.pop_front();
  if (!ok) {
    outgoing_.clear();
    outgoing_bytes_ = 0;
    if (stream_) stream_->on_send_failure();
    closing_ = grpc::Status(grpc::StatusCode::UNKNOWN, "failed to send response back to Envoy: the stream is closed");
  }
  write_more();
  read_more();
}

void Call::finish(const lifecycle::StreamStatus& status) {
  const bool ok = status.code == lifecycle::StreamStatus::Code::kOk;
  close(ok ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNKNOWN, status.message));
}

void Call::close(grpc::Status status) {
  if (closing_ || closed_) return;
  closing_ = std::move(status);
  write_more();
}

void Call::on_finished(bool /*ok*/) {}

// The end, as gRPC sees it: the status was delivered, or the client cancelled, went away or ran out of time.
void Call::on_done(bool /*ok*/) {
  const bool cancelled = context_.IsCancelled();
  closed_ = true;
  if (!stream_) return;
  stream_->on_done(cancelled);
  cancel_timer();
  std::string_view code = closing_ ? code_name(closing_->error_code()) : "Canceled";
  if (cancelled) code = std::chrono::system_clock::now() >= context_.deadline() ? "DeadlineExceeded" : "Canceled";
  core_.routes.process->metrics->stream_closed(code, std::chrono::steady_clock::now() - opened_);
}

std::shared_ptr<lifecycle::Waker> Call::waker() {
  if (!waker_) waker_ = std::make_shared<AlarmWaker>(queue_, woken_);
  return waker_;
}

void Call::on_woken(bool /*ok*/) {
  waker_->disarm();
  if (!stream_) return;
  stream_->on_wake();
  deliver_held();
}

std::optional<std::chrono::nanoseconds> Call::time_left() const {
  const auto deadline = context_.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return std::nullopt;
  return deadline - std::chrono::system_clock::now();
}

void Call::start_timer(std::chrono::nanoseconds delay) {
  const auto at = std::chrono::system_clock::now() + delay;
  timer_wanted_ = true;
  if (timer_.pending) {
    // The alarm is set anew once it has reported its cancellation.
    next_timer_ = at;
    alarm_.Cancel();
    return;
  }
  set_timer(at);
}

void Call::set_timer(std::chrono::system_clock::time_point at) {
  timer_.pending = true;
  alarm_.Set(&queue_, at, timer_.tag());
}

void Call::cancel_timer() {
  timer_wanted_ = false;
  next_timer_.reset();
  if (timer_.pending) alarm_.Cancel();
}

void Call::on_timer(bool ok) {
  if (next_timer_) {
    set_timer(*std::exchange(next_timer_, std::nullopt));
    return;
  }
  if (!ok || !std::exchange(timer_wanted_, false)) return;
  stream_->on_timer();
  deliver_held();
}

}  // namespace epp::extproc
