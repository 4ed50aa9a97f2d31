// One HTTP exchange as a proxy tells an ext-proc server of it: the request, and an empty answer of a model server when
// it was routed, so that plugins see it end.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <grpcpp/channel.h>

namespace epp::trial {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Question {
  std::string method;
  std::string path;
  Headers headers;  // without pseudo headers
  std::string body;
  bool has_body = false;
};

// What the model server would get.
struct Routed {
  std::string endpoint;  // x-gateway-destination-endpoint; empty: none was chosen
  Headers set_headers;   // those that change
  std::vector<std::string> removed_headers;
  std::string body;
  std::string metadata;  // dynamic metadata for the proxy, as JSON; may be empty
  std::string ended;     // what went wrong after that, with the response; mostly empty
};
// What the client would get instead.
struct Refused {
  unsigned status = 0;
  Headers headers;
  std::string body;
};
// The EPP did not answer as one does.
struct Failed {
  std::string why;
};

struct Answer {
  std::variant<Routed, Refused, Failed> what;
  std::chrono::nanoseconds took{0};  // to the last byte of the request's answer
};

Answer ask(const std::shared_ptr<grpc::Channel>& channel, const Question& question, std::chrono::nanoseconds patience);

}  // namespace epp::trial
