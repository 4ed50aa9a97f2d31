// One gRPC call and the stream state machine that it carries. Internal to the room.
#pragma once

#include "extproc/server_core.h"
#include "lifecycle/outbox.h"
#include "lifecycle/stream.h"
#include "request/arena.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/alarm.h>
#include <grpcpp/support/byte_buffer.h>

namespace epp::extproc {

/// Owns itself: made to accept a call, deleted by its last event. Its events may come on several threads at once and
/// are handled one after another, by the thread whose event came first: the others leave theirs and go on, so that a
/// plugin that hangs in one event of a call keeps no second thread.
class Call final : public lifecycle::Outbox {
 public:
  Call(Server::Core& core, grpc::ServerCompletionQueue& queue);
  void accept();

  void send(const lifecycle::HeadersReply& reply) override;
  void send(const lifecycle::BodyReply& reply) override;
  void send(const lifecycle::TrailersReply& reply) override;
  void send(const lifecycle::ImmediateReply& reply) override;
  void finish(const lifecycle::StreamStatus& status) override;
  std::shared_ptr<lifecycle::Waker> waker() override;
  std::optional<std::chrono::nanoseconds> time_left() const override;
  void start_timer(std::chrono::nanoseconds delay) override;
  void cancel_timer() override;

 private:
  using Handler = void (Call::*)(bool ok);
  static constexpr std::size_t kOperations = 7;

  /// The tag of one kind of operation; at most one of each kind is under way.
  class Operation final : public Event {
   public:
    Operation(Call& call, Handler handler) : call_(call), handler_(handler) {}
    void proceed(bool ok) override;
    void* tag() { return static_cast<Event*>(this); }
    bool pending = false;

   private:
    friend class Call;
    Call& call_;
    const Handler handler_;
  };

  class AlarmWaker;

  struct Happening {
    Operation* operation = nullptr;
    bool ok = false;
  };

  ~Call() override = default;
  bool enter(Happening happening);
  std::optional<Happening> next();
  void on_accepted(bool ok);
  void on_read(bool ok);
  void on_written(bool ok);
  void on_finished(bool ok);
  void on_done(bool ok);
  void on_timer(bool ok);
  void on_woken(bool ok);

  void open();
  void deliver(grpc::ByteBuffer& buffer);
  void deliver_held();
  void answer_unary(grpc::ByteBuffer& buffer);
  void read_more();
  void enqueue(std::vector<grpc::Slice> slices);
  void enqueue(const std::string& message);
  void write_more();
  void close(grpc::Status status);
  void set_timer(std::chrono::system_clock::time_point at);
  bool over() const;

  Server::Core& core_;
  grpc::ServerCompletionQueue& queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter transport_;

  std::mutex mutex_;       // guards these three only
  bool handling_ = false;  // a thread is at it, and takes what comes meanwhile
  std::size_t left_count_ = 0;
  std::array<Happening, kOperations> left_{};

  Operation accepted_{*this, &Call::on_accepted};
  Operation read_{*this, &Call::on_read};
  Operation written_{*this, &Call::on_written};
  Operation finished_{*this, &Call::on_finished};
  Operation done_{*this, &Call::on_done};
  Operation timer_{*this, &Call::on_timer};
  Operation woken_{*this, &Call::on_woken};

  std::optional<lifecycle::Stream> stream_;  // of the ext-proc method; none: a unary call
  std::chrono::steady_clock::time_point opened_;
  bool is_open_ = false;

  grpc::ByteBuffer incoming_;
  std::optional<grpc::ByteBuffer> held_;  // came while the stream was busy
  lifecycle::Inbound message_;
  bool read_closed_ = false;

  struct Outgoing {
    grpc::ByteBuffer message;
    std::size_t bytes = 0;
  };
  std::deque<Outgoing> outgoing_;
  std::size_t outgoing_bytes_ = 0;
  std::optional<grpc::Status> closing_;  // to be sent after what is queued
  bool closed_ = false;                  // the status was handed to gRPC

  grpc::Alarm alarm_;
  std::optional<std::chrono::system_clock::time_point> next_timer_;  // once the cancelled alarm has reported
  bool timer_wanted_ = false;
  std::shared_ptr<AlarmWaker> waker_;
};

}  // namespace epp::extproc
