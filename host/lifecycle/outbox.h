// What a stream needs from the adapter that carries it.
#pragma once

#include "lifecycle/messages.h"

#include <chrono>
#include <memory>
#include <optional>

namespace epp::lifecycle {

/// Brings an event from elsewhere back to the stream. [any thread] May outlive the stream.
class Waker {
 public:
  virtual ~Waker() = default;
  /// Soon calls Stream::on_wake(), serialised with the stream's other events and never from inside this call. Several
  /// wakes may be folded into one.
  virtual void wake() = 0;
};

/// Called by the stream from inside its own event functions; never calls back into it.
class Outbox {
 public:
  virtual ~Outbox() = default;

  virtual void send(const HeadersReply& reply) = 0;
  virtual void send(const BodyReply& reply) = 0;
  virtual void send(const TrailersReply& reply) = 0;
  virtual void send(const ImmediateReply& reply) = 0;
  /// The stream has nothing more to say; what was sent before still goes out. At most once.
  virtual void finish(const StreamStatus& status) = 0;

  virtual std::shared_ptr<Waker> waker() = 0;
  /// Until the proxy gives the stream up; nullopt: it set no deadline.
  virtual std::optional<std::chrono::nanoseconds> time_left() const { return std::nullopt; }
  /// One timer: calls Stream::on_timer() once after `delay`; a new one replaces the old one, cancel stops it.
  virtual void start_timer(std::chrono::nanoseconds delay) = 0;
  virtual void cancel_timer() = 0;
};

}  // namespace epp::lifecycle
