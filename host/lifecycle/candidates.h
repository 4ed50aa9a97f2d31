// Which endpoints a request may go to: all of them, or those that the proxy's subset hint names.
#pragma once

#include "endpoints/snapshot.h"
#include "lifecycle/messages.h"

#include <cstdint>
#include <string>
#include <vector>

namespace epp::lifecycle {

/// The hint `envoy.lb.subset_hint` / `x-gateway-destination-endpoint-subset`, kept over messages. A list names the only
/// allowed endpoints as "address:port", "address", "[v6]:port" or a bare IPv6 address; an empty list allows none. A
/// string is read as a comma list: a restriction in an unexpected form must not become "no restriction".
class SubsetHint {
 public:
  /// Takes the hint out of a message's metadata; a message without one leaves what is known.
  void read(const MetadataValue& metadata);

  bool restricts() const { return restricts_; }
  /// With `strict_ports` an entry that names a port allows only that port, else every port of the address.
  bool allows(std::string_view address, std::string_view port, bool strict_ports) const;

 private:
  struct Entry {
    std::string address;  // without brackets
    std::string port;     // empty: any
  };
  void add(std::string_view text);

  bool restricts_ = false;
  std::vector<Entry> entries_;
};

struct CandidateOptions {
  bool ignore_hint = false;  ///< --disable-endpoint-subset-filter
  bool strict_ports = false;
};

/// Replaces `slots` by the allowed ones of `snapshot`, in its order.
void select_candidates(const endpoints::Snapshot& snapshot, const SubsetHint& hint, const CandidateOptions& options,
                       std::vector<std::uint32_t>& slots);

}  // namespace epp::lifecycle
