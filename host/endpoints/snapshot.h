// An immutable picture of all endpoints and their scraped columns, pinned by a request for its whole scheduling.
//
// Columns are contiguous arrays indexed by slot; 5,000 endpoints cost a few hundred kilobytes a snapshot. A column that
// no scrape ever wrote does not exist and reads as the shared all-missing column.
#pragma once

#include "endpoints/endpoint.h"

#include <epp/abi.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace epp::endpoints {

class Snapshot {
 public:
  virtual ~Snapshot() = default;

  uint64_t generation() const { return generation_; }
  // Slots of the live endpoints, in a stable order: that of their first appearance.
  std::span<const uint32_t> slots() const { return slots_; }
  size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  uint64_t slot_limit() const { return by_slot_.size(); }
  // Indexed by slot, nullptr where unused.
  std::span<const epp_endpoint* const> endpoints() const { return by_slot_; }
  const EndpointPtr& endpoint(uint32_t slot) const { return owners_[slot]; }
  // Endpoint by "namespace/name"; nullptr when unknown. Linear only in nothing: hashed.
  const Endpoint* find(std::string_view id) const;

  // Column of `attr` (storage kSnapshot) with at least slot_limit() elements; never null: an absent column is the
  // shared all-missing one.
  const double* f64(epp_attr attr) const;
  const int64_t* i64(epp_attr attr) const;
  const epp_str* str(epp_attr attr) const;
  const epp_str_list* str_list(epp_attr attr) const;
  const epp_bytes* bytes(epp_attr attr) const;

 protected:
  uint64_t generation_ = 0;
  std::vector<uint32_t> slots_;
  std::vector<const epp_endpoint*> by_slot_;
  std::vector<EndpointPtr> owners_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace epp::endpoints
