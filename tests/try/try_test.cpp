#include "support/epp_server.h"
#include "support/files.h"
#include "support/places.h"
#include "support/process.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kManifest = R"({
  "plugins": [{"type": "header-based-testing-filter"}, {"type": "max-score-picker"}, {"type": "single-profile-handler"}],
  "schedulingProfiles": [{"name": "default", "plugins": [{"pluginRef": "header-based-testing-filter"},
                                                         {"pluginRef": "max-score-picker"}]}]
})";

struct Said {
  int status = -1;
  std::string text;
  nlohmann::json json() const { return nlohmann::json::parse(text); }
};

class Try : public ::testing::Test {
 protected:
  Try() { write_file(directory_.path() / "manifest.json", kManifest); }

  EppServer serve(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"--config-file", (directory_.path() / "manifest.json").string(),
                                          "--pool-name",   "try",
                                          "--endpoint",    "a=127.0.0.1:1",
                                          "--endpoint",    "b=127.0.0.2:1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return EppServer({.arguments = arguments});
  }
  // Runs epp-try to its end.
  static Said run(const std::vector<std::string>& arguments) {
    Process process(built_program("epp-try"), arguments);
    Said said;
    said.status = process.wait().value_or(-1);
    said.text = process.output();
    return said;
  }
  static std::string address(const EppServer& epp) { return "127.0.0.1:" + std::to_string(epp.grpc_port()); }

  TempDir directory_;
};

TEST_F(Try, ShowsWhereARequestGoes) {
  const EppServer epp = serve();
  write_file(directory_.path() / "body.json", R"({"model": "llama", "prompt": "Hello"})");
  const Said said = run({"--to", address(epp), "-d", "@" + (directory_.path() / "body.json").string(), "-H",
                         "Test-EPP-Endpoint-Selection: 127.0.0.2", "-H", "x-mine: 1"});
  ASSERT_EQ(said.status, 0) << said.text;
  EXPECT_EQ(said.json()["endpoint"], "127.0.0.2:1");
  EXPECT_EQ(said.json()["setHeaders"]["x-gateway-destination-endpoint"], "127.0.0.2:1");
  EXPECT_FALSE(said.json()["setHeaders"].contains("x-mine")) << "it changes nothing of that header";
  EXPECT_FALSE(said.json().contains("body")) << "it changes nothing of the body";
  EXPECT_EQ(epp.metric("inference_objective_request_total"), 1);
}

TEST_F(Try, CountsWhereManyGo) {
  const EppServer epp = serve();
  const Said said = run({"--to", address(epp), "-d", R"({"model": "llama", "prompt": "Hello"})", "-n", "200", "-H",
                         "test-epp-endpoint-selection: 127.0.0.1,127.0.0.2"});
  ASSERT_EQ(said.status, 0) << said.text;
  const auto json = said.json();
  EXPECT_EQ(json["requests"], 200);
  EXPECT_EQ(json["endpoints"]["127.0.0.1:1"].get<int>() + json["endpoints"]["127.0.0.2:1"].get<int>(), 200);
  EXPECT_FALSE(json.contains("refused"));
}

TEST_F(Try, ShowsWhatTheClientGetsInstead) {
  const EppServer epp = serve();
  const Said said = run({"--to", address(epp), "-d", "{\"mod"});
  EXPECT_EQ(said.status, 1);
  EXPECT_EQ(said.json()["status"], 400);
  EXPECT_THAT(said.json()["body"].get<std::string>(), HasSubstr("inference error: BadRequest"));
  const Said many = run({"--to", address(epp), "-d", "{\"mod", "-n", "3"});
  EXPECT_EQ(many.status, 1);
  EXPECT_EQ(many.json()["refused"]["400"], 3);
}

TEST_F(Try, SpeaksTls) {
  const EppServer epp = serve({"--secure-serving=true"});
  const Said said = run({"--to", address(epp), "--tls"});
  EXPECT_EQ(said.status, 0) << said.text;
  EXPECT_EQ(said.json()["endpoint"].get<std::string>().substr(0, 8), "127.0.0.");
  const Said plain = run({"--to", address(epp), "--timeout", "0.5"});
  EXPECT_EQ(plain.status, 1);
  EXPECT_THAT(plain.text, HasSubstr("--tls"));
}

TEST_F(Try, SaysWhatIsWrongWithItsArguments) {
  EXPECT_THAT(run({"-H", "nonsense"}).text, HasSubstr("\"nonsense\" is no header"));
  EXPECT_THAT(run({"-d", "@/no/such/file"}).text, HasSubstr("cannot read \"/no/such/file\""));
  EXPECT_THAT(run({"-d", "@/tmp"}).text, HasSubstr("cannot read \"/tmp\""));
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"-H", "nonsense"},
                                                {"-d", "@/no/such/file"},
                                                {"-d", "@/tmp"},
                                                {"--unknown"},
                                                {"-n", "0"},
                                                {"--timeout", "nan"}}) {
    EXPECT_EQ(run(wrong).status, 2);
  }
}

}  // namespace
}  // namespace epp::testing
