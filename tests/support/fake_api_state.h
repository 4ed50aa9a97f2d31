// The inside of FakeApiServer: what it knows, and how a request is read and answered.
#pragma once

#include "support/byte_server.h"
#include "support/fake_api_server.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>

namespace epp::testing {

// The parts of a selector "a=b,c=d" must all hold; metadata.name is known as a field.
bool selects(const std::map<std::string, std::string>& query, const Json& object);

// A request as it stands on the wire, and the rest of the connection's bytes. Nothing at the end of the connection.
std::optional<ApiRequestSeen> read_request(ByteStream& stream, std::string& buffer);

class FakeApiState {
 public:
  struct Event {
    std::uint64_t version;
    Json before;  // null: created
    Json after;   // null: removed
  };
  struct Collection {
    std::string kind;
    std::map<std::string, Json> objects;
    std::deque<Event> events;
  };
  // What tests do to a watch. One ends when its connection does.
  struct Watch {
    std::string collection;
    std::deque<std::string> raw;
    bool end = false;
    bool cut = false;
    bool mute = false;
  };

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::map<std::string, Collection> collections;
  std::uint64_t version = 100;
  std::uint64_t forgotten = 0;  // events up to here are gone
  std::set<Watch*> watches;
  std::vector<ApiRequestSeen> requests;
  FakeApiServer::Intercept intercept;
  std::chrono::seconds skew{0};
  bool stopping = false;

  // All requests of a connection.
  void converse(ByteStream& stream);

  // Under the lock.
  std::string store(Collection& collection, Json object);

 private:
  bool answer(ByteStream& stream, const ApiRequestSeen& request);
  bool send_reply(ByteStream& stream, const ApiReply& reply);
  void watch(ByteStream& stream, const ApiRequestSeen& request);
  ApiReply usual(const ApiRequestSeen& request);
  ApiReply list(const ApiRequestSeen& request, const Collection& collection) const;
  ApiReply discovery(const std::string& path) const;
  ApiReply single(const ApiRequestSeen& request, Collection& collection, const std::string& name);
  std::string head(int status, const HttpHeaders& headers) const;
};

}  // namespace epp::testing
