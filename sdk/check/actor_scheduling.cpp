// Filters, scorers, pickers, producers and detectors.
#include "check/actor.h"
#include "plugins/hooks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace epp::check {

namespace {

constexpr uint64_t kDefaultLimitNs = 400'000'000;
constexpr uint64_t kLongestWaitNs = 2'000'000'000;

std::string number(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace

void Actor::screen_or_filter(const epp_filter& table, Function function) {
  indexes_.reset(candidates_.count, UINT32_MAX);
  uint32_t kept = 0;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(function, [&] {
    status =
        table.filter(instance_->raw(), request_.abi(), &candidates_, indexes_.data(), &kept, meter_.error().next());
  });
  require_intact(function);
  if (!returned || !meter_.judge_status(function, status)) return;
  if (kept > candidates_.count) {
    meter_.fail("calls.index", function, "kept " + std::to_string(kept) + " of " + std::to_string(candidates_.count));
    return;
  }
  seen_.assign(static_cast<size_t>(candidates_.slot_limit), false);
  for (const uint32_t slot : slots_)
    seen_[slot] = true;
  for (uint32_t i = 0; i < kept; ++i) {
    const uint32_t slot = indexes_[i];
    if (slot >= seen_.size() || !seen_[slot]) {
      meter_.fail("calls.index", function,
                  "kept slot " + std::to_string(slot) + ", which it was not given or kept before");
      return;
    }
    seen_[slot] = false;
  }
}

void Actor::score() {
  const Function function{EPP_EXT_SCORER " score"};
  numbers_.reset(candidates_.count, 0);
  epp_status status = EPP_OK;
  const bool returned = meter_.call(function, [&] {
    status = instance_->scorer->score(instance_->raw(), request_.abi(), &candidates_, numbers_.data(),
                                      meter_.error().next());
  });
  require_intact(function);
  if (!returned || !meter_.judge_status(function, status)) return;
  for (uint32_t i = 0; i < candidates_.count; ++i) {
    if (std::isnan(numbers_[i])) {
      meter_.fail("calls.nan", function, "gave a score that is NaN");
      return;
    }
    if (numbers_[i] < 0 || numbers_[i] > 1) {
      meter_.warn("calls.range", function, "gave score " + number(numbers_[i]) + ", which the host cuts to 0..1");
      return;
    }
  }
}

void Actor::pick() {
  const Function function{EPP_EXT_PICKER " pick"};
  indexes_.reset(candidates_.count, UINT32_MAX);
  totals_.resize(candidates_.count);
  for (double& total : totals_)
    total = random_.one_in(2) ? random_.fraction() * 3 : 0;
  uint32_t picked = 0;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(function, [&] {
    status = instance_->picker->pick(instance_->raw(), request_.abi(), &candidates_, totals_.data(), indexes_.data(),
                                     &picked, meter_.error().next());
  });
  require_intact(function);
  // The host does not ask without candidates, so any answer is good then.
  if (!returned || !meter_.judge_status(function, status, candidates_.count == 0)) return;
  if (picked > candidates_.count || (picked == 0 && candidates_.count != 0)) {
    meter_.fail("calls.index", function,
                "picked " + std::to_string(picked) + " of " + std::to_string(candidates_.count));
    return;
  }
  seen_.assign(candidates_.count, false);
  for (uint32_t i = 0; i < picked; ++i) {
    const uint32_t position = indexes_[i];
    if (position >= candidates_.count || seen_[position]) {
      meter_.fail("calls.index", function,
                  "picked position " + std::to_string(position) + ", which there is not or it picked before");
      return;
    }
    seen_[position] = true;
  }
}

// ---- producers ----

void Actor::produce() {
  const Function function{EPP_EXT_PRODUCER " produce"};
  const uint64_t token = stage_.completions().open(instance_, mailbox_);
  epp_status status = EPP_OK;
  bool returned = false;
  {
    const InPhase phase(request_.context(), plugins::Phase::kProduce);
    returned = meter_.call(function, [&] {
      status =
          instance_->producer->produce(instance_->raw(), request_.abi(), &candidates_, token, meter_.error().next());
    });
  }
  require_intact(function);
  if (returned && status == EPP_PENDING) {
    await(token);
    return;
  }
  stage_.completions().close(token);
  // A producer that finds nothing in a request says so with an error.
  if (returned) meter_.judge_status(function, status, true);
}

void Actor::await(uint64_t token) {
  const epp_producer& table = *instance_->producer;
  const bool has_cancel = EPP_HAS(&table, epp_producer, cancel) && table.cancel != nullptr;
  // Some clients do not wait.
  if (has_cancel && random_.one_in(4)) {
    if (stage_.completions().close(token)) {
      meter_.call({EPP_EXT_PRODUCER " cancel"}, [&] { table.cancel(instance_->raw(), token); });
    }
    return;
  }
  uint64_t limit_ns = kDefaultLimitNs;
  if (EPP_HAS(&table, epp_producer, time_limit) && table.time_limit != nullptr) {
    const uint64_t own_ns = table.time_limit(instance_->raw());
    if (own_ns != 0) limit_ns = std::min(own_ns, kLongestWaitNs);
  }
  // One that never answers is waited for once.
  const auto completion = mailbox_->wait(token, never_completes_ ? 0 : limit_ns);
  if (completion) {
    if (completion->status() == EPP_OK) plugins::apply_completion(*instance_, *completion, request_.context());
    return;
  }
  if (!stage_.completions().close(token)) return;
  if (!never_completes_) {
    meter_.fail(
        "leaks.tokens", {EPP_EXT_PRODUCER " produce"},
        "answered that it would complete later and did not within " + std::to_string(limit_ns / 1'000'000) + " ms");
  }
  never_completes_ = true;
  if (has_cancel) meter_.call({EPP_EXT_PRODUCER " cancel"}, [&] { table.cancel(instance_->raw(), token); });
}

// ---- detectors ----

void Actor::detect(const epp_reservations* reservations) {
  const Function function{EPP_EXT_SATURATION_DETECTOR " saturation"};
  double saturation = std::numeric_limits<double>::quiet_NaN();
  uint64_t again_ns = 0;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(function, [&] {
    status = instance_->detector->saturation(instance_->raw(), &candidates_, reservations, &saturation, &again_ns,
                                             meter_.error().next());
  });
  require_intact(function);
  if (!returned || !meter_.judge_status(function, status)) return;
  if (std::isnan(saturation)) {
    meter_.fail("calls.nan", function, "gave a saturation that is NaN");
  } else if (saturation < 0) {
    meter_.fail("calls.range", function, "gave a saturation of " + number(saturation));
  } else if (candidates_.count == 0 && saturation != 1.0) {
    meter_.fail("calls.range", function, "gave " + number(saturation) + " for no endpoints, which is 1.0");
  }
}

}  // namespace epp::check
