// Reads how full the pool is: the detector's word about each stage and the reservations.
//
//   label llm-d.ai/role                                      prefill  decode
//   prefill, encode-prefill                                     x
//   decode, empty, missing                                               x
//   prefill-decode, both, encode-prefill-decode                 x        x
//   encode, anything else
//
// effective = the fuller stage, or the whole pool when no stage has an endpoint; an empty pool is 1.
#pragma once

#include "flowcontrol/outcome.h"
#include "flowcontrol/reservations.h"
#include "flowcontrol/saturation.h"
#include "plugins/instance.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace epp::endpoints {
class AttributeRegistry;
class Column;
class EndpointTable;
class Snapshot;
struct Membership;
}  // namespace epp::endpoints

namespace epp::flowcontrol {

class PoolGauge {
 public:
  // Both outlive the gauge. Readings are shown to the detector as `hold_stale_ns` younger than they are.
  PoolGauge(plugins::InstancePtr detector, const endpoints::EndpointTable& table,
            endpoints::AttributeRegistry& attributes, Nanos hold_stale_ns);
  ~PoolGauge();
  PoolGauge(const PoolGauge&) = delete;
  PoolGauge& operator=(const PoolGauge&) = delete;

  // Of the current snapshot.
  Saturation read(Nanos now);
  bool pool_empty() const;
  // How long after the last read() the detector wants to be asked again although nothing happened; 0: no need.
  Nanos look_again_ns() const { return look_again_ns_; }
  Reservations& reservations() { return reservations_; }

 private:
  using SnapshotPtr = std::shared_ptr<const endpoints::Snapshot>;
  struct Part {
    std::vector<std::uint32_t> slots;
    double last = 1;  // the detector's last good word
  };
  void partition(const endpoints::Snapshot& snapshot);
  SnapshotPtr rejuvenated(const SnapshotPtr& snapshot, Nanos now);
  double ask(Part& part, const endpoints::Snapshot& snapshot, const epp_reservations& reservations);

  const plugins::InstancePtr detector_;
  const endpoints::EndpointTable& table_;
  const epp_attr update_time_;
  const Nanos hold_stale_ns_;
  Reservations reservations_;
  plugins::ErrorBuffer error_;
  Nanos look_again_ns_ = 0;

  // Whom the parts were made for. Weak: nobody's slot is kept from reuse.
  std::weak_ptr<const endpoints::Membership> members_;
  Part prefill_, decode_, whole_;
};

}  // namespace epp::flowcontrol
