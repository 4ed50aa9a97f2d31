// The request phase of ext-proc: what is set, forwarded, chosen and refused.
#include "conformance/extproc_check.h"
#include "support/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

const auto kIsOneOfThree = AnyOf(silent_address(1), silent_address(2), silent_address(3));

TEST_F(ExtprocCheck, C02_DestinationAndLengthComeFirst) {
  const Decision decision = client().ask();
  ASSERT_GE(decision.headers.size(), 2U);
  EXPECT_EQ(decision.headers[0].first, "x-gateway-destination-endpoint");
  EXPECT_THAT(decision.headers[0].second, kIsOneOfThree);
  EXPECT_EQ(decision.headers[1], std::pair(std::string("Content-Length"), std::to_string(kCompletion.size())));
  EXPECT_TRUE(decision.clears_route_cache);
}

TEST_F(ExtprocCheck, C03_MetadataNamesTheSameDestination) {
  const Decision decision = client().ask();
  EXPECT_EQ(decision.metadata_destination, decision.destination);
  EXPECT_TRUE(decision.scores.empty());
}

TEST_F(ExtprocCheck, C04_ABodyInPiecesIsScheduledOnce) {
  const std::string body = R"({"max_tokens":100,"model":"sql-lora","prompt":"x"})";
  const std::string scheduled = "llm_d_epp_scheduler_e2e_duration_seconds_count";
  const double before = epp().metric(scheduled);
  const Decision decision = client().ask({.body = body, .chunk = 34});
  EXPECT_EQ(decision.body, body);
  EXPECT_THAT(decision.pieces, ElementsAre(body.size()));
  EXPECT_EQ(epp().metric(scheduled), before + 1);
}

TEST_F(ExtprocCheck, C05_UnchangedBytes) {
  const std::string body = "{ \"prompt\" :\t\"a\\u00e9\" ,\n\"model\":  \"m\" , \"seed\":12345678901234567890 }\n";
  EXPECT_EQ(client().ask({.body = body}).body, body);
}

TEST_F(ExtprocCheck, C06_ForwardedInPiecesOf62000Bytes) {
  const auto pieces = [&](std::size_t size) {
    std::string body = R"({"model":"m","prompt":")";
    body += std::string(size - body.size() - 2, 'x') + "\"}";
    const Decision decision = client().ask({.body = body});
    EXPECT_EQ(decision.body, body);
    return decision.pieces;
  };
  EXPECT_THAT(pieces(125000), ElementsAre(62000, 62000, 1000));
  EXPECT_THAT(pieces(62000), ElementsAre(62000));
  EXPECT_THAT(pieces(62001), ElementsAre(62000, 1));
}

TEST_F(ExtprocCheck, C07_TheModelIsRewrittenAndRestored) {
  const auto answer = [&](const std::string& content_type, const std::string& body) {
    Exchange exchange = client().open({.headers = {{"x-llm-d-model-name-rewrite", "t"}}});
    EXPECT_EQ(exchange.decision().body, R"({"model":"t","prompt":"x"})");
    exchange.response_headers({{":status", "200"}, {"content-type", content_type}});
    return exchange.finish_response(body);
  };
  EXPECT_EQ(answer("application/json", R"({"model":"t"})"), R"({"model":"m"})");
  EXPECT_EQ(answer("application/json", R"({"model": "t"})"), R"({"model": "m"})");
  EXPECT_EQ(answer("text/event-stream", "data: {\"model\":\"t\"}\n\n"), "data: {\"model\":\"m\"}\n\n");
}

TEST_F(ExtprocCheck, C08_TheNewHeaderNameWins) {
  const std::pair<std::string, std::string> old_name{"x-gateway-model-name-rewrite", "old"};
  EXPECT_THAT(client().ask({.headers = {old_name, {"x-llm-d-model-name-rewrite", "new"}}}).body,
              HasSubstr(R"("model":"new")"));
  EXPECT_THAT(client().ask({.headers = {old_name}}).body, HasSubstr(R"("model":"old")"));
}

TEST_F(ExtprocCheck, C12_NoModel) {
  const Decision decision = client().ask({.body = R"({"prompt":"p"})"});
  EXPECT_EQ(decision.status, 400);
  EXPECT_EQ(decision.body, "inference error: BadRequest - model not found in request body");
}

TEST_F(ExtprocCheck, C13_NoJson) {
  const Decision decision = client().ask({.body = "no healthy upstream"});
  EXPECT_EQ(decision.status, 400);
  EXPECT_THAT(decision.body, StartsWith("inference error: BadRequest - error unmarshaling request bodyMap: "));
}

TEST_F(ExtprocCheck, C14_NoBodyAndNoMessages) {
  EXPECT_EQ(client().ask({.body = ""}).status, 400);
  const Decision chat = client().ask({.body = R"({"model":"m","messages":[]})", .path = "/v1/chat/completions"});
  EXPECT_EQ(chat.status, 400);
  EXPECT_EQ(chat.body,
            "inference error: BadRequest - invalid chat completions request: must have valid messages field");
}

TEST_F(ExtprocCheck, C16_WithoutABodyAnyEndpointIsChosen) {
  const Decision decision = client().ask({.without_body = true});
  EXPECT_EQ(count_of(decision.headers, "Content-Length"), 0U);
  const auto counts = client().spread(300, {.without_body = true});
  for (int i = 1; i <= 3; ++i) {
    EXPECT_GE(counts.count(silent_address(i)) != 0 ? counts.at(silent_address(i)) : 0, 60);
  }
}

TEST_F(ExtprocCheck, C17_RequestIds) {
  EXPECT_THAT(value_of(client().ask().headers, "x-request-id"),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(value_of(client().ask({.headers = {{"x-request-id", "mine"}}}).headers, "x-request-id"), "mine");
}

TEST_F(ExtprocCheck, C18_SubsetHints) {
  EXPECT_EQ(client().spread(20, {.subset = {{silent_address(3)}}}),
            (std::map<std::string, int>{{silent_address(3), 20}}));
  for (const std::vector<std::string>& none : {std::vector<std::string>{}, {"192.168.1.99:8000"}}) {
    const Decision decision = client().ask({.subset = none});
    EXPECT_EQ(decision.status, 503);
    EXPECT_EQ(decision.body,
              "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request");
    EXPECT_EQ(value_of(decision.headers, "x-llm-d-request-dropped-reason"), "rejected-no-endpoints");
  }
}

TEST_F(ExtprocCheck, C21_ControlHeadersAreNotEchoed) {
  const Decision decision = client().ask({.headers = {{"x-llm-d-inference-objective", "o"},
                                                      {"x-gateway-inference-objective", "o"},
                                                      {"x-llm-d-inference-fairness-id", "f"},
                                                      {"x-gateway-destination-endpoint", "1.1.1.1:1"},
                                                      {"content-length", "99999"},
                                                      {"x-user-data", "a"}}});
  for (const char* name : {"x-llm-d-inference-objective", "x-gateway-inference-objective",
                           "x-llm-d-inference-fairness-id", "content-length"}) {
    EXPECT_EQ(count_of(decision.headers, name), 0U) << name;
  }
  EXPECT_EQ(count_of(decision.headers, "x-gateway-destination-endpoint"), 1U);
  EXPECT_THAT(decision.destination, kIsOneOfThree);
  EXPECT_EQ(value_of(decision.headers, "Content-Length"), std::to_string(kCompletion.size()));
}

TEST_F(ExtprocCheck, C33_CountTokensEndsTheStream) {
  Exchange exchange = client().open({.body = "zzz", .path = "/v1/messages/count_tokens"});
  EXPECT_EQ(exchange.decision().body, "zzz");
  EXPECT_TRUE(exchange.closed_by_server());
  EXPECT_EQ(exchange.finish(), 0);
}

TEST_F(ExtprocCheck, C34_UnknownPathsPassUnread) {
  const std::string series = R"(llm_d_epp_request_total{fairness_id="default-flow",model_name="",priority="0",)"
                             R"(target_model_name=""})";
  const double before = epp().metric(series);
  const Decision decision = client().ask({.body = "anything", .path = "/foo"});
  EXPECT_EQ(decision.status, 200);
  EXPECT_EQ(decision.body, "anything");
  EXPECT_EQ(epp().metric(series), before + 1);
}

// An EPP each, for what the flags or the configuration decide.

TEST_F(ExtprocCheck, C15_WithoutABodyAndWithoutEndpoints) {
  const testing::TempDir directory;
  testing::write_file(directory.path() / "endpoints.yaml", "endpoints: []\n");
  const EppServer epp({.arguments = with("plugins:\n- type: file-discovery\n  parameters: {path: " +
                                             (directory.path() / "endpoints.yaml").string() +
                                             "}\ndataLayer: {discovery: {pluginRef: file-discovery}}\n",
                                         {"--pool-name=p"})});
  const Decision without_body = Client(epp.grpc_port()).ask({.without_body = true});
  EXPECT_EQ(without_body.status, 500);
  EXPECT_EQ(without_body.body, "inference error: Internal - no pods available in datastore");
}

TEST_F(ExtprocCheck, C18_TheSubsetFilterCanBeTurnedOff) {
  const EppServer epp({.arguments = with(kAny, {silent_endpoint(1), "--disable-endpoint-subset-filter"})});
  EXPECT_EQ(Client(epp.grpc_port()).ask({.subset = {{"192.168.1.99:8000"}}}).destination, silent_address(1));
}

TEST_F(ExtprocCheck, C19_C20_SeveralTargetsAndTheirScores) {
  const EppServer epp(
      {.arguments = with("plugins:\n- type: queue-scorer\n- type: max-score-picker\n"
                         "  parameters: {maxNumOfEndpoints: 2}\n",
                         {silent_endpoint(1), silent_endpoint(2), silent_endpoint(3), "--emit-endpoint-scores"})});
  const Decision decision = Client(epp.grpc_port()).ask();
  EXPECT_THAT(decision.destination, MatchesRegex("127.1.0.[123]:1,127.1.0.[123]:1"));
  EXPECT_EQ(decision.metadata_destination, decision.destination);
  EXPECT_EQ(decision.scores.size(), 3U);
}

TEST_F(ExtprocCheck, C29_FiltersThatLeaveNothing) {
  const EppServer epp(
      {.arguments = with("plugins:\n- type: label-selector-filter\n  parameters: {matchLabels: {a: b}}\n"
                         "- type: max-score-picker\n",
                         {silent_endpoint(1)})});
  const Decision decision = Client(epp.grpc_port()).ask();
  EXPECT_EQ(decision.status, 429);
  EXPECT_EQ(decision.body, "inference error: ResourceExhausted - no endpoints available for the given request");
  EXPECT_EQ(value_of(decision.headers, "x-llm-d-request-dropped-reason"), "rejected-saturated");
}

TEST_F(ExtprocCheck, C30_ConditionalDecode) {
  const EppServer epp({.arguments = with("plugins:\n- type: prefix-cache-scorer\n", {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  const std::string body = R"({"model":"m","prompt":")" + std::string(600, 'p') + "\"}";
  const Request conditional{.body = body, .headers = {{"prefer", "if-available"}}};
  const Decision cold = client.ask(conditional);
  EXPECT_EQ(cold.status, 412);
  EXPECT_EQ(cold.body, "inference error: PreconditionFailed - no decode worker has the requested KV cache");
  EXPECT_EQ(client.complete({.body = body, .headers = {{"prefer", "return=minimal"}}}).status, 200);
  EXPECT_EQ(client.ask(conditional).status, 200);
}

TEST_F(ExtprocCheck, C34_OnlyOneParser) {
  const EppServer epp(
      {.arguments = with("requestHandler: {parsers: [{pluginRef: openai-parser}]}", {silent_endpoint(1)})});
  const Decision decision = Client(epp.grpc_port()).ask({.path = "/foo"});
  EXPECT_EQ(decision.status, 400);
  EXPECT_THAT(decision.body, HasSubstr("no parser registered matching path suffix for: /foo"));
}

TEST_F(ExtprocCheck, C35_MessageSizes) {
  const std::string body = R"({"model":"m","prompt":")" + std::string(5 << 20, 'x') + "\"}";
  const EppServer standard({.arguments = with(kAny, {silent_endpoint(1)})});
  EXPECT_THROW(Client(standard.grpc_port()).ask({.body = body, .chunk = body.size()}), std::runtime_error);
  EXPECT_EQ(Client(standard.grpc_port()).ask({.body = body}).body.size(), body.size()) << "in several messages";
  const EppServer larger({.arguments = with(kAny, {silent_endpoint(1), "--grpc-max-recv-msg-size=10MiB"})});
  EXPECT_EQ(Client(larger.grpc_port()).ask({.body = body, .chunk = body.size()}).status, 200);
}

TEST_F(ExtprocCheck, C39_ConformanceFilterAndVerifier) {
  const EppServer epp({.arguments = with("plugins:\n- type: header-based-testing-filter\n"
                                         "- type: destination-endpoint-served-verifier\n",
                                         {silent_endpoint(1), silent_endpoint(2)})});
  const Client client(epp.grpc_port());
  const Request to_second{.headers = {{"test-epp-endpoint-selection", "127.1.0.2"}}};
  Exchange served = client.open(to_second);
  EXPECT_EQ(served.decision().destination, silent_address(2));
  const std::string said = "x-conformance-test-served-endpoint";
  EXPECT_EQ(value_of(served.response_headers_served_by(silent_address(2)), said), silent_address(2));
  Exchange nothing_served = client.open(to_second);
  EXPECT_EQ(value_of(nothing_served.response_headers_served_by(std::nullopt), said),
            "fail: missing destination endpoint served metadata");
  Exchange no_metadata = client.open(to_second);
  EXPECT_EQ(value_of(no_metadata.response_headers({{":status", "200"}}), said), "fail: missing envoy lb metadata");
}

TEST_F(ExtprocCheck, C40_ClientsCannotSteerTheSidecar) {
  const EppServer epp({.arguments = with(kAny, {silent_endpoint(1)})});
  const Decision decision = Client(epp.grpc_port()).ask({.headers = {{"x-prefiller-host-port", "1.2.3.4:1"}}});
  EXPECT_EQ(count_of(decision.headers, "x-prefiller-host-port"), 0U);
  EXPECT_THAT(decision.removed, ::testing::Contains("x-prefiller-host-port"));
}

}  // namespace
}  // namespace epp::conformance
