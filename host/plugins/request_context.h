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

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::plugins {

// Request headers by lower-case name; the last value of a repeated name. Small and linear: requests carry tens.
class HeaderMap {
 public:
  using Item = std::pair<std::string, std::string>;
  // A value stays where it is until it is set again or erased: plugins hold views of it.
  const std::string* find(std::string_view lower_name) const;
  // The arguments are none of ours.
  void set(std::string_view lower_name, std::string_view value);
  bool erase(std::string_view lower_name);
  // In order of first appearance.
  auto items() const {
    return std::span(items_.data(), count_) |
           std::views::transform([](const std::unique_ptr<Item>& item) -> const Item& { return *item; });
  }
  // Keeps the strings' memory.
  void clear() { count_ = 0; }

 private:
  std::vector<std::unique_ptr<Item>> items_;  // the first count_ are live
  size_t count_ = 0;
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
  epp_request* abi() { return &block_.abi; }
  const epp_request* abi() const { return &block_.abi; }

  // Strings behind the epp_request's views; call sync() after changing them.
  std::string id, path, incoming_model, target_model, objective, fairness_id, cache_salt;
  void sync();

  HeaderMap headers;
  HeaderMap response_headers;
  std::span<const uint8_t> body;  // owned by lifecycle, alive until the request is released
  PromptSource* prompt_source = nullptr;
  Phase phase = Phase::kNone;
  std::vector<const Instance*> untold;  // out of service when the request left: no pre-request, no response-complete

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
  // Column for writing, allocated (all missing) at first use. nullptr for types that have no columns, for a column of
  // another type, and without a snapshot.
  void* write_column(epp_attr attr, uint32_t type);
  // One element; copies what the value points to. False when the value does not fit the column.
  bool write_element(epp_attr attr, uint32_t slot, const epp_value& value);
  // Forgets what a failed or timed out producer wrote.
  void drop_written(std::span<const AttributeUse> uses);
  const epp_value* value(epp_attr attr) const;
  void set_value(epp_attr attr, const epp_value& value);  // copies
  uint32_t* set_u32(epp_attr attr, size_t count);

  // ---- per-instance state ----
  // Replaces (and drops) what was there. `state` nullptr only drops.
  void set_state(const InstancePtr& owner, void* state, void (*drop)(void*));
  void* state(uint32_t state_index) const;

  // Drops state (calling drops), attributes, pins; keeps capacity. Ready for the next request.
  void reset();

 private:
  // The epp_request first, so that from() finds the way back.
  struct AbiBlock {
    epp_request abi;
    RequestContext* context;
  };
  AbiBlock block_{};
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The column that all requests share: live counters of `table`, else scraped values of `snapshot`; all missing when
// there is neither. Both may be nullptr.
const void* shared_column(const endpoints::Snapshot* snapshot, const endpoints::EndpointTable* table, epp_attr attr,
                          uint32_t type);

}  // namespace epp::plugins
