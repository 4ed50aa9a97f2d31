#pragma once

#include "cluster.h"
#include "support/tenant_load.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace epp::demo {

// One tenant at one priority, over some span of time.
struct TenantView {
  std::string tenant;
  std::string objective;
  unsigned clients = 0;
  double waiting = 0;  // in the queue now
  double answers_per_second = 0;
  double tokens_per_second = 0;
  double share = 0;          // of the tokens of this priority
  double queue_seconds = 0;  // mean time in the queue of those that left it
  double seconds_p50 = 0;    // from the question to the end of the answer
  double seconds_p99 = 0;
};

// The tenants of the flow-control demo: two of them, whose batch jobs offer ten times as much and as much as half of
// the pool can do, and who ask now and then interactively.
class Tenants {
 public:
  explicit Tenants(Cluster& cluster);

  // What happened since the last call.
  std::vector<TenantView> look();

  void stop() { traffic_.stop(); }
  std::uint64_t lost() const { return traffic_.lost(); }
  std::string examples_of_lost() const { return traffic_.examples_of_lost(); }

 private:
  struct QueueTimes {
    double sum = 0;
    double count = 0;
  };

  Cluster& cluster_;
  const std::vector<testing::TenantLoad> loads_;
  testing::TenantTraffic traffic_;
  testing::Clock::time_point looked_ = testing::Clock::now();
  std::map<testing::TenantTraffic::Key, QueueTimes> queue_times_;
};

}  // namespace epp::demo
