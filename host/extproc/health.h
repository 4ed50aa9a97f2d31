// grpc.health.v1 for the two ports that serve it: the health port of its own, and, opt-in, the ext-proc port.
#pragma once

#include "extproc/rpc.h"

#include <optional>
#include <string>
#include <string_view>

namespace epp::extproc {

inline constexpr std::string_view kProcessorService = "envoy.service.ext_proc.v3.ExternalProcessor";

/// What readiness depends on. [any thread, concurrent; must not block]
class HealthInputs {
 public:
  virtual ~HealthInputs() = default;
  virtual bool live() const = 0;              ///< the pool has synced
  virtual bool protocol_matches() const = 0;  ///< every parser speaks the pool's application protocol
  virtual bool plugins_ready() const = 0;
  virtual bool draining() const = 0;
  /// nullopt: leader election is off.
  virtual std::optional<bool> leader() const = 0;
};

/// One state for both ports, so that a proxy that checks the ext-proc port is not sent to a follower or to one that
/// drains. `liveness` always serves. Without leader election every other name is answered alike:
/// serving while live, matching, ready and not draining. With it `readiness`, "" and the processor's name also need the
/// lead, and other names are unknown. Watch is not implemented.
class HealthService final : public UnaryService {
 public:
  explicit HealthService(const HealthInputs& inputs) : inputs_(inputs) {}
  std::optional<UnaryReply> call(std::string_view method, std::string_view request) override;

 private:
  const HealthInputs& inputs_;
};

}  // namespace epp::extproc
