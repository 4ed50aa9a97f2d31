// Who the endpoints are, present and suspended, and what a change of the set does. Not thread-safe.
#pragma once

#include "endpoints/endpoint.h"
#include "endpoints/slot_pool.h"
#include "endpoints/snapshot.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace epp::endpoints {

class Roster {
 public:
  // What a series of steps did, for the listeners and the columns. Who only left and came back is in no list.
  struct Change {
    std::vector<EndpointPtr> fresh;  // took a slot, which nobody owns yet
    std::vector<EndpointPtr> added;  // those, others under a new identity, and those back from suspension
    std::map<std::uint64_t, EndpointPtr> suspended;  // by uid
    std::vector<EndpointPtr> removed;
    std::size_t steps = 0;  // that had an effect when they were taken
    [[nodiscard]] bool empty() const { return added.empty() && suspended.empty() && removed.empty(); }
  };

  explicit Roster(std::shared_ptr<SlotPool> slots) : slots_(std::move(slots)) {}

  // Adds it, gives the known one its new identity, or ends its suspension. False when there is no slot left.
  bool upsert(EndpointSpec spec, Change& change);
  // False when no such endpoint is present.
  bool suspend(std::string_view id, Change& change);
  // False when no such endpoint is known.
  bool remove(std::string_view id, Change& change);
  // Removes every endpoint, present or suspended, whose id is not in `ids`.
  void keep_only(const std::unordered_set<std::string>& ids, Change& change);

  // The present ones.
  [[nodiscard]] std::shared_ptr<const Membership> membership() const;
  [[nodiscard]] std::vector<EndpointPtr> present() const;
  [[nodiscard]] std::vector<EndpointPtr> suspended() const;
  [[nodiscard]] std::size_t suspended_count() const { return by_id_.size() - in_order_.size(); }

 private:
  struct Known {
    EndpointPtr endpoint;
    bool suspended = false;
  };

  const std::shared_ptr<SlotPool> slots_;
  std::uint64_t last_uid_ = 0;
  std::unordered_map<std::string, Known> by_id_;
  std::map<std::uint64_t, EndpointPtr> in_order_;  // the present ones by uid, which is the order of first appearance
};

}  // namespace epp::endpoints
