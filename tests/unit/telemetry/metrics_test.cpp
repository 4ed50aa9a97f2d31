#include "telemetry/metrics.h"

#include "telemetry/label_limiter.h"

#include <array>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace epp::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::array kBounds{1.0, 2.5, 10.0};

TEST(Metrics, CountersGaugesAndHistogramsAreExported) {
  Registry registry({.hot_shards = 4});
  auto* counter = registry.counter({.name = "requests_total", .help = "Requests.", .labels = {"model"}, .hot = true});
  auto* gauge = registry.gauge({.name = "depth", .help = "Depth."});
  auto* histogram = registry.histogram({.name = "seconds", .help = "Time.", .labels = {"b", "a"}}, kBounds);
  counter->with({"m"}).inc();
  counter->inc({"m"}, 2);
  counter->with({"m"}).add(0.5);
  gauge->set({}, 4);
  gauge->add({}, -1.5);
  for (const double value : {0.5, 1.0, 3.0, 99.0})
    histogram->observe({"y", "x"}, value);
  EXPECT_EQ(registry.render().body,
            "# HELP depth Depth.\n# TYPE depth gauge\ndepth 2.5\n"
            "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{model=\"m\"} 3.5\n"
            "# HELP seconds Time.\n# TYPE seconds histogram\n"
            "seconds_bucket{a=\"x\",b=\"y\",le=\"1\"} 2\n"
            "seconds_bucket{a=\"x\",b=\"y\",le=\"2.5\"} 2\n"
            "seconds_bucket{a=\"x\",b=\"y\",le=\"10\"} 3\n"
            "seconds_bucket{a=\"x\",b=\"y\",le=\"+Inf\"} 4\n"
            "seconds_sum{a=\"x\",b=\"y\"} 103.5\nseconds_count{a=\"x\",b=\"y\"} 4\n");
}

TEST(Metrics, FamiliesWithoutLabelsAppearAtOnceAndOthersWithTheirFirstSeries) {
  Registry registry;
  ASSERT_TRUE(registry.counter({.name = "bare_total", .help = "h"}));
  ASSERT_TRUE(registry.counter({.name = "labelled_total", .help = "h", .labels = {"l"}}));
  EXPECT_THAT(registry.render().body, HasSubstr("bare_total 0\n"));
  EXPECT_THAT(registry.render().body, Not(HasSubstr("labelled_total")));
}

TEST(Metrics, NonsenseIsIgnored) {
  Registry registry;
  auto* counter = registry.counter({.name = "c_total", .help = ""});
  auto* histogram = registry.histogram({.name = "h", .help = ""}, kBounds);
  const Counter c = counter->with({});
  c.add(-1);
  c.add(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(c.value(), 0);
  histogram->observe({}, std::numeric_limits<double>::quiet_NaN());
  histogram->observe({}, std::numeric_limits<double>::infinity());
  EXPECT_THAT(registry.render().body, HasSubstr("h_bucket{le=\"10\"} 0\nh_bucket{le=\"+Inf\"} 1\nh_sum +Inf\n"));
  Counter().inc();
  Gauge().set(1);
  Histogram().observe(1);
}

TEST(Metrics, TheSameShapeGivesTheSameFamilyAndAnotherShapeAnError) {
  Registry registry;
  std::string error;
  const FamilySpec spec{.name = "x", .help = "h", .labels = {"a"}};
  auto* first = registry.histogram(spec, kBounds, &error);
  ASSERT_TRUE(first) << error;
  EXPECT_EQ(registry.histogram(spec, kBounds, &error), first);
  EXPECT_EQ(registry.gauge(spec, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("x is already registered with another shape"));
  EXPECT_EQ(registry.histogram(spec, std::array{1.0}, &error), nullptr);
  EXPECT_EQ(registry.histogram({.name = "x", .help = "h", .labels = {"b"}}, kBounds, &error), nullptr);
  EXPECT_EQ(registry.histogram({.name = "x", .help = "h", .labels = {"a"}, .twin = TwinSpec{"y", "", {"a"}}}, kBounds),
            nullptr);
  EXPECT_FALSE(registry.callback(
      spec, MetricKind::kGauge, [](CallbackSink&) {}, &error));
}

TEST(Metrics, MalformedSpecsAreErrors) {
  Registry registry;
  std::string error;
  EXPECT_FALSE(registry.counter({.name = "", .help = ""}, &error));
  EXPECT_FALSE(registry.counter({.name = "1x", .help = ""}, &error));
  EXPECT_FALSE(registry.counter({.name = "a-b", .help = ""}, &error));
  EXPECT_FALSE(registry.counter({.name = "a", .help = "", .labels = {"x:y"}}, &error));
  EXPECT_FALSE(registry.counter({.name = "a", .help = "", .labels = {"__x"}}, &error));
  EXPECT_FALSE(registry.counter({.name = "a", .help = "", .labels = {"x", "x"}}, &error));
  EXPECT_FALSE(registry.counter({.name = "a", .help = "", .labels = {"x"}, .twin = TwinSpec{"b", "", {"y"}}}, &error));
  EXPECT_FALSE(registry.counter({.name = "a", .help = "", .twin = TwinSpec{"a", ""}}, &error));
  EXPECT_FALSE(registry.histogram({.name = "a", .help = "", .labels = {"le"}}, kBounds, &error));
  EXPECT_FALSE(registry.histogram({.name = "a", .help = ""}, std::array{2.0, 1.0}, &error));
  EXPECT_FALSE(registry.histogram({.name = "a", .help = ""}, std::array{1.0, std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(registry.render().body, "");
  auto* counter = registry.counter({.name = "a", .help = "", .labels = {"x"}});
  EXPECT_THROW(counter->with({"1", "2"}), std::invalid_argument);
}

TEST(Metrics, ATwinCountsTheSameEventsUnderItsOwnNameAndLabels) {
  Registry registry;
  auto* gauge = registry.gauge({.name = "new",
                                .help = "N",
                                .labels = {"model", "target", "fairness"},
                                .twin = TwinSpec{"old", "O", {"t", "model"}, {"target", "model"}}});
  gauge->add({"m", "t", "f1"}, 1);
  gauge->add({"m", "t", "f2"}, 1);
  const Gauge kept = gauge->with({"m", "u", "f1"});
  kept.set(7);
  const auto body = registry.render().body;
  EXPECT_THAT(body, HasSubstr("new{fairness=\"f2\",model=\"m\",target=\"t\"} 1\n"));
  EXPECT_THAT(body,
              HasSubstr("# HELP old O\n# TYPE old gauge\nold{model=\"m\",t=\"t\"} 2\nold{model=\"m\",t=\"u\"} 7\n"));
}

TEST(Metrics, LabelValuesOfAnyBytesStayApartAndAreExportedAsUtf8) {
  Registry registry;
  auto* counter = registry.counter({.name = "c_total", .help = "back\\slash\nline", .labels = {"a", "b"}});
  counter->inc({"x", "yz"});
  counter->inc({"xy", "z"});
  counter->inc({"q\"\\\n", "\xFF"});
  const auto body = registry.render().body;
  EXPECT_THAT(body, HasSubstr("# HELP c_total back\\\\slash\\nline\n"));
  EXPECT_THAT(body, HasSubstr("{a=\"x\",b=\"yz\"} 1\n"));
  EXPECT_THAT(body, HasSubstr("{a=\"xy\",b=\"z\"} 1\n"));
  EXPECT_THAT(body, HasSubstr("{a=\"q\\\"\\\\\\n\",b=\"\xEF\xBF\xBD\"} 1\n"));
}

TEST(Metrics, RemovedSeriesVanishAndStartAgainAtZero) {
  Registry registry;
  auto* gauge =
      registry.gauge({.name = "g", .help = "", .labels = {"a", "b"}, .twin = TwinSpec{"old", "", {"b", "a"}}});
  const Gauge kept = gauge->with({"1", "2"});
  kept.set(5);
  gauge->set({"1", "3"}, 6);
  EXPECT_TRUE(gauge->remove({"1", "2"}));
  EXPECT_FALSE(gauge->remove({"1", "2"}));
  kept.set(9);  // harmless
  EXPECT_THAT(registry.render().body, Not(HasSubstr("\"2\"")));
  gauge->add({"1", "2"}, 1);
  EXPECT_THAT(registry.render().body, HasSubstr("g{a=\"1\",b=\"2\"} 1\n"));
  EXPECT_THAT(registry.render().body, HasSubstr("old{a=\"1\",b=\"2\"} 1\n"));
  EXPECT_EQ(gauge->remove_matching({{"a", "1"}}), 2u);
  EXPECT_EQ(gauge->remove_matching({{"nonesuch", "1"}}), 0u);
  EXPECT_EQ(registry.render().body, "");
}

TEST(Metrics, RemovingByLabelLeavesATwinThatLacksIt) {
  Registry registry;
  auto* counter =
      registry.counter({.name = "c_total", .help = "", .labels = {"m", "f"}, .twin = TwinSpec{"old_total", "", {"m"}}});
  counter->inc({"m", "f"});
  EXPECT_EQ(counter->remove_matching({{"f", "f"}}), 1u);
  EXPECT_THAT(registry.render().body, HasSubstr("old_total{m=\"m\"} 1\n"));
}

TEST(Metrics, IdleSeriesRetireUnlessSomebodyHoldsOrUpdatesThem) {
  Registry registry;
  auto* counter = registry.counter({.name = "c_total", .help = "", .labels = {"l"}});
  auto* gauge = registry.gauge({.name = "g", .help = "", .labels = {"l"}});
  counter->inc({"idle"});
  counter->inc({"busy"});
  const Counter held = counter->with({"held"});
  gauge->set({"nonzero"}, 3);
  gauge->set({"zero"}, 0);
  for (int pass = 0; pass < 6; ++pass) {
    counter->inc({"busy"});
    registry.retire_idle(2);
  }
  const auto body = registry.render().body;
  EXPECT_THAT(body, Not(HasSubstr("idle")));
  EXPECT_THAT(body, HasSubstr("c_total{l=\"busy\"} 7\n"));
  EXPECT_THAT(body, HasSubstr("c_total{l=\"held\"} 0\n"));
  EXPECT_THAT(body, HasSubstr("g{l=\"nonzero\"} 3\n"));
  EXPECT_THAT(body, Not(HasSubstr("\"zero\"")));
  counter->inc({"idle"});
  EXPECT_THAT(registry.render().body, HasSubstr("c_total{l=\"idle\"} 1\n"));
}

TEST(Metrics, ASeriesThatIsLookedUpBetweenTheTwoPassesIsRevived) {
  Registry registry;
  auto* counter = registry.counter({.name = "c_total", .help = "", .labels = {"l"}});
  counter->inc({"x"}, 5);
  registry.retire_idle(1);  // notes the value
  registry.retire_idle(1);  // marks
  counter->inc({"x"});
  EXPECT_EQ(registry.retire_idle(1), 0u);
  EXPECT_THAT(registry.render().body, HasSubstr("c_total{l=\"x\"} 6\n"));
}

TEST(Metrics, AFullFamilyDropsAndCountsIt) {
  Registry registry;
  auto* counter = registry.counter({.name = "c_total", .help = "", .labels = {"l"}, .max_series = 2});
  for (const char* value : {"a", "b", "c", "c", "a"})
    counter->inc({value});
  EXPECT_EQ(counter->series_count(), 2u);
  EXPECT_THAT(registry.render().body, HasSubstr("epp_metrics_dropped_series_total{metric=\"c_total\"} 2\n"));
}

TEST(Metrics, HandlesOutliveTheRegistry) {
  Counter counter;
  {
    Registry registry;
    counter = registry.counter({.name = "c_total", .help = "", .labels = {"l"}})->with({"x"});
  }
  counter.inc();
  EXPECT_EQ(counter.value(), 1);
}

TEST(Metrics, CallbacksAreComputedAtScrapeAndEndWithTheirHandle) {
  Registry registry;
  double value = 1;
  const FamilySpec spec{.name = "g",
                        .help = "G",
                        .labels = {"pool", "endpoint"},
                        .twin = TwinSpec{"old", "O", {"pool", "pod"}, {"pool", "endpoint"}}};
  auto handle = registry.callback(spec, MetricKind::kGauge, [&](CallbackSink& sink) {
    sink.emit({"p", "e"}, value);
    sink.emit({"too few"}, 9);
  });
  ASSERT_TRUE(handle);
  auto second = registry.callback(spec, MetricKind::kGauge, [](CallbackSink& sink) { sink.emit({"p", "f"}, 4); });
  value = 2;
  const auto body = registry.render().body;
  EXPECT_THAT(body, HasSubstr("g{endpoint=\"e\",pool=\"p\"} 2\ng{endpoint=\"f\",pool=\"p\"} 4\n"));
  EXPECT_THAT(body, HasSubstr("old{pod=\"e\",pool=\"p\"} 2\n"));
  { const CallbackHandle ended = std::move(handle); }
  EXPECT_THAT(registry.render().body, Not(HasSubstr("endpoint=\"e\"")));
  EXPECT_THAT(registry.render().body, HasSubstr("endpoint=\"f\""));
  EXPECT_FALSE(registry.counter({.name = "g", .help = ""}));
}

TEST(Metrics, PrometheusCppSeesTheWholeRegistry) {
  Registry registry;
  registry.counter({.name = "c_total", .help = "H", .labels = {"l"}})->inc({"x"}, 3);
  const auto families = registry.collectable()->Collect();
  ASSERT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].name, "c_total");
  EXPECT_EQ(families[0].metric.at(0).counter.value, 3);
  EXPECT_EQ(families[0].metric.at(0).label.at(0).value, "x");
}

TEST(DatalayerCheck, C29_TheLimiterFoldsThe1001stValueToOther) {
  LabelLimiter limiter(1000);
  limiter.pin("pinned-before");
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "m" + std::to_string(i);
    EXPECT_EQ(limiter.fold(name), name);
  }
  EXPECT_EQ(limiter.fold("m1000"), "other");
  EXPECT_EQ(limiter.fold("m7"), "m7");
  EXPECT_EQ(limiter.fold(""), "");
  EXPECT_EQ(limiter.fold("pinned-before"), "pinned-before");
  limiter.pin("pinned-later");
  EXPECT_EQ(limiter.fold("pinned-later"), "pinned-later");
  EXPECT_EQ(limiter.distinct(), 1000u);
  limiter.pin("m7");  // no longer counts
  EXPECT_EQ(limiter.fold("m1000"), "m1000");
  EXPECT_EQ(LabelLimiter(10).fold(std::string(LabelLimiter::kMaxLength + 1, 'x')), "other");
}

}  // namespace
}  // namespace epp::telemetry
