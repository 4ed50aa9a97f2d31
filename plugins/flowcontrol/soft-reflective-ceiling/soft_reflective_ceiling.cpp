// soft-reflective-ceiling-policy: as the pool fills, lower bands dispatch in ever fewer cycles; the highest band always
// does.
//
//   reflective ceiling of band i of N   r(i) = 1 - i s / (N-1)
//   s < r(i)                            open
//   otherwise                           open in every p-th cycle, p = max(1, round(s / (1 - s)));  closed at s >= 1
#include <epp/plugin.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <string>

namespace {

constexpr uint64_t kNextCycleNs = 1'000'000;

class SoftReflectiveCeiling {
 public:
  explicit SoftReflectiveCeiling(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    if (parameters.count("") == 0) return;
    throw epp::sdk::Error(
        "soft-reflective-ceiling-policy takes no parameters: json: unknown field \"" + parameters.key("", 0) + '"',
        EPP_ERR_BAD_REQUEST);
  }

  void usage_ceilings(double saturation, std::span<const int32_t> priorities, std::span<double> ceilings,
                      uint64_t& again_ns) {
    const size_t bands = priorities.size();
    if (bands < 2) return;  // preset to 1
    const bool open = takes_turn(saturation);
    for (size_t i = 1; i < bands; ++i) {
      const double reflective = 1 - static_cast<double>(i) * saturation / static_cast<double>(bands - 1);
      if (saturation < reflective) continue;
      ceilings[i] = open ? 1 : 0;
      // A later cycle may open it, and nothing else need happen until then.
      if (!open && saturation < 1) again_ns = kNextCycleNs;
    }
  }

 private:
  // Whether the bands that take turns are open in this cycle.
  bool takes_turn(double saturation) {
    if (saturation >= 1) return false;
    if (saturation < 1 - saturation) return true;
    const auto period = static_cast<uint64_t>(std::max(1.0, std::round(saturation / (1 - saturation + 1e-9))));
    return (cycles_.fetch_add(1, std::memory_order_relaxed) + 1) % period == 0;
  }

  std::atomic<uint64_t> cycles_{0};
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<SoftReflectiveCeiling>({
    .name = "soft-reflective-ceiling-policy",
    .description = "Lets lower priority bands dispatch in fewer cycles the fuller the pool is",
    .stability = EPP_STABILITY_ALPHA,
}))
