// least-progress-eviction-order-policy: the lowest priority is stopped first, then what frees most and wastes least.
//
//   1. lower priority
//   2. no response byte sent yet: the client gets a clean 429 that it can retry, not a broken stream
//   3. more tokens held per piece of response already delivered: cost / (1 + chunks)
//   4. later dispatch
#include <epp/plugin.hpp>

#include <tuple>

namespace {

class LeastProgress {
 public:
  explicit LeastProgress(epp::sdk::Context&) {}
  bool evict_before(const epp_running_request& a, const epp_running_request& b) const { return rank(a) < rank(b); }

 private:
  static std::tuple<int32_t, bool, double, uint64_t> rank(const epp_running_request& request) {
    const double freed = static_cast<double>(request.cost) / (1 + static_cast<double>(request.response_chunks));
    return {request.priority, request.response_chunks != 0, -freed, UINT64_MAX - request.dispatched_ns};
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<LeastProgress>({
    .name = "least-progress-eviction-order-policy",
    .description = "Evicts the lowest priority first, then what frees most tokens for the least work lost",
    .stability = EPP_STABILITY_ALPHA,
}))
