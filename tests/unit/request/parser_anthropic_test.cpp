#include "unit/request/parsing.h"

#include <string>
#include <vector>

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
           R"({"messages":[null,{"content":[null,{"content":[null],"source":null,"text":null},{}]}]})",
           R"({"messages":[{"content":[{"content":[{"content":"x"},null],"text":"y"},{"cache_control":5}]},{}]})",
           R"({"messages":[{}],"tools":[null,{"name":null,"strict":null,"type":5}],"stream":5,"max_tokens":"x"})",
           R"({"messages":[{}],"tools":null,"metadata":5})",
       }) {
    EXPECT_EQ(error(body), "") << body;
  }
}

TEST(AnthropicParser, TypeErrors) {
  struct Case {
    std::string_view body;
    std::string_view error;
  };
  constexpr std::string_view kBadContent = "anthropic content: must be a string or an array of content blocks";
  for (const Case& c : std::vector<Case>{
           {R"({"messages":{}})",
            "json: cannot unmarshal object into Go struct field MessagesRequest.messages of type "
            "[]requesthandling.AnthropicMessage"},
           {R"({"messages":[{},5]})",
            "json: cannot unmarshal number into Go struct field MessagesRequest.messages of type "
            "requesthandling.AnthropicMessage"},
           {R"({"messages":[{"role":5}]})",
            "json: cannot unmarshal number into Go struct field AnthropicMessage.messages.role of type string"},
           {R"({"MESSAGES":[{"Role":[]}]})",
            "json: cannot unmarshal array into Go struct field AnthropicMessage.messages.role of type string"},
           {R"({"messages":[{}],"tools":{}})",
            "json: cannot unmarshal object into Go struct field MessagesRequest.tools of type "
            "[]requesthandling.AnthropicTool"},
           {R"({"messages":[{}],"tools":["x"]})",
            "json: cannot unmarshal string into Go struct field MessagesRequest.tools of type "
            "requesthandling.AnthropicTool"},
           {R"({"messages":[{}],"tools":[{"name":1}]})",
            "json: cannot unmarshal number into Go struct field AnthropicTool.tools.name of type string"},
           {R"({"messages":[{}],"tools":[{"description":{}}]})",
            "json: cannot unmarshal object into Go struct field AnthropicTool.tools.description of type string"},
           {R"({"messages":[{}],"tools":[{"strict":"x"}]})",
            "json: cannot unmarshal string into Go struct field AnthropicTool.tools.strict of type bool"},
           {R"({"messages":[{}],"tools":[{"defer_loading":1}]})",
            "json: cannot unmarshal number into Go struct field AnthropicTool.tools.defer_loading of type bool"},
           {R"({"messages":[{}],"cache_salt":true})",
            "json: cannot unmarshal bool into Go struct field MessagesRequest.cache_salt of type string"},
           // The first type error counts, but one of a content ends decoding.
           {R"({"messages":[{}],"cache_salt":5,"messages":5})",
            "json: cannot unmarshal number into Go struct field MessagesRequest.cache_salt of type string"},
           {R"({"messages":[{"role":5,"content":5}]})", kBadContent},
           {R"({"messages":[{}],"system":5,"tools":5})", kBadContent},
           {R"({"messages":[{"content":[5]}]})", kBadContent},
           {R"({"messages":[{"content":{}}]})", kBadContent},
           {R"({"messages":[{"content":[{"type":5}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"text":5}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"id":5}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"name":5}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"tool_use_id":5}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"thinking":5}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"source":"u"}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"source":{"media_type":5}}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"content":{}}]}]})", kBadContent},
           {R"({"messages":[{"content":[{"content":[{"content":[[]]}]}]}]})", kBadContent},
           {R"({"messages":[{}],"system":[{"text":[]}]})", kBadContent},
       }) {
    EXPECT_EQ(error(c.body), "error parsing messages request: " + std::string(c.error)) << c.body;
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
}

TEST(AnthropicParser, DeepToolResultsCostNoStack) {
  std::string open;
  std::string close;
  for (int i = 0; i < 3000; ++i) {
    open += R"({"content":[)";
    close += "]}";
  }
  EXPECT_EQ(error(R"({"messages":[)" + open + close + "]}"), "");
  // ... and are checked all the way down.
  EXPECT_EQ(error(R"({"messages":[)" + open + "5" + close + "]}"),
            "error parsing messages request: anthropic content: must be a string or an array of content blocks");
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
