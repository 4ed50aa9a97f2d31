// Attribute names <-> ids, for the whole process.
//
// Ids are dense, start at 1, are never reused and survive a reload of the configuration: a plugin that was carried over
// keeps reading the column it resolved at creation. Thread-safe; `info` is wait-free.
#pragma once

#include <epp/abi.h>
#include <epp/host/attributes.h>
#include <epp/keys.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace epp::endpoints {

// i64: host clock ns at which the reading of EPP_KEY_UPDATE_TIME was asked for. The server looked at itself between the
// two, so the reading shows nothing that began later than this for sure. Forgotten with the other.
inline constexpr std::string_view kAskedTimeKey = EPP_KEY_UPDATE_TIME "#asked";

// Where the values of an attribute stand.
enum class Storage : uint8_t {
  kSnapshot,    // endpoint scope, scraped: in the snapshot's columns
  kPerRequest,  // endpoint scope, written by a producer for one request
  kLive,        // endpoint scope, i64 counters changed by live_add
  kRequest,     // request scope: one value
};

struct AttributeInfo {
  epp_attr id = EPP_ATTR_NONE;
  std::string key;    // "Type/producer#field"
  uint32_t type = 0;  // EPP_TYPE_*
  Storage storage = Storage::kRequest;
};

// The part of a key that the dependency graph works on: without "#field".
std::string_view data_key_of(std::string_view key);

class AttributeRegistry {
 public:
  static constexpr size_t kMaxAttributes = 4096;

  AttributeRegistry();
  ~AttributeRegistry();
  AttributeRegistry(const AttributeRegistry&) = delete;
  AttributeRegistry& operator=(const AttributeRegistry&) = delete;

  // Interns `key` as a produced attribute. EPP_ATTR_NONE when it is known with another type or storage, or when the
  // registry is full.
  epp_attr intern(std::string_view key, uint32_t type, Storage storage);
  // Interns for a consumer, which knows type and scope (EPP_SCOPE_*) but not the storage: a key nobody has produced yet
  // is remembered and its storage settled by the first producer (until then it reads as missing).
  epp_attr intern_consumed(std::string_view key, uint32_t type, uint32_t scope);

  epp_attr find(std::string_view key) const;
  // nullptr for an unknown id. The pointee lives as long as the registry.
  const AttributeInfo* info(epp_attr id) const;
  size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::endpoints
