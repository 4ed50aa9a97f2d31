// All that the host keeps for one request and shows to plugins: the epp_request, headers, attributes, per-instance
// state and the mutations that hooks asked for.
//
// It is the object behind `const epp_request*`: the host services find it with from(). Created per request by
// lifecycle/, recycled through a pool so that the path from parsed request to pick does not allocate. Not thread-safe:
// calls for one request never overlap.
#pragma once

#include "endpoints/endpoint_table.h"
#include "endpoints/snapshot.h"
#include "plugins/instance.h"

#include <epp/abi.h>
#include <epp/host/request.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::plugins {

// Request headers by lower-case name; the last value of a repeated name. Small and linear: requests carry tens.
class HeaderMap {
 public:
  const std::string* find(std::string_view lower_name) const;
  void set(std::string_view lower_name, std::string_view value);
  bool erase(std::string_view lower_name);
  std::span<const std::pair<std::string, std::string>> items() const { return items_; }
  void clear() { items_.clear(); }

 private:
  std::vector<std::pair<std::string, std::string>> items_;  // in order of first appearance
};

// What hooks asked to be changed on the wire, in order.
struct HeaderMutation {
  std::string name;  // lower-case
  std::string value;
  bool remove = false;
};

struct MetadataEntry {
  std::string name_space;
  std::string key;
  bool is_number = false;
  double number = 0;
  std::string text;
};

// Where the prompt comes from when a plugin asks for it; implemented over request/ by lifecycle.
class PromptSource {
 public:
  virtual ~PromptSource() = default;
  // Parts valid until the request ends; an error text when the body has no prompt.
  virtual bool prompt(std::span<const epp_prompt_part>& parts, std::string& error) = 0;
};

// Which mutations the running hook may make.
enum class Phase : uint8_t { kNone, kRequestHeader, kProduce, kPreRequest, kResponseHeader, kResponseEnd };

class RequestContext {
 public:
  RequestContext();
  ~RequestContext();
  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;

  static RequestContext& from(const epp_request* request);
  epp_request* abi() { return &abi_; }
  const epp_request* abi() const { return &abi_; }

  // Strings behind the epp_request's views; call sync() after changing them.
  std::string id, path, incoming_model, target_model, objective, fairness_id, cache_salt;
  void sync();

  HeaderMap headers;
  HeaderMap response_headers;
  std::span<const uint8_t> body;  // owned by lifecycle, alive until the request is released
  PromptSource* prompt_source = nullptr;
  Phase phase = Phase::kNone;

  std::vector<HeaderMutation> request_mutations;
  std::vector<HeaderMutation> response_mutations;
  std::optional<std::string> destination;
  std::vector<MetadataEntry> request_metadata;   // set in pre-request
  std::vector<MetadataEntry> response_metadata;  // set at the end of the body
  // Metadata of the current message as flat (namespace, key, value) strings.
  std::vector<MetadataEntry> incoming_metadata;

  // The endpoint view that this request was scheduled on, pinned until reset.
  endpoints::SnapshotPtr snapshot;
  endpoints::EndpointTable* table = nullptr;  // for live columns

  // ---- attributes (used by the host services) ----
  // Column of `attr` for reading: per-request if a producer wrote it, else the snapshot's or live one; never null.
  const void* read_column(epp_attr attr, uint32_t type);
  // Column for writing, allocated (all missing) at first use.
  void* write_column(epp_attr attr, uint32_t type);
  // One element; copies what the value points to into the request's arena.
  bool write_element(epp_attr attr, uint32_t slot, const epp_value& value);
  // Forgets what a failed or timed out producer wrote.
  void drop_columns(std::span<const AttributeUse> uses);
  const epp_value* value(epp_attr attr) const;
  void set_value(epp_attr attr, const epp_value& value);  // copies
  uint32_t* set_u32(epp_attr attr, size_t count);

  // ---- per-instance state ----
  void set_state(const InstancePtr& owner, void* state, void (*drop)(void*));
  void* state(uint32_t state_index) const;

  // Drops state (calling drops), attributes, pins; keeps capacity. Ready for the next request.
  void reset();

 private:
  epp_request abi_{};
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::plugins
