#include "endpoints/endpoint_table.h"

#include "endpoints/column.h"
#include "endpoints/slot_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace epp::endpoints {
namespace {

std::atomic<uint64_t> next_table{1};

// The last snapshot this thread saw. Weak, so that an idle thread pins no endpoint.
struct Cached {
  uint64_t table = 0;
  uint64_t generation = 0;
  std::weak_ptr<const Snapshot> snapshot;
};
thread_local Cached cached;

}  // namespace

void ScrapedValues::set(epp_attr attr, double value) {
  items_.push_back({.attr = attr, .type = EPP_TYPE_F64, .f64 = value, .text = {}, .list = {}});
}
void ScrapedValues::set(epp_attr attr, int64_t value) {
  items_.push_back({.attr = attr, .type = EPP_TYPE_I64, .i64 = value, .text = {}, .list = {}});
}
void ScrapedValues::set(epp_attr attr, std::string value) {
  items_.push_back({.attr = attr, .type = EPP_TYPE_STR, .text = std::move(value), .list = {}});
}
void ScrapedValues::set(epp_attr attr, std::vector<std::string> value) {
  items_.push_back({.attr = attr, .type = EPP_TYPE_STR_LIST, .text = {}, .list = std::move(value)});
}
void ScrapedValues::set_bytes(epp_attr attr, std::string value) {
  items_.push_back({.attr = attr, .type = EPP_TYPE_BYTES, .text = std::move(value), .list = {}});
}

struct EndpointTable::Impl {
  explicit Impl(AttributeRegistry& registry)
      : attributes(registry), pool(std::make_shared<SlotPool>(kMaxSlots)), table(next_table.fetch_add(1)) {
    rebuild_membership();
    publish_locked();
  }

  ~Impl() {
    for (auto& column : live)
      delete[] column.load();
  }

  // What one change of the set did, for the listeners.
  struct Change {
    std::vector<EndpointPtr> added;
    std::vector<EndpointPtr> removed;
    size_t count() const { return added.size() + removed.size(); }
  };

  // Makes the endpoint for `spec`, new or as a new identity on the present one's slot. False when there is no slot.
  bool prepare(EndpointSpec spec, Change& change) {
    std::sort(spec.labels.begin(), spec.labels.end());
    if (spec.workload.empty()) spec.workload = spec.name;
    const auto found = by_id.find(spec.id());
    if (found != by_id.end()) {
      const EndpointPtr& present = found->second;
      if (present->spec() == spec) return true;
      auto updated = std::make_shared<Endpoint>(std::move(spec), present->uid(), pool, present->slot(), false);
      updated->slot_owner_ = present->slot_owner_ ? present->slot_owner_ : present;
      change.added.push_back(std::move(updated));
      return true;
    }
    const auto slot = pool->take();
    if (!slot) return false;
    const uint64_t uid = ++last_uid;
    auto endpoint = std::make_shared<Endpoint>(std::move(spec), uid, pool, *slot, true);
    {
      std::lock_guard lock(mutex);
      clear_slot(*slot);
    }
    pool->own(*slot, uid);
    change.added.push_back(std::move(endpoint));
    return true;
  }

  // Tells, publishes, tells: see EndpointListener.
  void apply(const Change& change) {
    if (change.count() == 0) return;
    for (const auto& endpoint : change.added) {
      for (auto* listener : listeners)
        listener->on_endpoint_added(endpoint);
    }
    {
      std::lock_guard lock(mutex);
      std::unordered_set<uint64_t> gone;
      for (const auto& endpoint : change.removed) {
        gone.insert(endpoint->uid());
        by_id.erase(endpoint->id());
      }
      std::erase_if(order, [&](const EndpointPtr& endpoint) { return gone.contains(endpoint->uid()); });
      std::unordered_map<uint64_t, EndpointPtr> updated;
      for (const auto& endpoint : change.added) {
        if (by_id.insert_or_assign(endpoint->id(), endpoint).second) {
          order.push_back(endpoint);
        } else {
          updated.emplace(endpoint->uid(), endpoint);
        }
      }
      if (!updated.empty()) {
        for (auto& endpoint : order) {
          if (const auto newer = updated.find(endpoint->uid()); newer != updated.end()) endpoint = newer->second;
        }
      }
      rebuild_membership();
      publish_locked();
    }
    for (const auto& endpoint : change.removed) {
      for (auto* listener : listeners)
        listener->on_endpoint_removed(endpoint);
    }
    tell_published();
  }

  void tell_published() {
    for (auto* listener : listeners)
      listener->on_published();
  }

  void rebuild_membership() {
    auto fresh = std::make_shared<Membership>();
    fresh->slots.reserve(order.size());
    size_t limit = 0;
    for (const auto& endpoint : order)
      limit = std::max<size_t>(limit, endpoint->slot() + 1);
    fresh->by_slot.resize(limit);
    fresh->owners.resize(limit);
    fresh->slot_of.reserve(order.size());
    for (const auto& endpoint : order) {
      fresh->slots.push_back(endpoint->slot());
      fresh->by_slot[endpoint->slot()] = &endpoint->abi();
      fresh->owners[endpoint->slot()] = endpoint;
      fresh->slot_of.emplace(endpoint->id(), endpoint->slot());
    }
    membership = std::move(fresh);
  }

  // Columns are a little longer than needed, so that few additions make them all anew.
  size_t column_size() const { return std::bit_ceil(std::max<size_t>(membership->by_slot.size(), 64)); }

  void publish_locked() {
    const size_t size = column_size();
    published.resize(columns.size());
    for (size_t attr = 0; attr < columns.size(); ++attr) {
      if (!columns[attr]) continue;
      const bool fits = published[attr] && published[attr]->size() >= membership->by_slot.size();
      if (dirty[attr] || !fits) published[attr] = std::make_shared<const Column>(*columns[attr], size);
      dirty[attr] = false;
    }
    any_dirty = false;
    const uint64_t next = generation.load(std::memory_order_relaxed) + 1;
    current = std::make_shared<const Snapshot>(next, membership, published);
    generation.store(next, std::memory_order_release);
  }

  void touch(epp_attr attr) { dirty[attr] = any_dirty = true; }

  // The column that may take `type` values of `attr`, with room for `slot`; nullptr when there can be none.
  Column* column_for(epp_attr attr, uint32_t type, uint32_t slot) {
    const AttributeInfo* info = attributes.info(attr);
    if (info == nullptr || info->storage != Storage::kSnapshot || info->type != type) return nullptr;
    if (attr >= columns.size()) {
      columns.resize(attr + 1);
      dirty.resize(attr + 1);
    }
    auto& column = columns[attr];
    if (!column) column = std::make_unique<Column>(type, column_size());
    if (column->size() <= slot) column->grow(std::bit_ceil(slot + size_t{1}));
    return column.get();
  }

  void clear_slot(uint32_t slot) {
    for (size_t attr = 0; attr < columns.size(); ++attr) {
      if (columns[attr] && slot < columns[attr]->size() && columns[attr]->set_missing(slot)) {
        touch(static_cast<epp_attr>(attr));
      }
    }
    for (auto& column : live) {
      if (int64_t* values = column.load(std::memory_order_acquire)) {
        __atomic_store_n(&values[slot], 0, __ATOMIC_RELAXED);
      }
    }
  }

  int64_t* live_values(epp_attr attr) {
    const AttributeInfo* info = attributes.info(attr);
    if (info == nullptr || info->storage != Storage::kLive) return nullptr;
    if (int64_t* values = live[attr].load(std::memory_order_acquire)) return values;
    std::lock_guard lock(mutex);
    int64_t* values = live[attr].load(std::memory_order_relaxed);
    if (values == nullptr) live[attr].store(values = new int64_t[kMaxSlots](), std::memory_order_release);
    return values;
  }

  AttributeRegistry& attributes;
  const std::shared_ptr<SlotPool> pool;
  const uint64_t table;  // tells this table from others in thread-local caches
  uint64_t last_uid = 0;

  // Serialises changes of the set together with their listener calls; taken before `mutex`.
  std::mutex change_mutex;
  std::vector<EndpointListener*> listeners;
  std::unordered_map<std::string, EndpointPtr> by_id;

  mutable std::mutex mutex;  // guards the rest, except atomics
  std::vector<EndpointPtr> order;
  std::shared_ptr<const Membership> membership;
  std::vector<std::unique_ptr<Column>> columns;          // by attribute id
  std::vector<std::shared_ptr<const Column>> published;  // as in the current snapshot
  std::vector<bool> dirty;
  bool any_dirty = false;
  SnapshotPtr current;

  std::atomic<uint64_t> generation{0};
  std::array<std::atomic<int64_t*>, AttributeRegistry::kMaxAttributes + 1> live{};
};

EndpointTable::EndpointTable(AttributeRegistry& attributes) : impl_(std::make_unique<Impl>(attributes)) {}
EndpointTable::~EndpointTable() = default;

size_t EndpointTable::replace(std::vector<EndpointSpec> specs) {
  std::lock_guard lock(impl_->change_mutex);
  std::unordered_map<std::string, size_t> last;
  for (size_t i = 0; i < specs.size(); ++i)
    last[specs[i].id()] = i;
  Impl::Change change;
  for (const auto& endpoint : impl_->order) {
    if (!last.contains(endpoint->id())) change.removed.push_back(endpoint);
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    if (last[specs[i].id()] == i) impl_->prepare(std::move(specs[i]), change);
  }
  impl_->apply(change);
  return change.count();
}

bool EndpointTable::upsert(EndpointSpec spec) {
  std::lock_guard lock(impl_->change_mutex);
  Impl::Change change;
  if (!impl_->prepare(std::move(spec), change)) return false;
  impl_->apply(change);
  return true;
}

bool EndpointTable::remove(std::string_view id) {
  std::lock_guard lock(impl_->change_mutex);
  const auto found = impl_->by_id.find(std::string(id));
  if (found == impl_->by_id.end()) return false;
  Impl::Change change;
  change.removed.push_back(found->second);
  impl_->apply(change);
  return true;
}

void EndpointTable::add_listener(EndpointListener* listener) {
  std::lock_guard lock(impl_->change_mutex);
  impl_->listeners.push_back(listener);
  for (const auto& endpoint : impl_->order)
    listener->on_endpoint_added(endpoint);
}

void EndpointTable::remove_listener(EndpointListener* listener) {
  std::lock_guard lock(impl_->change_mutex);
  std::erase(impl_->listeners, listener);
}

void EndpointTable::store(const Endpoint& endpoint, const ScrapedValues& values) {
  const uint32_t slot = endpoint.slot();
  std::lock_guard lock(impl_->mutex);
  if (impl_->pool->owner(slot) != endpoint.uid()) return;
  for (const auto& item : values.items()) {
    Column* column = impl_->column_for(item.attr, item.type, slot);
    if (column == nullptr) continue;
    bool changed = false;
    switch (item.type) {
      case EPP_TYPE_F64:
        changed = column->set_f64(slot, item.f64);
        break;
      case EPP_TYPE_I64:
        changed = column->set_i64(slot, item.i64);
        break;
      case EPP_TYPE_STR:
      case EPP_TYPE_BYTES:
        changed = column->set_text(slot, item.text);
        break;
      case EPP_TYPE_STR_LIST:
        changed = column->set_list(slot, item.list);
        break;
      default:
        break;
    }
    if (changed) impl_->touch(item.attr);
  }
}

void EndpointTable::publish() {
  {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->any_dirty) return;
    impl_->publish_locked();
  }
  std::lock_guard lock(impl_->change_mutex);
  impl_->tell_published();
}

SnapshotPtr EndpointTable::snapshot() const {
  const uint64_t generation = impl_->generation.load(std::memory_order_acquire);
  if (cached.table == impl_->table && cached.generation == generation) {
    if (SnapshotPtr snapshot = cached.snapshot.lock()) return snapshot;
  }
  std::lock_guard lock(impl_->mutex);
  cached = {impl_->table, impl_->current->generation(), impl_->current};
  return impl_->current;
}

const int64_t* EndpointTable::live_column(epp_attr attr) const {
  const int64_t* values = impl_->live_values(attr);
  return values != nullptr ? values : Column::missing_i64();
}

int64_t EndpointTable::live_add(epp_attr attr, uint32_t slot, uint64_t uid, int64_t delta) {
  int64_t* values = impl_->live_values(attr);
  if (values == nullptr || uid == 0 || impl_->pool->owner(slot) != uid) return 0;
  int64_t before = __atomic_load_n(&values[slot], __ATOMIC_RELAXED);
  int64_t after = 0;
  do {
    after = 0;
    if (__builtin_add_overflow(before, delta, &after)) after = delta > 0 ? INT64_MAX : 0;
    after = std::max<int64_t>(after, 0);
  } while (!__atomic_compare_exchange_n(&values[slot], &before, after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return after;
}

}  // namespace epp::endpoints
