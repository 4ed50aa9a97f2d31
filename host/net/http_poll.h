// The same GET again and again over one connection, outside of the event loop.
//
// Who asks thousands of servers many times a second, and acts on the answers at ticks of his own, looks at these ticks
// whether the answers are there: an answer so costs two system calls and wakes nobody. Plain HTTP to IP addresses only;
// HttpClient is for everything else.
#pragma once

#include "net/http_client.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace epp::net {

// One thread at a time. No member blocks.
class HttpPoll {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Whether `origin` is one for it.
  [[nodiscard]] static bool suits(const Origin& origin);

  // `request` is a GET.
  HttpPoll(const Origin& origin, const HttpRequest& request, std::size_t max_body_bytes,
           std::string_view user_agent = "epp-host");
  ~HttpPoll();
  HttpPoll(const HttpPoll&) = delete;
  HttpPoll& operator=(const HttpPoll&) = delete;

  // Asks, on the connection of the last answer if that is still open. No answer may be due. The capacity of
  // `body_buffer` is used for the body.
  void send(TimePoint deadline, std::string body_buffer = {});
  // True once the answer, or the failure, is there: moved to `result`, texts as HttpClient's. Headers are only filled
  // in when the status is not 200. A connection that the server had closed before it was asked is replaced, once.
  bool look(TimePoint now, HttpResult& result);
  // An answer is due.
  [[nodiscard]] bool pending() const;
  // A part of it is there: the rest will be soon. Interim responses (1xx) are no part of it.
  [[nodiscard]] bool partial() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::net
