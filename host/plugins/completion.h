// Tokens of asynchronous produce calls: who waits for what, and what a completion brought.
//
// A token is opened before produce is called and closed when its answer came, or when nobody waits any more (produce
// answered at once, time limit, request gone). A completion takes the token: exactly one of close() and complete()
// finds it. Everything else is a late completion and counted. An open token keeps its instance alive.
#pragma once

#include "plugins/instance.h"
#include "plugins/value_arena.h"

#include <epp/abi.h>
#include <epp/host/services.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace epp::plugins {

class RequestContext;

// The host's own copy of what a plugin completed with.
class Completion {
 public:
  Completion(epp_status status, std::span<const epp_completion_value> values, std::string_view message);

  epp_status status() const { return status_; }
  const std::string& message() const { return message_; }
  std::span<const epp_completion_value> values() const { return values_; }

 private:
  epp_status status_;
  std::string message_;
  std::vector<epp_completion_value> values_;
  ValueArena arena_{512};  // what the values point to
};

// Told of the answer, on the thread of the plugin that gave it; must only hand it over (post) and return. May be called
// before produce has returned EPP_PENDING.
class CompletionReceiver {
 public:
  virtual ~CompletionReceiver() = default;
  virtual void on_completion(uint64_t token, Completion completion) = 0;
};

class CompletionTable {
 public:
  CompletionTable();
  ~CompletionTable();

  // Never 0, never reused. [any thread]
  uint64_t open(const InstancePtr& instance, std::shared_ptr<CompletionReceiver> receiver);
  // True when the token was open: nobody will be told of it any more. [any thread]
  bool close(uint64_t token);
  // From the plugin. [any thread]
  void complete(const Instance& instance, uint64_t token, epp_status status,
                std::span<const epp_completion_value> values, std::string_view message);
  size_t open_tokens() const;

 private:
  struct Shard;
  static constexpr size_t kShards = 16;
  std::unique_ptr<Shard[]> shards_;
};

// Writes the values of a successful completion into the request. Values that the instance did not declare are dropped
// and counted. [the request's thread]
void apply_completion(const Instance& instance, const Completion& completion, RequestContext& request);

}  // namespace epp::plugins
