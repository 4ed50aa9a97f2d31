// What operators see of the queue.
#include "app/flow_control.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::app {
namespace {

using Json = nlohmann::json;

TEST(FlowControlDocument, WithoutTheGate) {
  EXPECT_EQ(Json::parse(flow_control_document(nullptr)), Json({{"enabled", false}}));
}

TEST(FlowControlDocument, ShowsBandsFlowsAndTheGate) {
  flowcontrol::View view;
  view.length = 3;
  view.bytes = 30;
  view.max_requests = 100;
  view.saturation = 1.25;
  view.decode_saturation = 1.25;
  view.undecided = 2;
  view.closed_because = "saturation 1.25 reaches the ceiling 1 of band 0";
  flowcontrol::BandView& band = view.bands.emplace_back();
  band.priority = -5;
  band.length = 3;
  band.max_requests = 10;
  band.open = false;
  band.oldest_wait_ns = 1'500'000'000;
  band.flows = 2;
  band.active_flows = 1;
  band.longest_flows.push_back({.id = "tenant \xff", .length = 3, .bytes = 30, .oldest_wait_ns = 500'000'000});

  const Json json =
      Json::parse(flow_control_document(view, flowcontrol::Reclaimer::Status{.running = 4, .pending = 0.5}));
  EXPECT_EQ(json["enabled"], true);
  EXPECT_EQ(json["length"], 3);
  EXPECT_EQ(json["maxRequests"], 100);
  EXPECT_TRUE(json["maxBytes"].is_null()) << "no limit";
  EXPECT_EQ(json["gate"]["open"], false);
  EXPECT_EQ(json["gate"]["closedBecause"], view.closed_because);
  EXPECT_EQ(json["gate"]["saturation"], 1.25);
  EXPECT_TRUE(json["gate"]["prefillSaturation"].is_null());
  EXPECT_EQ(json["reservations"]["undecided"], 2);
  EXPECT_EQ(json["eviction"]["running"], 4);
  EXPECT_EQ(json["eviction"]["pendingReclaim"], 0.5);
  const Json& shown = json["bands"][0];
  EXPECT_EQ(shown["priority"], -5);
  EXPECT_EQ(shown["open"], false);
  EXPECT_EQ(shown["oldestWaitSeconds"], 1.5);
  EXPECT_EQ(shown["activeFlows"], 1);
  EXPECT_EQ(shown["longestFlows"][0]["fairnessID"], "tenant \xef\xbf\xbd") << "clients choose ids";
  EXPECT_EQ(shown["longestFlows"][0]["oldestWaitSeconds"], 0.5);
}

}  // namespace
}  // namespace epp::app
