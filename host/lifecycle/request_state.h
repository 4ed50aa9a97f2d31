// The memory of one request, recycled so that a warm request path does not allocate for it.
#pragma once

#include "plugins/hooks.h"
#include "plugins/request_context.h"
#include "request/parsed_request.h"
#include "scheduling/scheduler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace epp::lifecycle {

/// Gives plugins the prompt of a parsed body, at first use.
class ParsedPrompt final : public plugins::PromptSource {
 public:
  explicit ParsedPrompt(std::optional<request::ParsedRequest>& parsed) : parsed_(parsed) {}
  bool prompt(std::span<const epp_prompt_part>& parts, std::string& error) override;
  void clear();

 private:
  std::optional<request::ParsedRequest>& parsed_;
  request::PromptParts found_;
  request::Arena arena_;  // what found_ points to, unless it is the body
  std::vector<epp_prompt_part> parts_;
  bool ready_ = false;
};

struct RequestState {
  plugins::RequestContext context;
  std::optional<request::ParsedRequest> parsed;
  ParsedPrompt prompt{parsed};
  scheduling::Workspace workspace;
  std::vector<std::uint32_t> candidates;  ///< slots
  std::vector<std::uint32_t> kept;        ///< scratch of screeners, like the next two
  std::vector<std::uint32_t> remaining;
  plugins::SlotSet survivors;
  std::vector<std::uint8_t> without;  ///< producers that gave no answer are 1, by position
  plugins::SlotSet scratch;
  plugins::ErrorBuffer error;
  plugins::CallTimer timer;

  plugins::Call call() { return {context, error, timer}; }
  void reset();
};

/// [any thread] Outlives what it lends.
class RequestStatePool {
 public:
  struct Return {
    RequestStatePool* pool;
    void operator()(RequestState* state) const;
  };
  using Lease = std::unique_ptr<RequestState, Return>;

  /// Keeps at most `max_idle` for reuse.
  explicit RequestStatePool(std::size_t max_idle = 1024) : max_idle_(max_idle) {}
  Lease lease();

 private:
  const std::size_t max_idle_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<RequestState>> idle_;
};

}  // namespace epp::lifecycle
