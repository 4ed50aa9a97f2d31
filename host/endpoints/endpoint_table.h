// The endpoint table: who the endpoints are and what was last scraped from them.
//
// Writers (discovery, scrapers) change it under a lock; readers get immutable snapshots. Scraped values are stored at
// once but published together: `publish()` builds a new snapshot when something changed since the last one. Discovery
// changes publish themselves.
#pragma once

#include "endpoints/attributes.h"
#include "endpoints/endpoint.h"
#include "endpoints/snapshot.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::endpoints {

// Values scraped from one endpoint in one go; applied together. An attribute that is not mentioned keeps its value.
class ScrapedValues {
 public:
  void set(epp_attr attr, double value);
  void set(epp_attr attr, int64_t value);
  void set(epp_attr attr, std::string value);
  void set(epp_attr attr, std::vector<std::string> value);
  void set_bytes(epp_attr attr, std::string value);
  void clear() { items_.clear(); }
  bool empty() const { return items_.empty(); }

  struct Item {
    epp_attr attr = EPP_ATTR_NONE;
    uint32_t type = 0;  // EPP_TYPE_*
    double f64 = 0;
    int64_t i64 = 0;
    std::string text;  // STR and BYTES
    std::vector<std::string> list;
  };
  std::span<const Item> items() const { return items_; }

 private:
  std::vector<Item> items_;
};

// Told of endpoints that come, change and go, and of new snapshots. Calls are serialised, on the thread that changed
// the table. An addition is told before the endpoint can be seen in a snapshot, a removal or suspension after the last
// snapshot with it was replaced. A listener must not change the table.
class EndpointListener {
 public:
  virtual ~EndpointListener() = default;
  virtual void on_endpoint_added(const EndpointPtr& endpoint) = 0;  // also when its identity was updated (same uid)
  virtual void on_endpoint_removed(const EndpointPtr& endpoint) = 0;
  // Out of the snapshots for now. Either on_endpoint_added follows, with the same uid, or on_endpoint_removed.
  virtual void on_endpoint_suspended(const EndpointPtr& /*endpoint*/) {}
  virtual void on_published() {}  // snapshot() shows something new: values, or all changes told before
};

// One step of a change of the set.
struct EndpointChange {
  enum class Kind : uint8_t {
    kUpsert,   // add, update in place, or end a suspension: `spec`
    kSuspend,  // leave the snapshots but keep slot, uid, counters and what plugins learned: `id`
    kRemove,   // for good: `id`
  };
  Kind kind = Kind::kUpsert;
  EndpointSpec spec = {};
  std::string id = {};
};

class EndpointTable {
 public:
  static constexpr uint32_t kMaxSlots = 65536;  // endpoints that may exist at once, pinned ones included

  explicit EndpointTable(AttributeRegistry& attributes);
  ~EndpointTable();

  // Makes the set of endpoints equal to `specs` (ids unique; the last duplicate wins); nobody stays suspended. Returns
  // the number of changes.
  size_t replace(std::vector<EndpointSpec> specs);
  // Adds or updates one; false when the table is full.
  bool upsert(EndpointSpec spec);
  bool remove(std::string_view id);
  // Takes the steps in order and publishes once; who is suspended and back within them has not left, and listeners hear
  // of no more than a new identity. Steps about unknown ids, and upserts beyond kMaxSlots, do nothing;
  // returns how many had an effect.
  size_t apply(std::vector<EndpointChange> changes);
  // Endpoints that are suspended right now.
  size_t suspended() const;

  // Adds a listener and tells it of every endpoint there is; of a suspended one also that. Listeners outlive their
  // registration; removing one returns after its last call.
  void add_listener(EndpointListener* listener);
  void remove_listener(EndpointListener* listener);

  // Stores what was scraped; without effect once the endpoint is gone. Items whose attribute has another type or
  // another storage than kSnapshot are ignored.
  void store(const Endpoint& endpoint, const ScrapedValues& values);
  // Nobody scrapes `attr` any more: it becomes missing at every endpoint, with the next publication.
  void forget(epp_attr attr);
  // Publishes stored values. Cheap when nothing changed. Called by the scraper at its tick.
  void publish();

  // The current snapshot. [any thread], no contended lock: a thread-local copy is reused while the generation stands.
  SnapshotPtr snapshot() const;

  // Live counters: base address of the column of `attr` (storage kLive), stable for the table's life, kMaxSlots long.
  const int64_t* live_column(epp_attr attr) const;
  // Adds; clamps at 0; dropped when slot is no longer owned by uid. Returns the new value.
  int64_t live_add(epp_attr attr, uint32_t slot, uint64_t uid, int64_t delta);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::endpoints
