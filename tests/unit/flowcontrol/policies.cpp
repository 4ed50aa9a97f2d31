#include "unit/flowcontrol/policies.h"

#include <gtest/gtest.h>

namespace epp::flowcontrol::testing {
namespace {

template <class Policy>
Policy& self(const epp_instance* instance) {
  // The instance is the base of what the test made.
  return static_cast<Policy&>(*static_cast<TestPolicy*>(instance->data));
}

FairnessBand& band_of(void* band) {
  return *static_cast<FairnessBand*>(band);
}

std::string id_of(const epp_flow& flow) {
  return {flow.id.data, flow.id.size};
}

// The flow is known by this index and id.
void expect_known(const FairnessBand& band, const epp_flow& flow) {
  const auto found = band.flows.find(flow.index);
  ASSERT_NE(found, band.flows.end()) << "told of a flow that was never added";
  EXPECT_EQ(found->second, id_of(flow));
}

const epp_fairness kFairness = [] {
  epp_fairness table{};
  table.size = sizeof(table);
  table.open_band = [](const epp_instance* i, std::int32_t priority, void** band, epp_error*) {
    TestFairness& policy = self<TestFairness>(i);
    auto made = policy.make_band();
    if (!made) return epp_status{EPP_ERR_INTERNAL};
    made->priority = priority;
    policy.open.insert(made.get());
    *band = made.release();
    return epp_status{EPP_OK};
  };
  table.close_band = [](const epp_instance* i, void* band) {
    EXPECT_EQ(self<TestFairness>(i).open.erase(&band_of(band)), 1u);
    delete &band_of(band);
  };
  table.flow_added = [](const epp_instance*, void* band, const epp_flow* flow) {
    EXPECT_TRUE(band_of(band).flows.emplace(flow->index, id_of(*flow)).second) << "index given twice";
    EXPECT_EQ(flow->head, nullptr);
    EXPECT_GT(flow->weight, 0);
  };
  table.flow_removed = [](const epp_instance*, void* band, const epp_flow* flow) {
    expect_known(band_of(band), *flow);
    EXPECT_EQ(flow->head, nullptr);
    EXPECT_EQ(flow->length, 0u);
    band_of(band).flows.erase(flow->index);
  };
  table.head_changed = [](const epp_instance*, void* band, const epp_flow* flow) {
    expect_known(band_of(band), *flow);
    EXPECT_EQ(flow->head == nullptr, flow->length == 0);
    band_of(band).changed(*flow);
  };
  table.pick = [](const epp_instance* i, void* band, std::uint64_t, std::uint32_t* flow, epp_error*) {
    TestFairness& policy = self<TestFairness>(i);
    ++policy.picks;
    if (policy.on_pick) return policy.on_pick(band_of(band), *flow);
    *flow = band_of(band).pick();
    return epp_status{EPP_OK};
  };
  table.charged = [](const epp_instance*, void* band, const epp_flow* flow, std::uint32_t, std::int64_t tokens) {
    expect_known(band_of(band), *flow);
    band_of(band).charged[id_of(*flow)] += tokens;
  };
  return table;
}();

epp_ordering ordering_table(bool with_comparator) {
  epp_ordering table{};
  table.size = sizeof(table);
  table.key = [](const epp_instance* i, const epp_queued_request* item, std::int64_t* key, epp_error*) {
    TestOrdering& policy = self<TestOrdering>(i);
    if (policy.fails) return epp_status{EPP_ERR_INTERNAL};
    *key = policy.on_key(*item);
    return epp_status{EPP_OK};
  };
  if (with_comparator) {
    table.before = [](const epp_instance* i, const epp_queued_request* a, const epp_queued_request* b) {
      return static_cast<std::uint32_t>(self<TestOrdering>(i).on_before(*a, *b));
    };
  }
  return table;
}
const epp_ordering kOrderingByKey = ordering_table(false);
const epp_ordering kOrderingByComparator = ordering_table(true);

const epp_saturation_detector kDetector = [] {
  epp_saturation_detector table{};
  table.size = sizeof(table);
  table.saturation = [](const epp_instance* i, const epp_candidates* candidates, const epp_reservations* reservations,
                        double* saturation, std::uint64_t* again_ns, epp_error*) {
    TestDetector& policy = self<TestDetector>(i);
    ++policy.calls;
    *saturation = policy.on_saturation(*candidates, *reservations, *again_ns);
    return *saturation < 0 ? epp_status{EPP_ERR_INTERNAL} : epp_status{EPP_OK};
  };
  return table;
}();

const epp_usage_limits kUsageLimits = [] {
  epp_usage_limits table{};
  table.size = sizeof(table);
  table.ceilings = [](const epp_instance* i, double saturation, const std::int32_t* priorities, std::uint64_t count,
                      double* ceilings, std::uint64_t* again_ns, epp_error*) {
    TestUsageLimits& policy = self<TestUsageLimits>(i);
    ++policy.calls;
    policy.on_ceilings(saturation, {priorities, count}, {ceilings, count}, *again_ns);
    return epp_status{EPP_OK};
  };
  return table;
}();

struct StrictBand final : FairnessBand {
  using Place = std::tuple<std::int64_t, std::uint64_t, std::uint32_t>;
  void changed(const epp_flow& flow) override {
    if (const auto old = places.find(flow.index); old != places.end()) {
      order.erase(old->second);
      places.erase(old);
    }
    if (flow.head == nullptr) return;
    const Place place{flow.head_key, flow.head_arrival, flow.index};
    places.emplace(flow.index, place);
    order.insert(place);
  }
  std::uint32_t pick() override { return std::get<2>(*order.begin()); }

  std::set<Place> order;
  std::map<std::uint32_t, Place> places;
};

struct RoundRobinBand final : FairnessBand {
  void changed(const epp_flow& flow) override {
    if (flow.head == nullptr) {
      active.erase(id_of(flow));
    } else {
      active[id_of(flow)] = flow.index;
    }
  }
  std::uint32_t pick() override {
    auto next = active.upper_bound(last);
    if (next == active.end()) next = active.begin();
    last = next->first;
    return next->second;
  }

  std::map<std::string, std::uint32_t> active;
  std::string last;
};

}  // namespace

TestPolicy::TestPolicy(std::string name) {
  name_ = name;
  type_ = std::move(name);
  abi_.size = sizeof(abi_);
  abi_.data = this;
  raw_ = &abi_;
}

TestFairness::TestFairness(std::string name, MakeBand make) : TestPolicy(std::move(name)), make_band(std::move(make)) {
  fairness = &kFairness;
}

std::shared_ptr<TestFairness> global_strict() {
  return std::make_shared<TestFairness>("strict", [] { return std::make_unique<StrictBand>(); });
}

std::shared_ptr<TestFairness> round_robin() {
  return std::make_shared<TestFairness>("round-robin", [] { return std::make_unique<RoundRobinBand>(); });
}

TestOrdering::TestOrdering(std::string name, Key key, Before before)
    : TestPolicy(std::move(name)), on_key(std::move(key)), on_before(std::move(before)) {
  ordering = on_before ? &kOrderingByComparator : &kOrderingByKey;
}

std::shared_ptr<TestOrdering> first_come_first_served() {
  return std::make_shared<TestOrdering>(
      "fcfs", [](const epp_queued_request& item) { return static_cast<std::int64_t>(item.enqueued_ns); });
}

std::shared_ptr<TestOrdering> earliest_deadline_first() {
  return std::make_shared<TestOrdering>("edf", [](const epp_queued_request& item) {
    return item.deadline_ns == EPP_NEVER_NS ? INT64_MAX : static_cast<std::int64_t>(item.deadline_ns);
  });
}

TestDetector::TestDetector(Saturation saturation) : TestPolicy("detector"), on_saturation(std::move(saturation)) {
  detector = &kDetector;
}

TestUsageLimits::TestUsageLimits(Ceilings ceilings) : TestPolicy("usage-limits"), on_ceilings(std::move(ceilings)) {
  usage_limits = &kUsageLimits;
}

std::shared_ptr<TestUsageLimits> ceiling_of(double ceiling) {
  return std::make_shared<TestUsageLimits>(
      [ceiling](double, std::span<const std::int32_t>, std::span<double> ceilings, std::uint64_t&) {
        std::fill(ceilings.begin(), ceilings.end(), ceiling);
      });
}

}  // namespace epp::flowcontrol::testing
