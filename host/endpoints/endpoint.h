// One endpoint: an immutable identity that owns a slot.
//
// A slot is the endpoint's row in every column. It is returned for reuse when the last reference to the Endpoint is
// gone, so that a request in flight never sees its row given to somebody else.
#pragma once

#include <epp/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::endpoints {

// What discovery knows about an endpoint. Equality compares everything.
struct EndpointSpec {
  std::string name_space = "default";
  std::string name;          // unique within the namespace, e.g. "vllm-0-rank-0"
  std::string workload;      // pod name; empty: same as name
  std::string address;       // IP literal without brackets
  std::string port;          // decimal
  std::string metrics_host;  // host:port to scrape; empty: address:port
  std::string node_address;
  std::vector<std::pair<std::string, std::string>> labels;       // sorted by key
  std::vector<std::pair<std::string, std::string>> annotations;  // sorted by key
  uint32_t rank = 0;

  std::string id() const { return name_space + "/" + name; }
  bool operator==(const EndpointSpec&) const = default;
};

class SlotPool;

class Endpoint {
 public:
  Endpoint(EndpointSpec spec, uint64_t uid, std::shared_ptr<SlotPool> pool, uint32_t slot, bool owns_slot);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  const EndpointSpec& spec() const { return spec_; }
  const std::string& id() const { return id_; }                // "namespace/name"
  const std::string& host_port() const { return host_port_; }  // IPv6 bracketed
  const std::string& metrics_host() const { return metrics_host_; }
  uint32_t slot() const { return abi_.slot; }
  uint64_t uid() const { return abi_.uid; }
  // Label value or nullptr.
  const std::string* label(std::string_view key) const;
  // The same as plugins see it; lives as long as this object.
  const epp_endpoint& abi() const { return abi_; }

 private:
  EndpointSpec spec_;
  std::string id_;
  std::string host_port_;
  std::string metrics_host_;
  std::vector<epp_label> labels_;
  std::vector<epp_label> annotations_;
  std::shared_ptr<SlotPool> pool_;
  std::shared_ptr<const Endpoint> slot_owner_;  // when an update replaced the identity in place
  epp_endpoint abi_{};
  friend class Roster;
};

using EndpointPtr = std::shared_ptr<const Endpoint>;

}  // namespace epp::endpoints
