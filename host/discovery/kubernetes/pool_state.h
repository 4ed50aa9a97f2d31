// Which endpoints a pool has: told of the pool and of the pods that its watches see, it changes the endpoint table.
// Without sockets and clocks. Not thread-safe.
//
//   pod                                             its endpoint of rank i
//   ready, matching, port i active                  present
//   otherwise, but known                            suspended
//   being deleted, deleted, or another UID          removed
//   i beyond the pool's ports                       removed
//   no longer watched (labels, selector, force)     suspended, removed after `forget_after`
//
// Which port an index means is always the pool's present list, whatever a pod's event may have seen.
//
// A change of the selector asks for a new watch. Until its first list is complete the pods of the former one count.
#pragma once

#include "discovery/kubernetes/active_ports.h"
#include "endpoints/endpoint_table.h"
#include "kube/label_selector.h"
#include "kube/objects.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::discovery {

struct PoolTerms {
  kube::LabelSelector selector;
  std::vector<std::uint16_t> target_ports;  // 1..8, unique
  std::string app_protocol;
  bool operator==(const PoolTerms&) const = default;
};

class PoolState {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Pods = std::map<std::string, kube::Pod, std::less<>>;  // by namespace/name
  // About one pod: its key, and what is odd about it; not again until it is another oddity.
  using Warn = std::function<void(std::string_view pod, std::string_view text)>;

  // The pods of this selector are to be watched; what they say is to bear the number.
  struct Watch {
    std::uint64_t number = 0;
    kube::LabelSelector selector;
  };

  // Pods of another namespace are nobody's business.
  PoolState(endpoints::EndpointTable& table, std::string name_space, std::chrono::milliseconds forget_after, Warn warn);

  void set_pool(PoolTerms terms);
  void clear_pool();
  [[nodiscard]] const std::optional<PoolTerms>& pool() const { return pool_; }

  // None without a pool, two while the selector changes.
  [[nodiscard]] std::vector<Watch> watches() const;

  // What a watch saw: the pods that it has now, and what has changed since the last time. `listed`: `all` comes from a
  // complete list. True when that made this watch the one that counts.
  bool take(std::uint64_t watch, const Pods& all, const std::vector<kube::Pod>& removed,
            const std::vector<const kube::Pod*>& upserted, bool listed, TimePoint now);

  // Removes what has been away for too long; when to ask again.
  std::optional<TimePoint> forget(TimePoint now);

  // There is a pool and its pods were listed.
  [[nodiscard]] bool synced() const { return counting_.has_value(); }
  // That are watched.
  [[nodiscard]] std::size_t pods() const { return pods_.size() - away_; }

 private:
  using Changes = std::vector<endpoints::EndpointChange>;
  enum class Rank : std::uint8_t { kNone, kPresent, kSuspended };

  struct Known {
    kube::Pod pod;
    std::array<Rank, kMaxTargetPorts> ranks{};
    std::optional<TimePoint> left;  // the watch, not deleted as far as is known
    std::string warned;
  };
  using KnownPods = std::map<std::string, Known, std::less<>>;
  struct Leave {
    TimePoint when;
    std::string key;
  };

  void upsert(const kube::Pod& pod, Changes& changes);
  void erase(const kube::Pod& last, TimePoint now, Changes& changes);
  void leave(KnownPods::iterator at, TimePoint now, Changes& changes);
  KnownPods::iterator drop(KnownPods::iterator at, Changes& changes);
  void place(const std::string& key, Known& known, Changes& changes);
  void place_all(Changes& changes);

  endpoints::EndpointTable& table_;
  const std::string name_space_;
  const std::chrono::milliseconds forget_after_;
  const Warn warn_;

  std::optional<PoolTerms> pool_;
  std::uint64_t last_watch_ = 0;
  std::optional<Watch> counting_;  // whose pods count
  std::optional<Watch> coming_;    // whose first list is awaited
  KnownPods pods_;                 // of counting_, and those that left it
  std::size_t away_ = 0;           // the latter
  std::deque<Leave> leaves_;       // in order of time; some have come back since
};

}  // namespace epp::discovery
