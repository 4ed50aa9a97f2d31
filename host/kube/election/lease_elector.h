// Leader election by a Lease (coordination.k8s.io/v1): one candidate leads, the others wait for its lease to run out on
// their own monotonic clock. Wall clocks of different hosts are never compared.
#pragma once

#include "kube/client.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace epp::net {
class IoPool;
}

namespace epp::kube {

struct ElectionOptions {
  std::string name_space;
  std::string lease_name;  // "epp-<pool namespace>-<pool name>.llm-d.ai"
  std::string identity;    // "<hostname>_<uuid>"
  std::chrono::milliseconds lease_duration{15'000};
  std::chrono::milliseconds renew_deadline{10'000};  // a leader that could not renew for so long has lost
  std::chrono::milliseconds retry_period{2'000};     // leader: each; follower: this x (1..2.2)
  bool rejoin = false;       // one that has lost goes on as a candidate; else it takes no part any more
  bool write_events = true;  // Normal / LeaderElection events on the Lease
};

inline constexpr std::string_view kReleased = "released";
inline constexpr std::string_view kLeadLost = "leader election lost";

// [pool threads, or the caller of release(); serialised] Must not call the elector, but for leading().
class ElectionListener {
 public:
  virtual ~ElectionListener() = default;
  virtual void on_started_leading() = 0;
  // leading() is already false. kReleased, or kLeadLost: then, unless it rejoins, this elector takes no part any more,
  // and gives back what it may still hold.
  virtual void on_stopped_leading(std::string_view why) = 0;
  virtual void on_leader_changed(std::string_view identity) = 0;  // also our own; empty: nobody
  virtual void on_election_error(std::string_view text) = 0;      // each time another text
};

class LeaseElector {
 public:
  LeaseElector(Client& client, net::IoPool& pool, ElectionOptions options, ElectionListener& listener);
  ~LeaseElector();  // stop without release
  LeaseElector(const LeaseElector&) = delete;
  LeaseElector& operator=(const LeaseElector&) = delete;

  void start();
  // True while we hold a lease that has not run out. [any-thread]
  [[nodiscard]] bool leading() const;
  // Stops taking part; a held lease is given back (holder "", duration 1) so that the next one need not wait. Returns
  // when that is done or `limit` is over. [any thread but the pool's own]
  void release(std::chrono::milliseconds limit);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace epp::kube
