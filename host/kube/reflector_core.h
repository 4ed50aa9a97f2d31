// The sense of a reflector without its sockets and timers: told how requests went, it feeds the sink and says what to
// ask next.
//
//         +------ failure: backoff ------+
//         v                              |
//   +--> list: page -> page -> ... ------+--> watch --+--> end, failure: watch again from the last resourceVersion
//   |         (410 while paging: once more, in one)   |
//   +---- 410, 404, unreadable events, three in vain -+
#pragma once

#include "kube/backoff.h"
#include "kube/json_splitter.h"
#include "kube/reflector.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace epp::kube {

class ReflectorCore final : private JsonSplitter::Receiver {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // A request to make: GET the collection's path with `query`, after `wait`.
  struct Ask {
    bool watch = false;
    std::string query;
    std::chrono::milliseconds wait{0};
    std::chrono::milliseconds timeout{0};       // as in ApiRequest
    std::chrono::milliseconds idle_timeout{0};  // likewise
    std::chrono::milliseconds head_timeout{0};  // likewise
  };

  // `random`: uniform in [0, 1). `observer` may be null.
  ReflectorCore(ReflectorOptions options, ObjectSink& sink, ReflectorObserver* observer, Backoff::Random random);

  // The first request.
  [[nodiscard]] Ask start();
  // About the request that was asked for last: a 2xx answer has begun; a piece of its body (false: abort it); how it
  // ended, and what to ask next.
  void opened(TimePoint now);
  bool data(std::string_view piece, TimePoint now);
  [[nodiscard]] Ask ended(const ApiResult& result, TimePoint now);
  // The sink has thrown: what it knows is to be told anew.
  [[nodiscard]] Ask faulted(std::string_view what, TimePoint now);

  [[nodiscard]] bool synced() const { return synced_; }
  [[nodiscard]] bool watching() const { return watching_; }

 private:
  enum class Trouble : std::uint8_t { kNone, kUnreachable, kRefused, kExpired, kAbsent };
  struct Outcome {
    Trouble trouble = Trouble::kNone;
    std::string text;
  };

  bool on_value(std::string_view text) override;
  void on_metadata(std::string_view text) override;
  void on_skipped(std::string_view head, std::string_view why) override;

  bool take_item(std::string_view text);
  bool take_event(std::string_view text);
  bool take_error(const Json& status);
  [[nodiscard]] bool named(const Json& object);
  void invalid(std::string_view object, std::string_view field, std::string_view text);

  [[nodiscard]] static Outcome judge(const ApiResult& result);
  [[nodiscard]] static Trouble trouble_of(unsigned status, std::string_view reason);

  [[nodiscard]] Ask list_ended(const ApiResult& result, TimePoint now);
  [[nodiscard]] Ask watch_ended(const ApiResult& result, TimePoint now);
  [[nodiscard]] Ask list_complete(TimePoint now);
  [[nodiscard]] Ask ask_list(std::chrono::milliseconds wait);
  [[nodiscard]] Ask ask_page(std::chrono::milliseconds wait);
  [[nodiscard]] Ask ask_watch(std::chrono::milliseconds wait);
  [[nodiscard]] Ask relist(std::string_view why, std::chrono::milliseconds wait);
  // Tells the observer; how long to wait.
  [[nodiscard]] std::chrono::milliseconds failed(const Outcome& outcome, TimePoint now);
  void add_selectors(std::string& query) const;

  const ReflectorOptions options_;
  ObjectSink& sink_;
  ReflectorObserver* const observer_;
  const Backoff::Random random_;
  Backoff unreachable_;
  Backoff refused_;

  bool synced_ = false;
  bool watching_ = false;
  bool absent_told_ = false;
  std::string version_;  // resourceVersion to watch from

  // Of the request under way.
  std::optional<JsonSplitter> splitter_;
  bool is_watch_ = false;
  TimePoint opened_at_;

  // Of the list under way.
  bool paged_ = true;
  std::string continue_;  // what the page under way continues
  std::string next_continue_;
  std::string list_version_;
  std::size_t items_ = 0;
  TimePoint listed_at_;

  // Of the watch under way.
  std::size_t events_ = 0;
  bool unflushed_ = false;
  std::optional<Outcome> stream_error_;  // an ERROR event
  bool events_lost_ = false;             // one could not be read
  unsigned vain_watches_ = 0;            // in a row
};

}  // namespace epp::kube
