#pragma once

#include "support/files.h"
#include "support/http_client.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::testing {

using Json = nlohmann::json;

// A request that the server has seen.
struct ApiRequestSeen {
  std::string method;
  std::string path;
  std::map<std::string, std::string> query;  // unescaped
  HttpHeaders headers;
  std::string body;
  Clock::time_point at;

  bool is_watch() const { return query.contains("watch"); }
  bool is_list_of(const std::string& collection) const { return method == "GET" && path == collection && !is_watch(); }
  bool is_watch_of(const std::string& collection) const { return path == collection && is_watch(); }
  // Of the Authorization header; empty without one.
  std::string token() const;
  std::string parameter(const std::string& name) const;  // empty if absent
};

// An answer out of the ordinary.
struct ApiReply {
  int status = 200;
  std::string body = {};
  HttpHeaders headers = {};
  std::chrono::milliseconds delay{0};         // before the first byte
  std::optional<std::size_t> cut_after = {};  // bytes of the body after which the connection ends
  bool silent = false;                        // no answer at all; the connection stays open
};

// An API server in miniature for what a real one does not do on demand: collections with lists (paged, with equality
// selectors), watches and single objects, and faults. Thread-safe.
class FakeApiServer {
 public:
  explicit FakeApiServer(bool tls = true);
  ~FakeApiServer();
  FakeApiServer(const FakeApiServer&) = delete;
  FakeApiServer& operator=(const FakeApiServer&) = delete;

  std::uint16_t port() const;
  std::string url() const;
  std::string ca_pem() const;
  // A kubeconfig with this token, in a file that lives as long as the server.
  std::filesystem::path kubeconfig_file(const std::string& token = "token") const;
  // The same with a token file, whose path is `token_file`.
  std::filesystem::path kubeconfig_file_with(const std::filesystem::path& token_file) const;

  // Collections are paths: "/api/v1/namespaces/ns/pods". One that is not served, and its group, is answered with 404.
  // `kind` is what the group's discovery document lists.
  void serve(const std::string& collection, const std::string& kind);
  // Creates or changes the object of this name, as watches are told; its new resourceVersion. Whatever `object` is, it
  // is passed on as it stands (but for uid, creationTimestamp and resourceVersion, where they are absent).
  std::string put(const std::string& collection, Json object);
  void remove(const std::string& collection, const std::string& name);
  // The object as it is now; null if there is none.
  Json object(const std::string& collection, const std::string& name) const;
  // What happened so far can no longer be watched: 410.
  void forget_history();

  // Asked before every request is answered; nothing: as usual. Runs on the server's threads.
  using Intercept = std::function<std::optional<ApiReply>(const ApiRequestSeen&)>;
  void intercept(Intercept intercept);
  // Of the Date header.
  void set_clock_skew(std::chrono::seconds skew);

  // To the watches of the collection that are open now.
  void send_to_watches(const std::string& collection, const std::string& bytes);  // as they are, in one chunk
  void bookmark(const std::string& collection, const std::string& resource_version);
  void end_watches(const std::string& collection);   // in order, as at their timeout
  void cut_watches(const std::string& collection);   // in the midst
  void mute_watches(const std::string& collection);  // half-open: they neither say anything nor end
  std::size_t open_watches(const std::string& collection) const;

  // Everything so far, in order of arrival.
  std::vector<ApiRequestSeen> requests() const;
  // The first for which the predicate holds, past or future, from index `from` of requests() on; throws
  // std::runtime_error with what was asked instead at the deadline.
  using Predicate = std::function<bool(const ApiRequestSeen&)>;
  ApiRequestSeen wait_for(const Predicate& wanted, std::size_t from = 0,
                          std::chrono::milliseconds patience = kPatience) const;
  std::size_t count(const Predicate& wanted) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace epp::testing
