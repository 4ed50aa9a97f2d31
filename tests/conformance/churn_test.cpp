// What is remembered of endpoints that go.
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"
#include "support/http_client.h"
#include "support/wait.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::conformance {
namespace {

// Silent endpoints that come and go with a file.
class EndpointsFile {
 public:
  void write(const std::set<int>& indices) {
    std::string text = "endpoints:\n";
    for (const int i : indices) {
      text += "- {name: e" + std::to_string(i) + ", address: 127.1.0." + std::to_string(i) + ", port: \"1\"}\n";
    }
    testing::write_file(path(), text);
  }
  Flags flags(const std::string& plugins) const {
    return with("plugins:\n- type: file-discovery\n  parameters: {path: " + path().string() + ", watchFile: true}\n" +
                    plugins + "dataLayer: {discovery: {pluginRef: file-discovery}}\n",
                {"--pool-name=p", "--allow-experimental-plugins"});
  }

 private:
  std::filesystem::path path() const { return directory_.path() / "endpoints.yaml"; }
  testing::TempDir directory_;
};

bool has_endpoints(const EppServer& epp, std::size_t count) {
  return testing::wait_until([&] { return endpoint_names(epp).size() == count; });
}

TEST(SchedulingCheck, C13_SessionsMoveOnlyWhenTheirEndpointGoes) {
  EndpointsFile file;
  file.write({1, 2, 3});
  const EppServer epp({.arguments = file.flags("- type: session-affinity-filter\n"
                                               "  parameters: {strategy: session_id}\n")});
  const Client client(epp.grpc_port());
  const auto destinations = [&] { return client.spread(10, {.headers = {{"x-session-id", "s1"}}}); };
  const auto first = destinations();
  ASSERT_EQ(first.size(), 1U);

  std::set<int> others;
  for (const int i : {1, 2, 3}) {
    if (silent_address(i) != first.begin()->first) others.insert(i);
  }
  file.write(others);
  ASSERT_TRUE(has_endpoints(epp, 2));
  const auto second = destinations();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_NE(second.begin()->first, first.begin()->first);

  file.write({1, 2, 3});
  ASSERT_TRUE(has_endpoints(epp, 3));
  EXPECT_EQ(destinations(), second);
}

TEST(ProducerCheck, C11_TheIndexForgetsEndpointsThatGo) {
  EndpointsFile file;
  file.write({1, 2});
  const EppServer epp({.arguments = file.flags("- type: prefix-cache-scorer\n")});
  const auto pods = [&] {
    const auto state = nlohmann::json::parse(testing::http_get(epp.metrics_port(), "/debug/plugins/state").body);
    return state.at("plugins").at("approx-prefix-cache-producer").at("state").at("totalPods").get<int>();
  };
  const Decision decision =
      Client(epp.grpc_port()).ask({.body = R"({"model":"m","prompt":")" + std::string(600, 'x') + "\"}"});
  EXPECT_EQ(pods(), 1);
  file.write({decision.destination == silent_address(1) ? 2 : 1});
  EXPECT_TRUE(testing::wait_until([&] { return pods() == 0; }));
}

}  // namespace
}  // namespace epp::conformance
