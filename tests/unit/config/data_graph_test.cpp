#include "config/data_graph.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTokens = "TokenizedPrompt/token-producer";
const std::string kPrefix = "PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer";

DataNode producer(std::string name, std::vector<ConsumedKey> consumes, std::vector<ProducedKey> produces) {
  return {name, name, Layer::kRequestControl, true, std::move(consumes), std::move(produces)};
}
DataNode scorer(std::string name, std::vector<ConsumedKey> consumes) {
  return {name, name, Layer::kScheduling, false, std::move(consumes), {}};
}

// The default producers that tests may create, by type.
struct Defaults {
  std::map<std::string, std::string> type_of_key{{kTokens, "token-producer"},
                                                 {kPrefix, "approx-prefix-cache-producer"},
                                                 {"SessionIDDataKey/session-id-producer", "session-id-producer"}};
  std::map<std::string, DataNode> nodes{
      {"token-producer", producer("token-producer", {}, {{kTokens, "tokens"}})},
      {"approx-prefix-cache-producer",
       producer("approx-prefix-cache-producer", {{kTokens, "tokens", true}}, {{kPrefix, "match"}})}};
  std::vector<std::string> created;

  bool complete(std::vector<DataNode>& graph, Diagnostics& diagnostics) {
    return complete_data_graph(
        graph,
        [this](const std::string& key) {
          const auto found = type_of_key.find(key);
          return found == type_of_key.end() ? std::string() : found->second;
        },
        [&](const std::string& type) -> std::optional<DataNode> {
          created.push_back(type);
          const auto found = nodes.find(type);
          if (found == nodes.end()) {
            diagnostics.error("cannot create " + type);
            return std::nullopt;
          }
          return found->second;
        },
        diagnostics);
  }
};

std::vector<std::string> names(const std::vector<DataNode>& graph, const std::vector<std::size_t>& order) {
  std::vector<std::string> result;
  for (const auto i : order)
    result.push_back(graph[i].name);
  return result;
}

TEST(ConfigCheck, C26_NoDefaultProducer) {
  std::vector<DataNode> graph{scorer("queue-scorer", {{"WaitingQueueSize/core-metrics-extractor", "double", true}})};
  Diagnostics diagnostics;
  EXPECT_FALSE(Defaults().complete(graph, diagnostics));
  ASSERT_EQ(diagnostics.all().size(), 1U);
  EXPECT_EQ(diagnostics.all()[0].text,
            "failed to create missing data producers - no default producer found for missing data key "
            "WaitingQueueSize/core-metrics-extractor, consumed by queue-scorer");
}

TEST(ConfigCheck, C27_DefaultProducersAreCreatedTransitively) {
  std::vector<DataNode> graph{scorer("prefix-cache-scorer", {{kPrefix, "match", true}})};
  Diagnostics diagnostics;
  Defaults defaults;
  EXPECT_TRUE(defaults.complete(graph, diagnostics));
  EXPECT_THAT(defaults.created, ElementsAre("approx-prefix-cache-producer", "token-producer"));
  const auto order = order_producers(graph, diagnostics);
  ASSERT_TRUE(order.has_value());
  EXPECT_THAT(names(graph, *order), ElementsAre("token-producer", "approx-prefix-cache-producer"));
  EXPECT_THAT(diagnostics.all(), IsEmpty());
}

TEST(ConfigCheck, C28_ProducerNameWithoutPlugin) {
  std::vector<DataNode> graph{scorer("prefix-cache-scorer", {{"PrefixCacheMatchInfoDataKey/ghost", "match", true}})};
  Diagnostics diagnostics;
  EXPECT_FALSE(Defaults().complete(graph, diagnostics));
  EXPECT_THAT(diagnostics.all()[0].text, HasSubstr("PrefixCacheMatchInfoDataKey/ghost"));
}

TEST(DataGraph, OneDefaultProducerServesSeveralKeys) {
  Defaults defaults;
  defaults.type_of_key["Other/token-producer"] = "token-producer";
  defaults.nodes["token-producer"] = producer("token-producer", {}, {{kTokens, ""}, {"Other/token-producer", ""}});
  std::vector<DataNode> graph{scorer("s", {{kTokens, "", true}, {"Other/token-producer", "", true}})};
  Diagnostics diagnostics;
  EXPECT_TRUE(defaults.complete(graph, diagnostics));
  EXPECT_THAT(defaults.created, ElementsAre("token-producer"));
}

TEST(DataGraph, ADefaultProducerThatProducesSomethingElseEndsTheSearch) {
  Defaults defaults;
  defaults.nodes["token-producer"] = producer("token-producer", {}, {{"TokenizedPrompt/other", ""}});
  std::vector<DataNode> graph{scorer("s", {{kTokens, "", true}})};
  Diagnostics diagnostics;
  EXPECT_FALSE(defaults.complete(graph, diagnostics));
  EXPECT_THAT(defaults.created, ElementsAre("token-producer"));
  EXPECT_EQ(diagnostics.error_count(), 1U);
}

TEST(DataGraph, AFailedCreationIsReportedOnce) {
  std::vector<DataNode> graph{scorer("s", {{"SessionIDDataKey/session-id-producer", "", true}, {kPrefix, "", true}})};
  Diagnostics diagnostics;
  Defaults defaults;
  EXPECT_FALSE(defaults.complete(graph, diagnostics));
  ASSERT_EQ(diagnostics.error_count(), 1U);
  EXPECT_EQ(diagnostics.all()[0].text, "cannot create session-id-producer");
  EXPECT_THAT(defaults.created, ElementsAre("session-id-producer", "approx-prefix-cache-producer", "token-producer"));
}

TEST(DataGraph, AnOptionalKeyWithoutProducerIsAWarning) {
  std::vector<DataNode> graph{scorer("s", {{kTokens, "", false}})};
  Diagnostics diagnostics;
  EXPECT_TRUE(Defaults().complete(graph, diagnostics));
  ASSERT_EQ(diagnostics.all().size(), 1U);
  EXPECT_EQ(diagnostics.all()[0].severity, Severity::kWarning);
  EXPECT_THAT(diagnostics.all()[0].text, HasSubstr(kTokens));
}

TEST(DataGraph, UnrelatedProducersKeepTheirOrder) {
  std::vector<DataNode> graph{producer("c", {{"k/b", "", true}}, {}), producer("z", {}, {}),
                              producer("b", {}, {{"k/b", ""}}), producer("a", {}, {})};
  Diagnostics diagnostics;
  EXPECT_THAT(names(graph, *order_producers(graph, diagnostics)), ElementsAre("z", "b", "c", "a"));
}

TEST(SchedulingWeakSpot, W16_OptionalKeysOrderToo) {
  std::vector<DataNode> graph{producer("inflight", {{kPrefix, "", false}}, {}),
                              producer("prefix", {}, {{kPrefix, ""}})};
  Diagnostics diagnostics;
  EXPECT_THAT(names(graph, *order_producers(graph, diagnostics)), ElementsAre("prefix", "inflight"));
}

TEST(DataGraph, AnOptionalKeyGivesWayToACycle) {
  std::vector<DataNode> graph{producer("a", {{"k/b", "", false}}, {{"k/a", ""}}),
                              producer("b", {{"k/a", "", true}}, {{"k/b", ""}})};
  Diagnostics diagnostics;
  const auto order = order_producers(graph, diagnostics);
  ASSERT_TRUE(order.has_value());
  EXPECT_THAT(names(graph, *order), ElementsAre("a", "b"));
  EXPECT_EQ(diagnostics.all().size(), 1U);
  EXPECT_FALSE(diagnostics.has_errors());
}

TEST(DataGraph, Cycle) {
  std::vector<DataNode> graph{producer("a", {{"k/b", "", true}}, {{"k/a", ""}}),
                              producer("b", {{"k/a", "", true}}, {{"k/b", ""}})};
  Diagnostics diagnostics;
  EXPECT_FALSE(order_producers(graph, diagnostics).has_value());
  EXPECT_EQ(diagnostics.all()[0].text, "cycle detected: graph is not a DAG");
  EXPECT_THAT(diagnostics.all()[0].expected, HasSubstr("a needs b needs a"));
}

TEST(DataGraph, AProducerMayReadItsOwnKey) {
  std::vector<DataNode> graph{producer("p2p", {{"best-match/p2p", "", true}}, {{"best-match/p2p", ""}})};
  Diagnostics diagnostics;
  EXPECT_THAT(*order_producers(graph, diagnostics), ElementsAre(0U));
}

TEST(DataGraph, ValueTypesMustMatch) {
  std::vector<DataNode> graph{producer("p", {}, {{"k/p", "int64"}}), scorer("s", {{"k/p", "double", true}})};
  Diagnostics diagnostics;
  EXPECT_FALSE(order_producers(graph, diagnostics).has_value());
  EXPECT_EQ(diagnostics.all()[0].text, "data type mismatch between produced and consumed data for key: k/p");
}

TEST(DataGraph, AConsumerMayNotRunBeforeItsProducer) {
  std::vector<DataNode> graph{{"late", "t", Layer::kScheduling, true, {}, {{"k/late", ""}}},
                              {"early", "t", Layer::kFlowControl, false, {{"k/late", "", true}}, {}}};
  Diagnostics diagnostics;
  EXPECT_FALSE(order_producers(graph, diagnostics).has_value());
  EXPECT_THAT(diagnostics.all()[0].text, HasSubstr("invalid plugin layer execution order: late/t"));
  graph[0].layer = Layer::kUnordered;
  Diagnostics again;
  EXPECT_TRUE(order_producers(graph, again).has_value());
}

}  // namespace
}  // namespace epp::config
