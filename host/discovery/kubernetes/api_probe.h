// Asks the API server which kinds it serves, again and again until it need not be known any more: a CRD may come after
// us, and an error once is no answer.
#pragma once

#include "discovery/kubernetes/api_groups.h"
#include "kube/client.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace epp::discovery {

struct ApiProbeOptions {
  std::vector<std::string> apis;  // "GROUP/VERSION"
  std::chrono::milliseconds interval{10'000};
  // After a round in which one could not be asked: doubling from the first to the interval.
  std::chrono::milliseconds first_wait{500};
};

class ApiProbe {
 public:
  // What a round has shown. True: ask again. On a pool thread, serialised.
  using Round = std::function<bool(const ServedKinds&)>;

  // `client` and `pool` outlive this.
  ApiProbe(kube::Client& client, net::IoPool& pool, ApiProbeOptions options, Round round);
  ~ApiProbe();  // stop()
  ApiProbe(const ApiProbe&) = delete;
  ApiProbe& operator=(const ApiProbe&) = delete;

  void start();
  // No round begins after the return; one that is being told may still be. [any-thread]
  void stop();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace epp::discovery
