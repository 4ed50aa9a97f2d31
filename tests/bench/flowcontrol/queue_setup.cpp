#include "bench/flowcontrol/queue_setup.h"

#include <epp/ext/saturation_detector.h>

namespace epp::flowcontrol::bench {
namespace {

const epp_saturation_detector kCounting = [] {
  epp_saturation_detector table{};
  table.size = sizeof(table);
  table.saturation = [](const epp_instance* i, const epp_candidates*, const epp_reservations* reservations,
                        double* saturation, std::uint64_t*, epp_error*) {
    const auto& self = *static_cast<const CountingDetector*>(i->data);
    const auto busy = self.running.load(std::memory_order_relaxed) + static_cast<std::int64_t>(reservations->undecided);
    *saturation = static_cast<double>(busy) / static_cast<double>(self.places.load(std::memory_order_relaxed));
    return epp_status{EPP_OK};
  };
  return table;
}();

// The harness stops the clock; a queue's turn reads the real one.
class RealClock final : public plugins::Clock {
 public:
  std::uint64_t now_ns() const override { return clock(CLOCK_MONOTONIC); }
  std::uint64_t wall_ns() const override { return clock(CLOCK_REALTIME); }

 private:
  static std::uint64_t clock(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  }
};
const RealClock kRealClock;

}  // namespace

CountingDetector::CountingDetector() {
  name_ = type_ = "counting";
  abi_.size = sizeof(abi_);
  abi_.data = this;
  raw_ = &abi_;
  plugins::Instance::detector = &kCounting;
}

Setup::Setup(std::string_view fairness, std::int32_t bands) {
  for (const std::string_view library :
       {fairness, std::string_view("fcfs-ordering-policy"), std::string_view("static-usage-limit-policy")})
    host.load(library);
  plugins::install_clock(&kRealClock);
  const auto policy = host.create(fairness);
  const auto ordering = host.create("fcfs-ordering-policy");
  for (std::int32_t priority = 0; priority < bands; ++priority) {
    BandOptions& band = options.bands.emplace_back();
    band.priority = priority;
    band.max_requests = band.max_bytes = 1'000'000'000'000;
    band.fairness = policy;
    band.ordering = ordering;
  }
  options.default_band = options.default_negative_band = options.bands.front();
  options.default_ttl_ns = options.no_endpoint_ttl_ns = 60'000'000'000;
  options.usage_limits = host.create("static-usage-limit-policy");
  options.detector = detector;
  host.endpoint("a");
  auto request = host.request();
  host.stage(request);
}

Setup::~Setup() = default;

std::vector<std::string> flow_names(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i)
    names.push_back("tenant-" + std::to_string(i));
  return names;
}

}  // namespace epp::flowcontrol::bench
