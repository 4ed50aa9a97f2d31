// One HTTP request as Envoy would carry it through ext-proc, in plain C++ values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace epp::testing {
class ExtProcClient;
class ExtProcStream;
}  // namespace epp::testing

namespace epp::conformance {

using Headers = std::vector<std::pair<std::string, std::string>>;
// Name or "" if absent; the first of several.
std::string value_of(const Headers& headers, const std::string& name);
// How many have this name.
std::size_t count_of(const Headers& headers, const std::string& name);

inline const std::string kCompletion = R"({"model":"m","prompt":"x"})";

struct Request {
  std::string body = kCompletion;
  std::size_t chunk = 1 << 20;                          // bytes of a body message
  std::string path = "/v1/completions";                 // ""; no :path header
  Headers headers = {};                                 // on top of :path and :method
  std::optional<std::vector<std::string>> subset = {};  // dynamic metadata of the body message
  bool without_body = false;                            // a GET
  bool trailers = false;                                // end the body with trailers
};

// What the EPP did with the request.
struct Decision {
  int status = 200;                      // else the status of the immediate response
  std::string body;                      // forwarded, or the text of the immediate response
  std::vector<std::size_t> pieces;       // sizes of the body messages
  Headers headers;                       // set on the request, or on the immediate response
  std::vector<std::string> removed;      // headers taken off the request
  std::string destination;               // x-gateway-destination-endpoint
  std::string metadata_destination;      // the same in the dynamic metadata
  std::map<std::string, double> scores;  // x-gateway-destination-endpoint-scores
  bool clears_route_cache = false;
};

class Exchange {
 public:
  // Sends the whole request; its stream may last as long as `patience`.
  Exchange(const testing::ExtProcClient& client, Request request, std::chrono::milliseconds patience);
  ~Exchange();
  Exchange(Exchange&&) noexcept;

  // Waits for the EPP's answer; once, before anything below.
  void await_decision();
  const Decision& decision() const { return decision_; }
  // The immediate response that ends the stream later than that.
  Decision interruption();

  // The response phase. Each throws std::runtime_error if the answer does not come.
  Headers response_headers(const Headers& headers, bool end = false);
  // A 200 with the endpoint that served the request in the metadata; absent: other metadata of envoy.lb.
  Headers response_headers_served_by(const std::optional<std::string>& endpoint);
  // Sends without waiting for an answer.
  void send_response_body(const std::string& chunk, bool end);
  // The next response body message of the EPP: its bytes and its end flag.
  std::pair<std::string, bool> response_body();
  // Sends the last chunk and returns the joined bytes up to the end flag.
  std::string finish_response(const std::string& last_chunk);
  void send_response_trailers();
  void expect_response_trailers();

  // The client goes away. Any thread.
  void cancel();
  // Half-closes and waits for the end; the gRPC status code.
  int finish();
  // Whether the EPP has closed the stream by itself; blocks until it says something.
  bool closed_by_server();

 private:
  Headers read_response_headers();

  Request request_;
  std::unique_ptr<testing::ExtProcStream> stream_;
  Decision decision_;
};

// One channel to an EPP.
class Client {
 public:
  explicit Client(std::uint16_t port);
  ~Client();

  // Sends the request and waits for what the EPP decides.
  Exchange open(const Request& request = {}) const;
  // Only sends it.
  Exchange begin(const Request& request, std::chrono::milliseconds patience) const;
  // The request phase alone; then the stream is half-closed.
  Decision ask(const Request& request = {}) const;
  // Request, a 200 with this JSON body, end.
  Decision complete(const Request& request = {}, const std::string& response = "{}") const;
  // Destination -> number, over so many requests.
  std::map<std::string, int> spread(int count, const Request& request = {}) const;

 private:
  std::unique_ptr<testing::ExtProcClient> client_;
};

}  // namespace epp::conformance
