// What bad plugins can do to the EPP: be named. Every request is answered, and the process lives.
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/ext_proc_client.h"
#include "support/http_client.h"
#include "support/wait.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::conformance {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::wait_until;

// An EPP with one instance of the hostile type in its place, built-in plugins in the others, and two endpoints.
class Victim {
 public:
  // `stage`: "scorer", "filter", "picker", or "" for what is no part of a profile.
  Victim(std::string type, const std::string& stage, const std::string& fields = {}) : type_(std::move(type)) {
    const std::string picker = stage == "picker" ? "" : R"(, {"pluginRef": "max-score-picker"})";
    const std::string mine =
        stage.empty() ? R"({"pluginRef": "queue-scorer"})" : R"({"pluginRef": ")" + type_ + R"("})";
    const std::string config = R"({"pluginDirectories": [")" EPP_HOSTILE_PLUGINS R"("],
      "plugins": [{"type": ")" +
                               type_ + R"(")" + fields + R"(}, {"type": "max-score-picker"}, {"type": "queue-scorer"}],
      "schedulingProfiles": [{"name": "default", "plugins": [)" +
                               mine + picker + "]}]}";
    epp_ = std::make_unique<EppServer>(
        testing::EppOptions{.arguments = with(config, {silent_endpoint(1), silent_endpoint(2)})});
    client_ = std::make_unique<Client>(epp_->grpc_port());
  }

  EppServer& epp() const { return *epp_; }
  const Client& client() const { return *client_; }

  json state() const { return json::parse(testing::http_get(epp_->metrics_port(), "/debug/plugins/state").body); }

  // Named in the metric, in a line of the log and on the state page.
  void expect_named(const std::string& point, const std::string& reason) const {
    const std::string series = "epp_plugin_faults_total" + labels(point) + ",reason=\"" + reason + "\"}";
    EXPECT_TRUE(wait_until([&] { return epp_->metric(series) > 0; })) << series << '\n' << faults();
    EXPECT_TRUE(wait_until([&] { return told(reason); })) << epp_->process().output();
    const std::string page = state().dump();
    EXPECT_THAT(page, HasSubstr("\"lastFault\":"));
    EXPECT_THAT(page, HasSubstr("\"" + reason + "\":"));
    EXPECT_TRUE(epp_->process().running());
  }

  double passed_over() const { return epp_->metric("epp_plugin_passed_over_total" + labels("Scorer") + "}"); }

 private:
  std::string labels(const std::string& point) const {
    return "{extension_point=\"" + point + "\",plugin_name=\"" + type_ + "\",plugin_type=\"" + type_ + "\"";
  }
  bool told(const std::string& reason) const {
    const std::vector<json> lines = log_lines(epp_->process().output());
    return std::any_of(lines.begin(), lines.end(), [&](const json& line) {
      return line.value("msg", "") == "Plugin fault" && line.value("plugin", "") == type_ &&
             line.value("reason", "") == reason;
    });
  }
  std::string faults() const {
    std::string found;
    std::istringstream page(epp_->metrics());
    for (std::string line; std::getline(page, line);) {
      if (line.starts_with("epp_plugin_faults_total")) found += line + '\n';
    }
    return found;
  }

  std::string type_;
  std::unique_ptr<EppServer> epp_;
  std::unique_ptr<Client> client_;
};

bool served(const Decision& decision) {
  return decision.status == 200 &&
         (decision.destination == silent_address(1) || decision.destination == silent_address(2));
}

TEST(HostilePlugin, BrokenLibrariesAreNamedAndLeftOut) {
  const Victim victim("nan-scorer", "scorer");
  const std::string log = victim.epp().process().output();
  EXPECT_THAT(log, HasSubstr("hostile-wrong-major.so"));
  EXPECT_THAT(log, HasSubstr("hostile-unresolved.so"));
  EXPECT_TRUE(served(victim.client().ask()));
}

TEST(HostilePlugin, ExceptionOfAScorerCountsAsNoScore) {
  const Victim victim("throwing-scorer", "scorer");
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(served(victim.client().ask()));
  victim.expect_named("Scorer", "exception");
}

TEST(HostilePlugin, ExceptionBeforeTheRequestLeavesDoesNotHoldIt) {
  const Victim victim("throwing-pre-request", "");
  EXPECT_TRUE(served(victim.client().ask()));
  victim.expect_named("PreRequest", "exception");
}

TEST(HostilePlugin, ExceptionAtTheResponseDoesNotHoldIt) {
  const Victim victim("throwing-response-header", "");
  EXPECT_TRUE(served(victim.client().complete()));
  victim.expect_named("ResponseReceived", "exception");
}

TEST(HostilePlugin, NanScoresReadAsZero) {
  const Victim victim("nan-scorer", "scorer");
  EXPECT_TRUE(served(victim.client().ask()));
  victim.expect_named("Scorer", "nan");
}

TEST(HostilePlugin, FilterThatKeepsWhatItWasNotGivenRejects) {
  const Victim victim("wrong-filter", "filter");
  EXPECT_GE(victim.client().ask().status, 400);
  victim.expect_named("Filter", "out_of_range");
}

TEST(HostilePlugin, FilterThatMayBeIgnoredIs) {
  const Victim victim("wrong-filter", "filter", R"(, "onFault": "ignore")");
  EXPECT_TRUE(served(victim.client().ask()));
  victim.expect_named("Filter", "out_of_range");
}

TEST(HostilePlugin, PickerThatPicksNobodyIsReplaced) {
  const Victim victim("wrong-picker", "picker");
  EXPECT_TRUE(served(victim.client().ask()));
  victim.expect_named("Picker", "out_of_range");
}

TEST(HostilePlugin, EndlessErrorsEndInABypass) {
  const Victim victim("failing-scorer", "scorer");
  for (int i = 0; i < 110; ++i)
    ASSERT_TRUE(served(victim.client().ask()));
  victim.expect_named("Scorer", "error");
  EXPECT_THAT(victim.epp().process().output(), HasSubstr("Plugin bypassed after repeated faults"));
  EXPECT_THAT(victim.state().dump(), HasSubstr("\"bypassed\":true"));
  EXPECT_TRUE(wait_until([&] { return victim.passed_over() >= 10; }));
}

TEST(HostilePlugin, StateThatCannotBeDroppedIsNamed) {
  const Victim victim("leaking-scorer", "scorer");
  EXPECT_TRUE(served(victim.client().complete()));
  victim.expect_named("StateDrop", "exception");
}

TEST(HostilePlugin, SecondCompletionIsLate) {
  const Victim victim("double-producer", "");
  EXPECT_TRUE(served(victim.client().ask()));
  victim.expect_named("DataProducer", "late_completion");
}

TEST(HostilePlugin, UndeclaredWritesGoNowhere) {
  const Victim victim("undeclared-producer", "");
  EXPECT_TRUE(served(victim.client().ask()));
  victim.expect_named("DataProducer", "scope_write");
}

TEST(HostilePlugin, OthersGoOnWhileCallsHang) {
  const Victim victim("hanging-scorer", "scorer");
  const auto hang = std::chrono::milliseconds(testing::long_tests() ? 10'000 : 1'500);
  Request slow;
  slow.headers = {{"x-hang", std::to_string(hang.count())}};
  const auto begin = testing::Clock::now();
  std::vector<Exchange> hung;
  for (int i = 0; i < 8; ++i)  // more than there are polling threads
    hung.push_back(victim.client().begin(slow, hang + testing::kPatience));
  victim.expect_named("Scorer", "hung");
  // All on the same connection, hence on the same queue.
  int answered = 0;
  while (testing::Clock::now() - begin < hang * 2 / 3) {
    ASSERT_TRUE(served(victim.client().ask()));
    ++answered;
  }
  EXPECT_GT(answered, 10);
  EXPECT_THAT(victim.state().dump(), HasSubstr("\"suspended\":true"));
  for (Exchange& exchange : hung) {
    exchange.await_decision();
    EXPECT_TRUE(served(exchange.decision()));
  }
  // Once they are back the plugin is asked again.
  EXPECT_TRUE(wait_until([&] { return victim.state().dump().find("\"suspended\":true") == std::string::npos; }));
  EXPECT_THAT(victim.epp().process().output(), HasSubstr("Plugin call returned"));
}

}  // namespace
}  // namespace epp::conformance
