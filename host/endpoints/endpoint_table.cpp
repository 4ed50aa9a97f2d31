#include "endpoints/endpoint_table.h"

#include "endpoints/column.h"
#include "endpoints/roster.h"
#include "endpoints/slot_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>
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
      : attributes(registry),
        pool(std::make_shared<SlotPool>(kMaxSlots)),
        roster(pool),
        table(next_table.fetch_add(1)) {
    membership = roster.membership();
    publish_locked();
  }

  ~Impl() {
    for (auto& column : live)
      delete[] column.load();
  }

  // Tells, publishes, tells: see EndpointListener.
  void carry_out(const Roster::Change& change) {
    if (change.empty()) return;
    if (!change.fresh.empty()) {
      std::lock_guard lock(mutex);
      for (const auto& endpoint : change.fresh) {
        clear_slot(endpoint->slot());
        pool->own(endpoint->slot(), endpoint->uid());
      }
    }
    for (const auto& endpoint : change.added) {
      for (auto* listener : listeners)
        listener->on_endpoint_added(endpoint);
    }
    auto members = roster.membership();
    {
      std::lock_guard lock(mutex);
      membership.swap(members);
      publish_locked();
    }
    for (const auto& [uid, endpoint] : change.suspended) {
      for (auto* listener : listeners)
        listener->on_endpoint_suspended(endpoint);
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

  // Serialises changes of the set together with their listener calls; taken before `mutex`.
  std::mutex change_mutex;
  std::vector<EndpointListener*> listeners;
  Roster roster;

  const uint64_t table;      // tells this table from others in thread-local caches
  mutable std::mutex mutex;  // guards the rest, except atomics
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
  Roster::Change change;
  std::unordered_set<std::string> ids;
  std::vector<EndpointSpec> wanted;  // from the last to the first: of duplicates the last counts
  for (auto spec = specs.rbegin(); spec != specs.rend(); ++spec) {
    if (ids.insert(spec->id()).second) wanted.push_back(std::move(*spec));
  }
  impl_->roster.keep_only(ids, change);
  for (auto spec = wanted.rbegin(); spec != wanted.rend(); ++spec)
    impl_->roster.upsert(std::move(*spec), change);
  impl_->carry_out(change);
  return change.steps;
}

bool EndpointTable::upsert(EndpointSpec spec) {
  std::lock_guard lock(impl_->change_mutex);
  Roster::Change change;
  if (!impl_->roster.upsert(std::move(spec), change)) return false;
  impl_->carry_out(change);
  return true;
}

bool EndpointTable::remove(std::string_view id) {
  std::lock_guard lock(impl_->change_mutex);
  Roster::Change change;
  if (!impl_->roster.remove(id, change)) return false;
  impl_->carry_out(change);
  return true;
}

size_t EndpointTable::apply(std::vector<EndpointChange> changes) {
  std::lock_guard lock(impl_->change_mutex);
  Roster::Change change;
  for (EndpointChange& step : changes) {
    switch (step.kind) {
      case EndpointChange::Kind::kUpsert:
        impl_->roster.upsert(std::move(step.spec), change);
        break;
      case EndpointChange::Kind::kSuspend:
        impl_->roster.suspend(step.id, change);
        break;
      case EndpointChange::Kind::kRemove:
        impl_->roster.remove(step.id, change);
        break;
    }
  }
  impl_->carry_out(change);
  return change.steps;
}

size_t EndpointTable::suspended() const {
  std::lock_guard lock(impl_->change_mutex);
  return impl_->roster.suspended_count();
}

void EndpointTable::add_listener(EndpointListener* listener) {
  std::lock_guard lock(impl_->change_mutex);
  impl_->listeners.push_back(listener);
  for (const auto& endpoint : impl_->roster.present())
    listener->on_endpoint_added(endpoint);
  for (const auto& endpoint : impl_->roster.suspended()) {
    listener->on_endpoint_added(endpoint);
    listener->on_endpoint_suspended(endpoint);
  }
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

void EndpointTable::forget(epp_attr attr) {
  std::lock_guard lock(impl_->mutex);
  if (attr >= impl_->columns.size() || !impl_->columns[attr]) return;
  Column& column = *impl_->columns[attr];
  bool changed = false;
  for (uint32_t slot = 0; slot < column.size(); ++slot)
    changed = column.set_missing(slot) || changed;
  if (changed) impl_->touch(attr);
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
