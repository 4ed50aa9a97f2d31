// The example in each language: built against the installed SDK as its author would, checked, and deciding where
// requests go.
#include "conformance/engine.h"
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "examples/workshop.h"

#include <gmock/gmock.h>

namespace epp::examples {
namespace {

using conformance::Client;
using conformance::EppServer;
using conformance::silent_address;
using conformance::silent_endpoint;
using conformance::with;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

// A configuration with these plugins, the first of which stands in a library of this directory.
std::string manifest(const std::filesystem::path& directory, const std::string& plugins, const std::string& profile) {
  return R"({"pluginDirectories": [")" + directory.string() + R"("], "plugins": [)" + plugins +
         R"(], "schedulingProfiles": [{"name": "default", "plugins": [)" + profile + "]}]}";
}

// Where twenty requests go, of two endpoints that nobody serves.
std::map<std::string, int> spread(const std::string& config, const std::string& first, const std::string& second) {
  const EppServer epp({.arguments = with(config, {silent_endpoint(1, first), silent_endpoint(2, second)})});
  return Client(epp.grpc_port()).spread(20);
}

void prefers_by_label(const std::filesystem::path& directory) {
  const auto config = [&](const std::string& zone) {
    return manifest(directory,
                    R"({"type": "label-preference-scorer", "parameters": {"label": "zone", "value": ")" + zone +
                        R"("}}, {"type": "max-score-picker"})",
                    R"({"pluginRef": "label-preference-scorer"}, {"pluginRef": "max-score-picker"})");
  };
  EXPECT_THAT(spread(config("east"), "zone=east", "zone=west"), ElementsAre(Pair(silent_address(1), 20)));
  EXPECT_THAT(spread(config("west"), "zone=east", "zone=west"), ElementsAre(Pair(silent_address(2), 20)));
}

constexpr const char* kZone = R"({"label": "zone", "value": "east"})";

TEST(Example, InCWithCMake) {
  const Workshop workshop;
  const auto project = workshop.example("c");
  ASSERT_TRUE(workshop.build_with_cmake(project));
  EXPECT_TRUE(workshop.passes_check(project / "build/label-preference-scorer.so", kZone));
  prefers_by_label(project / "build");
}

TEST(Example, InCWithMakeAndPkgConfig) {
  const Workshop workshop;
  const auto project = workshop.example("c");
  ASSERT_TRUE(workshop.build_with_make(project));
  EXPECT_TRUE(workshop.passes_check(project / "build/label-preference-scorer.so", kZone));
  prefers_by_label(project / "build");
}

TEST(Example, InCpp) {
  const Workshop workshop;
  const auto project = workshop.example("cpp");
  ASSERT_TRUE(workshop.build_with_cmake(project));
  EXPECT_TRUE(workshop.passes_check(project / "build/weighted-label-scorer.so",
                                    R"({"label": "accelerator", "weights": {"h100": 1}})"));
  const auto config = [&](const std::string& weights) {
    return manifest(project / "build",
                    R"({"type": "weighted-label-scorer", "parameters": {"label": "accelerator", "weights": )" +
                        weights + R"(}}, {"type": "max-score-picker"})",
                    R"({"pluginRef": "weighted-label-scorer"}, {"pluginRef": "max-score-picker"})");
  };
  EXPECT_THAT(spread(config(R"({"h100": 1.0, "a100": 0.5})"), "accelerator=h100", "accelerator=a100"),
              ElementsAre(Pair(silent_address(1), 20)));
  EXPECT_THAT(spread(config(R"({"h100": 0.5, "a100": 1.0})"), "accelerator=h100", "accelerator=a100"),
              ElementsAre(Pair(silent_address(2), 20)));
}

TEST(Example, InRust) {
  const Workshop workshop;
  const auto project = workshop.example("rust");
  ASSERT_TRUE(workshop.build_with_cargo(project));
  EXPECT_TRUE(workshop.passes_check(project / "target/release/libpower_of_choices_picker.so", R"({"choices": 3})"));
  const conformance::Engine idle(conformance::vllm_page(0));
  const conformance::Engine busy(conformance::vllm_page(7));
  const auto spread_of = [&](int choices) {
    const std::string config =
        manifest(project / "target/release",
                 R"({"type": "power-of-choices-picker", "parameters": {"choices": )" + std::to_string(choices) + "}}",
                 R"({"pluginRef": "power-of-choices-picker"})");
    const EppServer epp({.arguments = with(config, {conformance::endpoint("idle", idle.port()),
                                                    conformance::endpoint("busy", busy.port())})});
    EXPECT_TRUE(conformance::has_queues(epp, {{"idle", 0}, {"busy", 7}}));
    return Client(epp.grpc_port()).spread(60);
  };
  EXPECT_THAT(spread_of(2), ElementsAre(Pair("127.0.0.1:" + std::to_string(idle.port()), 60)));
  EXPECT_THAT(spread_of(1), SizeIs(2));
}

}  // namespace
}  // namespace epp::examples
