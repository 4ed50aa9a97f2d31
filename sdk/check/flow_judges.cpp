// Orders, ceilings and evictions: policies that answer about what they are shown.
#include "check/flow_play.h"
#include "plugins/clock.h"

#include <array>
#include <cmath>
#include <limits>

namespace epp::check {

namespace {

// `before` for three things as a matrix: irreflexive, asymmetric, transitive.
template <typename Before>
std::string order_problem(Before&& before) {
  std::array<std::array<bool, 3>, 3> is{};
  for (size_t a = 0; a < 3; ++a)
    for (size_t b = 0; b < 3; ++b)
      is[a][b] = before(a, b);
  for (size_t a = 0; a < 3; ++a) {
    if (is[a][a]) return "put something before itself";
    for (size_t b = 0; b < 3; ++b) {
      if (a != b && is[a][b] && is[b][a]) return "put two things before each other";
      for (size_t c = 0; c < 3; ++c)
        if (a != b && b != c && a != c && is[a][b] && is[b][c] && !is[a][c]) return "is not transitive";
    }
  }
  return {};
}

}  // namespace

void FlowPlay::judge_orders() {
  const epp_ordering& table = *instance_->ordering;
  std::array<Queued, 3> items;
  for (Queued& queued : items) {
    queued = make_item();
    // The same thing again, a moment later.
    const int64_t again = key_of(queued.item);
    if (again != queued.key) {
      meter_.warn("calls.order", {EPP_EXT_ORDERING " key"},
                  "gave " + std::to_string(queued.key) + " and then " + std::to_string(again) + " for one request");
    }
  }
  if (!EPP_HAS(&table, epp_ordering, before) || table.before == nullptr) return;
  const Function function{EPP_EXT_ORDERING " before"};
  const std::string problem = order_problem([&](size_t a, size_t b) {
    uint32_t answer = 0;
    meter_.call(function, [&] { answer = table.before(instance_->raw(), &items[a].item, &items[b].item); });
    return answer != 0;
  });
  if (!problem.empty()) meter_.fail("calls.order", function, problem);
}

void FlowPlay::ask_ceilings() {
  const Function function{EPP_EXT_USAGE_LIMITS " ceilings"};
  static constexpr std::array kSaturations = {0.0, 0.1, 0.5, 0.99,
                                              1.0, 1.7, 1e9, std::numeric_limits<double>::infinity()};
  std::vector<int32_t> priorities(random_.below(6));
  int32_t priority = 100;
  for (int32_t& one : priorities) {
    one = priority;
    priority -= static_cast<int32_t>(1 + random_.below(100));
  }
  ceilings_.reset(priorities.size(), 1.0);
  uint64_t again_ns = 0;
  epp_status status = EPP_OK;
  const double saturation = kSaturations[random_.below(kSaturations.size())];
  const bool returned = meter_.call(function, [&] {
    status = instance_->usage_limits->ceilings(instance_->raw(), saturation, priorities.data(), priorities.size(),
                                               ceilings_.data(), &again_ns, meter_.error().next());
  });
  if (!ceilings_.intact()) meter_.fail("calls.bounds", function, "wrote beyond the array that it was given");
  if (!returned || !meter_.judge_status(function, status)) return;
  for (size_t i = 0; i < priorities.size(); ++i) {
    if (std::isnan(ceilings_[i])) meter_.fail("calls.nan", function, "gave a ceiling that is NaN");
    if (ceilings_[i] < 0) meter_.warn("calls.range", function, "gave a ceiling below 0");
  }
}

void FlowPlay::ask_evictions() {
  std::array<std::string, 3> ids = {"request-1", "request-1", "request-" + std::to_string(random_.below(100))};
  std::array<epp_running_request, 3> running{};
  for (size_t i = 0; i < running.size(); ++i) {
    epp_running_request& one = running[i];
    one.size = sizeof one;
    one.priority = static_cast<int32_t>(random_.below(5)) - 2;
    one.id = {ids[i].data(), ids[i].size()};
    one.serial = i + 1;
    one.fairness_id = random_.one_in(2) ? one.id : epp_str{};
    one.dispatched_ns = random_.one_in(4) ? 0 : plugins::clock().now_ns() - random_.below(1'000'000'000);
    one.cost = random_.one_in(4) ? INT64_MAX : static_cast<int64_t>(random_.below(10'000));
    one.response_chunks = random_.one_in(4) ? UINT64_MAX : random_.below(10);
  }
  if (instance_->eviction_filter != nullptr) {
    meter_.call({EPP_EXT_EVICTION_FILTER " accept"},
                [&] { (void)instance_->eviction_filter->accept(instance_->raw(), &running[0]); });
  }
  if (instance_->eviction_ordering == nullptr) return;
  const Function function{EPP_EXT_EVICTION_ORDERING " before"};
  const std::string problem = order_problem([&](size_t a, size_t b) {
    uint32_t answer = 0;
    meter_.call(function,
                [&] { answer = instance_->eviction_ordering->before(instance_->raw(), &running[a], &running[b]); });
    return answer != 0;
  });
  if (!problem.empty()) meter_.fail("calls.order", function, problem);
}

}  // namespace epp::check
