// A plugin that was built out of tree against the installed SDK decides where requests go.
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"
#include "support/places.h"
#include "support/process.h"

#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using std::filesystem::path;

// Runs cmake; its output on failure.
::testing::AssertionResult cmake(const Flags& arguments) {
  testing::Process process("/usr/bin/cmake", arguments);
  if (process.wait(std::chrono::minutes(4)) == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << process.output();
}

TEST(ThirdPartyPlugin, ScorerBuiltAgainstInstalledSdkChangesRouting) {
  const testing::TempDir directory;
  const path sdk = directory.path() / "sdk";
  const path build = directory.path() / "build";
  ASSERT_TRUE(cmake({"--install", EPP_BUILD_DIR, "--component", "sdk", "--prefix", sdk.string()}));
  ASSERT_TRUE(cmake({"-S", testing::source_file("sdk/examples/cpp").string(), "-B", build.string(),
                     "-DCMAKE_PREFIX_PATH=" + sdk.string()}));
  ASSERT_TRUE(cmake({"--build", build.string()}));
  const path plugins = directory.path() / "plugins";
  std::filesystem::create_directory(plugins);
  std::filesystem::copy(build / "weighted-label-scorer.so", plugins);

  const auto spread = [&](const std::string& weights) {
    const std::string manifest = R"({
      "pluginDirectories": [")" + plugins.string() +
                                 R"("],
      "plugins": [{"type": "weighted-label-scorer", "parameters": {"label": "accelerator", "weights": )" +
                                 weights +
                                 R"(}}, {"type": "max-score-picker"}],
      "schedulingProfiles": [{"name": "default", "plugins": [
        {"pluginRef": "weighted-label-scorer"}, {"pluginRef": "max-score-picker"}]}]})";
    const EppServer epp({.arguments = with(manifest, {silent_endpoint(1, "accelerator=h100"),
                                                      silent_endpoint(2, "accelerator=a100")})});
    return Client(epp.grpc_port()).spread(20);
  };
  using Counts = std::map<std::string, int>;
  EXPECT_EQ(spread(R"({"h100": 1.0, "a100": 0.5})"), (Counts{{silent_address(1), 20}}));
  EXPECT_EQ(spread(R"({"h100": 0.5, "a100": 1.0})"), (Counts{{silent_address(2), 20}}));
}

}  // namespace
}  // namespace epp::conformance
