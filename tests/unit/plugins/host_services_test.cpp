// The host's services as a plugin meets them.
#include "plugins/graveyard.h"
#include "unit/plugin_harness/scripted.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::plugins {

using epp::testing::PluginHarness;
using epp::testing::script;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HostServices : public ::testing::Test {
 protected:
  HostServices() {
    load_scripted(host);
    host.endpoint("a").set("Depth/x", 4.0);
    host.endpoint("b");
  }
  PluginHarness host;
  epp::testing::TestRequest request = host.request();
};

TEST_F(HostServices, AnUndeclaredReadIsMissingAndCounted) {
  double seen = 0;
  script("nosy").construct = [](sdk::Context& context) { context.optional_f64("Other/x"); };
  script("nosy").score = [&](const sdk::Request& r, const sdk::Candidates& c, auto) {
    seen = sdk::F64Column(host.attributes().find("Depth/x")).read(r, c)[c.slot(0)];
  };
  const auto nosy = host.create("scripted-scorer", "{}", "nosy");
  host.score(nosy, request);
  EXPECT_TRUE(std::isnan(seen));
  EXPECT_EQ(nosy->faults(Fault::kScopeRead), 1u);
}

TEST_F(HostServices, AColumnReadAsAnotherTypeIsMissingAndCounted) {
  int64_t seen = 0;
  script("typo").construct = [](sdk::Context& context) { context.optional_f64("Depth/x"); };
  script("typo").score = [&](const sdk::Request& r, const sdk::Candidates& c, auto) {
    seen = sdk::I64Column(host.attributes().find("Depth/x")).read(r, c)[c.slot(0)];
  };
  const auto typo = host.create("scripted-scorer", "{}", "typo");
  host.score(typo, request);
  EXPECT_EQ(seen, EPP_I64_MISSING);
  EXPECT_EQ(typo->faults(Fault::kScopeRead), 1u);
}

TEST_F(HostServices, AnUndeclaredWriteIsDroppedAndCounted) {
  script("grabby").construct = [](sdk::Context& context) { context.optional_value("Word/x", EPP_TYPE_STR); };
  script("grabby").produce = [&](const sdk::Request& r, const sdk::Candidates& c, auto) {
    EXPECT_EQ(sdk::F64Column(host.attributes().find("Depth/x")).write(r, c), nullptr);
    sdk::RequestValue(host.attributes().find("Word/x")).set(r, "mine");
    return true;
  };
  const auto grabby = host.create("scripted-producer", "{}", "grabby");
  EXPECT_TRUE(host.produce(grabby, request).ok());
  EXPECT_EQ(host.text_value(request, "Word/x"), "");
  EXPECT_EQ(grabby->faults(Fault::kScopeWrite), 2u);
}

TEST_F(HostServices, ColumnsAreWrittenWhileProducingOnly) {
  sdk::F64Column mine;
  script("late").construct = [&](sdk::Context& context) { mine = context.produce_f64("Mine/x"); };
  script("late").pre_request = [&](const sdk::Request& r, const auto&) {
    const epp_candidates none{};
    EXPECT_EQ(mine.write(r, sdk::Candidates(&none)), nullptr);
  };
  const auto late = host.create("scripted-hook", "{}", "late");
  EXPECT_TRUE(host.pre_request(late, request).ok());
  EXPECT_EQ(late->faults(Fault::kScopeWrite), 1u);
}

TEST_F(HostServices, AKeyOfAnotherTypeFailsTheCreation) {
  script("first").construct = [](sdk::Context& context) { context.produce_f64("Clash/x"); };
  script("second").construct = [](sdk::Context& context) { context.require_i64("Clash/x"); };
  const auto first = host.create("scripted-hook", "{}", "first");
  EXPECT_THROW(
      {
        try {
          host.create("scripted-hook", "{}", "second");
        } catch (const std::runtime_error& e) {
          EXPECT_STREQ(e.what(), "attribute Clash/x is known with another type, scope or kind");
          throw;
        }
      },
      std::runtime_error);
}

TEST_F(HostServices, AFailedProducerLeavesNothing) {
  sdk::F64Column mine;
  script("broken").construct = [&](sdk::Context& context) { mine = context.produce_f64("Mine/broken"); };
  script("broken").produce = [&](const sdk::Request& r, const sdk::Candidates& c, auto) -> bool {
    mine.write(r, c)[c.slot(0)] = 1.0;
    throw sdk::Error("cannot", EPP_ERR_UNAVAILABLE, "no-service");
  };
  const auto outcome = host.produce(host.create("scripted-producer", "{}", "broken"), request);
  EXPECT_EQ(outcome.status, EPP_ERR_UNAVAILABLE);
  EXPECT_EQ(outcome.message, "cannot");
  EXPECT_EQ(outcome.reason, "no-service");
  EXPECT_TRUE(std::isnan(host.f64(request, "Mine/broken")[0]));
}

TEST_F(HostServices, HeadersChangeInTheirPhasesOnly) {
  script("setter").pre_request = [](const sdk::Request& r, const auto&) {
    r.set_header("x-set", "1");
    r.remove_header("x-gone");
    r.set_destination("10.9.9.9:1");
    EXPECT_EQ(r.header("x-set"), "1");
    EXPECT_EQ(r.header("x-gone").data(), nullptr);
    r.set_response_header("x-response", "too early");
  };
  const auto setter = host.create("scripted-hook", "{}", "setter");
  request.header("x-gone", "client");
  EXPECT_TRUE(host.pre_request(setter, request).ok());
  const RequestContext& context = request.context();
  ASSERT_EQ(context.request_mutations.size(), 2u);
  EXPECT_EQ(context.request_mutations[0].value, "1");
  EXPECT_TRUE(context.request_mutations[1].remove);
  EXPECT_EQ(context.destination, "10.9.9.9:1");
  EXPECT_THAT(context.response_mutations, IsEmpty());
  EXPECT_EQ(setter->faults(Fault::kScopeWrite), 1u);
  EXPECT_EQ(setter->ledger().last()->point, ExtensionPoint::kPreRequest);
}

// What the proxy would refuse, or take for another header.
TEST_F(HostServices, HeadersThatAreNoneAreRefused) {
  script("odd").pre_request = [](const sdk::Request& r, const auto&) {
    r.set_header("X-Upper", "1");
    r.set_header("x bad", "1");
    r.set_header("", "1");
    r.set_header("x-split", "1\r\nx-second: 2");
    r.remove_header("x-gone:");
    r.set_header("x-good", "any \xc3\xa9 text");
    r.set_header(":path", "/other");
  };
  const auto odd = host.create("scripted-hook", "{}", "odd");
  EXPECT_TRUE(host.pre_request(odd, request).ok());
  const auto& changes = request.context().request_mutations;
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].name, "x-good");
  EXPECT_EQ(changes[1].name, ":path");
  EXPECT_EQ(odd->faults(Fault::kError), 5u);
}

TEST_F(HostServices, AHooksErrorWithoutATypeIsAFault) {
  bool typed = true;
  script("hook").pre_request = [&typed](const sdk::Request&, const auto&) {
    if (typed) throw sdk::Error("no", EPP_ERR_FORBIDDEN);
    throw std::runtime_error("broken");
  };
  const auto hook = host.create("scripted-hook", "{}", "hook");
  EXPECT_EQ(host.pre_request(hook, request).status, EPP_ERR_FORBIDDEN);
  EXPECT_EQ(hook->faults(Fault::kError), 0u);
  typed = false;
  EXPECT_EQ(host.pre_request(hook, request).status, EPP_ERR_UNTYPED);
  EXPECT_EQ(hook->faults(Fault::kError), 1u);
  EXPECT_TRUE(hook->in_service());
}

TEST_F(HostServices, AHeaderCanBeSetToAnotherOnesValue) {
  script("copier").pre_request = [](const sdk::Request& r, const auto&) {
    const std::string_view client = r.header("x-client");
    for (int i = 0; i < 20; ++i)
      r.set_header("x-copy-" + std::to_string(i), client);
    r.remove_header("x-gone");
    EXPECT_EQ(client, "me");
    r.set_header("x-client", client);
    EXPECT_EQ(r.header("x-client"), "me");
  };
  request.header("x-gone", "first");
  request.header("x-client", "me");
  EXPECT_TRUE(host.pre_request(host.create("scripted-hook", "{}", "copier"), request).ok());
  const auto& changes = request.context().request_mutations;
  ASSERT_EQ(changes.size(), 22u);
  EXPECT_EQ(changes[19].value, "me");
  EXPECT_EQ(changes[21].value, "me");
}

TEST_F(HostServices, ParametersByPointerInDocumentOrder) {
  std::vector<std::string> keys;
  script("p").construct = [&](sdk::Context& context) {
    const sdk::Parameters& parameters = context.parameters();
    for (size_t i = 0; i < parameters.count("/weights"); ++i)
      keys.push_back(parameters.key("/weights", i));
    EXPECT_EQ(parameters.number("/weights/a~1b", 0), 2.5);
    EXPECT_EQ(parameters.text("/list/1"), "second");
    EXPECT_EQ(parameters.kind("/list/2"), EPP_JSON_ABSENT);
    EXPECT_TRUE(parameters.boolean("/on", false));
    EXPECT_EQ(parameters.kind("/nothing"), EPP_JSON_ABSENT);
    EXPECT_EQ(parameters.kind(""), EPP_JSON_OBJECT);
  };
  host.create("scripted-hook", R"({"weights":{"z":1,"a/b":2.5},"list":["first","second"],"on":true,"nothing":null})",
              "p");
  EXPECT_THAT(keys, ElementsAre("z", "a/b"));
}

TEST_F(HostServices, LiveCountersForgetGoneEndpoints) {
  sdk::I64Column running;
  sdk::Host plugin;
  script("live").construct = [&](sdk::Context& context) {
    running = context.produce_live("Running/live#requests");
    plugin = context.host();
  };
  const auto live = host.create("scripted-hook", "{}", "live");
  const epp_endpoint a = host.endpoint_abi("a");
  EXPECT_EQ(running.add(plugin, a, 2), 2);
  EXPECT_EQ(running.add(plugin, a, -5), 0);
  EXPECT_EQ(running.add(plugin, a, 3), 3);
  EXPECT_THAT(host.live("Running/live#requests"), ElementsAre(3, 0));
  EXPECT_EQ(running.add(plugin, a.slot, a.uid + 1000, 1), 0);
  EXPECT_THAT(host.live("Running/live#requests"), ElementsAre(3, 0));
}

TEST_F(HostServices, EndpointEventsForKnownNewAndGone) {
  std::vector<std::string> events;
  script("w").endpoint = [&](const epp_endpoint& endpoint, bool added) {
    events.push_back((added ? "+" : "-") + std::string(sdk::view(endpoint.name)));
  };
  auto watcher = host.create("scripted-watcher", "{}", "w");
  EXPECT_THAT(events, ElementsAre("+a", "+b"));
  host.endpoint("c");
  host.remove_endpoint("a");
  EXPECT_THAT(events, ElementsAre("+a", "+b", "+c", "-a"));
  watcher.reset();
  host.environment().graveyard->collect();
  host.remove_endpoint("b");
  EXPECT_EQ(events.size(), 4u);
}

TEST_F(HostServices, LeftoverTimersStopBeforeDestroy) {
  static int ticks;
  ticks = 0;
  script("t").construct = [](sdk::Context& context) {
    const sdk::Host& me = context.host();
    me.services().clock->start_timer(
        me.self(), 10, 10, [](void*) { ++ticks; }, nullptr);
    me.services().clock->start_timer(
        me.self(), 15, 0, [](void*) { ticks += 100; }, nullptr);
  };
  auto instance = host.create("scripted-hook", "{}", "t");
  EXPECT_EQ(host.timers(), 2u);
  host.advance_ns(30);
  EXPECT_EQ(ticks, 103);
  EXPECT_EQ(host.timers(), 1u);
  instance.reset();
  host.environment().graveyard->collect();
  EXPECT_EQ(host.timers(), 0u);
}

TEST_F(HostServices, MetricsAndLog) {
  script("m").construct = [](sdk::Context& context) {
    const sdk::Host& me = context.host();
    const epp_host_metrics& metrics = *me.services().metrics;
    const epp_str labels[] = {EPP_STR_INIT("who")};
    const epp_str values[] = {EPP_STR_INIT("me")};
    epp_metric* counter = metrics.counter(me.self(), sdk::to_abi("x_total"), sdk::to_abi("x"), labels, 1);
    ASSERT_NE(counter, nullptr);
    metrics.add(metrics.series(counter, values, 1), 2);
    EXPECT_EQ(metrics.series(counter, values, 0), nullptr);
    EXPECT_EQ(metrics.gauge(me.self(), sdk::to_abi("x_total"), sdk::to_abi("x"), labels, 1), nullptr);
    me.log(EPP_LEVEL_INFO, "hello", {sdk::field("n", 1.5)});
  };
  host.create("scripted-hook", "{}", "m");
  EXPECT_EQ(host.metric("x_total", {"me"}), 2.0);
  EXPECT_THAT(host.log_lines(), ElementsAre("1 hello n=1.5"));
}

// What one instance gives up stays good for the others that asked for it.
TEST_F(HostServices, SeriesAreSharedByInstances) {
  struct User {
    const epp_host_metrics* metrics = nullptr;
    epp_metric* gauge = nullptr;
    epp_series* series = nullptr;
    epp_series* again = nullptr;
  };
  User users[2];
  InstancePtr instances[2];
  const char* const names[] = {"one", "other"};
  for (int i = 0; i < 2; ++i) {
    script(names[i]).construct = [&user = users[i]](sdk::Context& context) {
      const epp_str labels[] = {EPP_STR_INIT("who")};
      const epp_str values[] = {EPP_STR_INIT("both")};
      user.metrics = context.host().services().metrics;
      user.gauge = user.metrics->gauge(context.host().self(), sdk::to_abi("x"), sdk::to_abi("x"), labels, 1);
      user.series = user.metrics->series(user.gauge, values, 1);
      user.again = user.metrics->series(user.gauge, values, 1);
    };
    instances[i] = host.create("scripted-hook", "{}", names[i]);
    ASSERT_NE(users[i].series, nullptr);
    EXPECT_EQ(users[i].again, users[i].series);
  }
  users[0].metrics->set(users[0].series, 1);
  users[0].metrics->remove(users[0].gauge, users[0].series);
  users[0].metrics->remove(users[0].gauge, users[0].series);  // not its own any more
  users[1].metrics->set(users[1].series, 2);
  EXPECT_EQ(host.metric("x", {"both"}), 2.0);
  users[1].metrics->remove(users[1].gauge, users[1].series);
  EXPECT_EQ(host.metric("x", {"both"}), std::nullopt);
}

}  // namespace epp::plugins
