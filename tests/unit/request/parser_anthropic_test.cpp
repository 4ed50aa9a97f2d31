#include "unit/request/parsing.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

constexpr std::string_view kPath = "/v1/messages";

std::string error(std::string_view body, std::string_view path = kPath) {
  return parse_error(*make_anthropic_parser(), path, body);
}

TEST(AnthropicParser, GenericMembers) {
  const ParsedRequest request = parse_ok(
      *make_anthropic_parser(), kPath,
      R"({"model":"m","stream":true,"max_tokens":12,"cache_salt":"s","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(request.api, ApiKind::kMessages);
  EXPECT_EQ(request.model, "m");
  EXPECT_TRUE(request.stream);
  EXPECT_EQ(request.max_output_tokens, 12);
  EXPECT_EQ(request.cache_salt, "s");
  EXPECT_TRUE(request.model_rewritable);
}

TEST(AnthropicParser, Fields) {
  for (std::string_view body : {
           R"({"messages":[{"role":"user","content":null},{}]})",
           R"({"messages":[{"content":[]}],"system":"x"})",
           R"({"messages":[{"content":[{"type":"text","text":"x"}]}],"system":[{"type":"text","text":"x"}]})",
           R"({"messages":[{"content":[{"type":"image","source":{"type":"url","url":"u"}}]}],"system":null})",
           R"({"messages":[{"content":[{"type":"tool_result","content":[{"type":"text","text":"x"}]}]}]})",
           R"({"messages":[{"content":[{"type":"tool_use","id":"i","name":"n","input":[1,{"a":2}]}]}]})",
           R"({"messages":[{}],"tools":[{"name":"n","description":"d","input_schema":5,"strict":true}]})",
           R"({"messages":[{}],"tools":null,"metadata":5})",
       }) {
    EXPECT_EQ(error(body), "") << body;
  }
  for (std::string_view body : {
           R"({"messages":{}})",
           R"({"messages":[5]})",
           R"({"messages":[{"role":5}]})",
           R"({"messages":[{"content":[5]}]})",
           R"({"messages":[{"content":[{"text":5}]}]})",
           R"({"messages":[{"content":[{"source":"u"}]}]})",
           R"({"messages":[{"content":[{"content":{}}]}]})",
           R"({"messages":[{}],"system":5})",
           R"({"messages":[{}],"tools":{}})",
           R"({"messages":[{}],"tools":["x"]})",
           R"({"messages":[{}],"tools":[{"name":1}]})",
           R"({"messages":[{}],"cache_salt":1})",
       }) {
    EXPECT_TRUE(error(body).starts_with("error parsing messages request: ")) << body;
  }
}

TEST(AnthropicParser, Errors) {
  EXPECT_EQ(error("{"), "error unmarshaling request body: unexpected end of JSON input");
  EXPECT_EQ(
      error("[]"),
      "error unmarshaling request body: json: cannot unmarshal array into Go value of type map[string]interface {}");
  EXPECT_EQ(error(R"({"messages":[{"content":5}],"x":})"),
            "error unmarshaling request body: invalid character '}' looking for beginning of value");
  for (std::string_view body : {R"({"messages":[]})", R"({})", "null", R"({"messages":null})"}) {
    EXPECT_EQ(error(body), "invalid messages request: must have at least one message") << body;
  }
  EXPECT_EQ(error(R"({"messages":[{"role":5}]})"),
            "error parsing messages request: json: cannot unmarshal number into field messages.role of type string");
}

TEST(AnthropicParser, DeepToolResultsCostNoStack) {
  std::string open;
  std::string close;
  for (int i = 0; i < 3000; ++i) {
    open += R"({"content":[)";
    close += "]}";
  }
  EXPECT_EQ(error(R"({"messages":[)" + open + close + "]}"), "");
}

TEST(RequestFormatsCheck, C17_CountTokensIsPassedOnUnread) {
  for (std::string_view body : {"zzz", ""}) {
    const ParsedRequest request = parse_ok(*make_anthropic_parser(), "/v1/messages/count_tokens", body);
    EXPECT_EQ(request.api, ApiKind::kRaw);
    EXPECT_TRUE(request.skip_response);
    EXPECT_FALSE(request.model_rewritable);
    EXPECT_EQ(request.body, body);
    EXPECT_EQ(request.model, "");
  }
}

TEST(RequestFormatsCheck, C18_TrailingSlashIsNoMessagesEndpoint) {
  EXPECT_EQ(error(R"({"messages":[{}]})", "/v1/messages/"), "unsupported API endpoint: /v1/messages/");
}

TEST(RequestFormatsCheck, C19_ContentIsAStringOrBlocks) {
  EXPECT_EQ(error(R"({"messages":[{"role":"user","content":5}]})"),
            "error parsing messages request: anthropic content: must be a string or an array of content blocks");
}

}  // namespace
}  // namespace epp::request
