#include "endpoints/attributes.h"

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace epp::endpoints {
namespace {

uint32_t scope_of(Storage storage) {
  return storage == Storage::kRequest ? EPP_SCOPE_REQUEST : EPP_SCOPE_ENDPOINT;
}

}  // namespace

std::string_view data_key_of(std::string_view key) {
  return key.substr(0, key.find('#'));
}

struct AttributeRegistry::Impl {
  struct Entry {
    epp_attr id;
    bool settled;  // a producer has said where the values stand
  };

  // Infos are never freed before the registry, so a reader's pointer stays good when a newer one replaces it.
  const AttributeInfo* publish(epp_attr id, std::string_view key, uint32_t type, Storage storage) {
    const AttributeInfo& info = infos.emplace_back(AttributeInfo{id, std::string(key), type, storage});
    by_id[id].store(&info, std::memory_order_release);
    return &info;
  }

  epp_attr add(std::string_view key, uint32_t type, Storage storage, bool settled) {
    if (count == kMaxAttributes) return EPP_ATTR_NONE;
    const auto id = static_cast<epp_attr>(++count);
    by_key.emplace(publish(id, key, type, storage)->key, Entry{id, settled});
    return id;
  }

  mutable std::mutex mutex;
  std::deque<AttributeInfo> infos;
  std::unordered_map<std::string_view, Entry> by_key;  // keys stand in infos
  std::array<std::atomic<const AttributeInfo*>, kMaxAttributes + 1> by_id{};
  std::atomic<size_t> count{0};
};

AttributeRegistry::AttributeRegistry() : impl_(std::make_unique<Impl>()) {}
AttributeRegistry::~AttributeRegistry() = default;

epp_attr AttributeRegistry::intern(std::string_view key, uint32_t type, Storage storage) {
  std::lock_guard lock(impl_->mutex);
  const auto found = impl_->by_key.find(key);
  if (found == impl_->by_key.end()) return impl_->add(key, type, storage, true);
  Impl::Entry& entry = found->second;
  const AttributeInfo& known = *info(entry.id);
  if (known.type != type || scope_of(known.storage) != scope_of(storage)) return EPP_ATTR_NONE;
  if (entry.settled) return known.storage == storage ? entry.id : EPP_ATTR_NONE;
  entry.settled = true;
  if (known.storage != storage) impl_->publish(entry.id, key, type, storage);
  return entry.id;
}

epp_attr AttributeRegistry::intern_consumed(std::string_view key, uint32_t type, uint32_t scope) {
  std::lock_guard lock(impl_->mutex);
  const auto found = impl_->by_key.find(key);
  if (found == impl_->by_key.end()) {
    return impl_->add(key, type, scope == EPP_SCOPE_REQUEST ? Storage::kRequest : Storage::kSnapshot, false);
  }
  const AttributeInfo& known = *info(found->second.id);
  return known.type == type && scope_of(known.storage) == scope ? found->second.id : EPP_ATTR_NONE;
}

epp_attr AttributeRegistry::find(std::string_view key) const {
  std::lock_guard lock(impl_->mutex);
  const auto found = impl_->by_key.find(key);
  return found == impl_->by_key.end() ? EPP_ATTR_NONE : found->second.id;
}

const AttributeInfo* AttributeRegistry::info(epp_attr id) const {
  return id <= kMaxAttributes ? impl_->by_id[id].load(std::memory_order_acquire) : nullptr;
}

size_t AttributeRegistry::size() const {
  return impl_->count.load(std::memory_order_relaxed);
}

}  // namespace epp::endpoints
