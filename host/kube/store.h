// The typed copy of one collection, filled by a Reflector.
#pragma once

#include "kube/object_reader.h"
#include "kube/objects.h"
#include "kube/reflector.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace epp::kube {

// What becomes of an object that was good and cannot be read any more.
enum class Spoilt : std::uint8_t {
  kDropped,  // its last good state is no longer true
  kKept,     // for what all else hangs on: better known as it was than not at all
};

template <class T>
class Store final : public ObjectSink {
 public:
  // What came since the last time. Pointers are good during the call. A key may stand in both: an object was deleted
  // and another one made under its name.
  struct Changes {
    std::vector<T> removed;          // the last state that was known; to be acted on first
    std::vector<const T*> upserted;  // each object once, as it is now
    bool listed = false;             // the store equals a list that has just ended
  };
  using Reader = Read<T> (*)(const Json&);
  // Serialised; after each batch in which something changed, and after each list.
  using Listener = std::function<void(const Store&, Changes&)>;

  Store(std::string resource, Reader reader, Listener listener, ReflectorObserver* observer,
        Spoilt spoilt = Spoilt::kDropped)
      : resource_(std::move(resource)),
        reader_(reader),
        listener_(std::move(listener)),
        observer_(observer),
        spoilt_(spoilt) {}

  // By key (namespace/name). Only inside the listener, or before start() and after stop() of the reflector.
  [[nodiscard]] const std::map<std::string, T, std::less<>>& objects() const { return objects_; }

  void list_begin() override { listing_.clear(); }
  void item(const Json& object) override;
  void list_end() override;
  void upsert(const Json& object) override;
  void erase(const Json& object) override;
  void flush() override;

 private:
  bool take(const Json& object, std::string& key);
  void drop(std::string_view key);

  const std::string resource_;
  const Reader reader_;
  const Listener listener_;
  ReflectorObserver* const observer_;
  const Spoilt spoilt_;
  std::map<std::string, T, std::less<>> objects_;
  std::set<std::string, std::less<>> listing_;  // keys seen in the list that is under way
  std::set<std::string, std::less<>> touched_;
  std::vector<T> removed_;
  bool listed_ = false;
};

// Reads the object into the store; false when nothing is to be known of it.
template <class T>
bool Store<T>::take(const Json& object, std::string& key) {
  key = object_key(object);
  Read<T> read = reader_(object);
  if (const auto* invalid = std::get_if<Invalid>(&read)) {
    if (observer_ != nullptr) observer_->on_invalid(resource_, key, *invalid);
    return spoilt_ == Spoilt::kKept && objects_.contains(key);
  }
  T& value = std::get<T>(read);
  const auto found = objects_.find(key);
  if (found != objects_.end()) {
    const bool same = !value.meta.resource_version.empty() &&
                      found->second.meta.resource_version == value.meta.resource_version &&
                      found->second.meta.uid == value.meta.uid;
    if (same) return true;
    // Deleted and made anew under the same name: the old one's end was missed, or is told by this.
    if (found->second.meta.uid != value.meta.uid) removed_.push_back(std::move(found->second));
    found->second = std::move(value);
  } else {
    objects_.emplace(key, std::move(value));
  }
  touched_.insert(key);
  return true;
}

template <class T>
void Store<T>::drop(std::string_view key) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  removed_.push_back(std::move(found->second));
  if (const auto touched = touched_.find(key); touched != touched_.end()) touched_.erase(touched);
  objects_.erase(found);
}

template <class T>
void Store<T>::item(const Json& object) {
  std::string key;
  if (take(object, key)) listing_.insert(std::move(key));
}

template <class T>
void Store<T>::list_end() {
  std::vector<std::string> gone;
  for (const auto& [key, value] : objects_) {
    if (!listing_.contains(key)) gone.push_back(key);
  }
  for (const std::string& key : gone)
    drop(key);
  listing_.clear();
  listed_ = true;
}

template <class T>
void Store<T>::upsert(const Json& object) {
  std::string key;
  if (!take(object, key)) drop(key);
}

template <class T>
void Store<T>::erase(const Json& object) {
  const std::string key = object_key(object);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  // The last state matters (a pod that only stopped matching has no deletionTimestamp); an unreadable one does not.
  Read<T> read = reader_(object);
  if (T* value = std::get_if<T>(&read)) found->second = std::move(*value);
  drop(key);
}

template <class T>
void Store<T>::flush() {
  if (touched_.empty() && removed_.empty() && !listed_) return;
  Changes changes;
  changes.listed = std::exchange(listed_, false);
  changes.removed = std::exchange(removed_, {});
  for (const std::string& key : std::exchange(touched_, {})) {
    if (const auto found = objects_.find(key); found != objects_.end()) changes.upserted.push_back(&found->second);
  }
  listener_(*this, changes);
}

}  // namespace epp::kube
