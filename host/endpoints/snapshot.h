// An immutable picture of all endpoints and their scraped columns, pinned by a request for its whole scheduling.
//
// Columns are contiguous arrays indexed by slot; 5,000 endpoints cost a few hundred kilobytes a snapshot. A column that
// no scrape ever wrote does not exist and reads as the shared all-missing column.
#pragma once

#include "endpoints/endpoint.h"

#include <epp/abi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace epp::endpoints {

class Column;

// Who the endpoints are. Shared by the snapshots between two changes of membership.
struct Membership {
  std::vector<uint32_t> slots;
  std::vector<const epp_endpoint*> by_slot;
  std::vector<EndpointPtr> owners;
};

class Snapshot {
 public:
  Snapshot(uint64_t generation, std::shared_ptr<const Membership> membership,
           std::vector<std::shared_ptr<const Column>> columns);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  uint64_t generation() const { return generation_; }
  // Slots of the live endpoints, in a stable order: that of their first appearance.
  std::span<const uint32_t> slots() const { return membership_->slots; }
  size_t size() const { return membership_->slots.size(); }
  bool empty() const { return membership_->slots.empty(); }
  uint64_t slot_limit() const { return membership_->by_slot.size(); }
  // Indexed by slot, nullptr where unused.
  std::span<const epp_endpoint* const> endpoints() const { return membership_->by_slot; }
  const EndpointPtr& endpoint(uint32_t slot) const { return membership_->owners[slot]; }
  const std::shared_ptr<const Membership>& membership() const { return membership_; }
  // The same picture with another column of `attr`, at least slot_limit() long.
  std::shared_ptr<const Snapshot> with(epp_attr attr, std::shared_ptr<const Column> column) const;
  // Endpoint by "namespace/name"; nullptr when unknown. Looks through all of them: nothing on a request's way asks.
  const Endpoint* find(std::string_view id) const;

  // Column of `attr` (storage kSnapshot) with at least slot_limit() elements; never null: an absent column, or one of
  // another type, is the shared all-missing one.
  const double* f64(epp_attr attr) const;
  const int64_t* i64(epp_attr attr) const;
  const epp_str* str(epp_attr attr) const;
  const epp_str_list* str_list(epp_attr attr) const;
  const epp_bytes* bytes(epp_attr attr) const;

 private:
  const Column* column(epp_attr attr, uint32_t type) const;

  uint64_t generation_;
  std::shared_ptr<const Membership> membership_;
  std::vector<std::shared_ptr<const Column>> columns_;  // by attribute id; null where nothing was stored
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace epp::endpoints
