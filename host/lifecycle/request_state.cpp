#include "lifecycle/request_state.h"

#include <utility>

namespace epp::lifecycle {

bool ParsedPrompt::prompt(std::span<const epp_prompt_part>& parts, std::string& error) {
  if (!parsed_) {
    error = request::kUnsupportedBody;
    return false;
  }
  if (!ready_) {
    found_ = request::build_prompt_parts(*parsed_, arena_, std::move(found_));
    parts_.clear();
    for (const request::PromptPart& part : found_.parts) {
      parts_.push_back({part.kind,
                        part.prompt,
                        {reinterpret_cast<const std::uint8_t*>(part.data.data()), part.data.size()},
                        {part.aux.data(), part.aux.size()}});
    }
    ready_ = true;
  }
  if (!found_.error.empty()) {
    error = found_.error;
    return false;
  }
  parts = parts_;
  return true;
}

void ParsedPrompt::clear() {
  arena_.reset();
  ready_ = false;
}

void RequestState::reset() {
  context.reset();
  context.prompt_source = nullptr;
  context.body = {};
  prompt.clear();
  parsed.reset();
  candidates.clear();
}

RequestStatePool::Lease RequestStatePool::lease() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Lease lease(idle_.back().release(), Return{this});
      idle_.pop_back();
      return lease;
    }
  }
  return Lease(new RequestState, Return{this});
}

void RequestStatePool::Return::operator()(RequestState* state) const {
  std::unique_ptr<RequestState> owned(state);
  owned->reset();
  const std::lock_guard lock(pool->mutex_);
  if (pool->idle_.size() < pool->max_idle_) pool->idle_.push_back(std::move(owned));
}

}  // namespace epp::lifecycle
