#include "unit/request/parsing.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kCompletions = "/v1/completions";
constexpr std::string_view kBadMessages = "invalid chat completions request: must have valid messages field";
constexpr std::string_view kBadPrompt = "invalid completions request: must have prompt field";
constexpr std::string_view kBadInput = "invalid embeddings request: must have input field";
constexpr std::string_view kBadItems = "invalid conversations request: must have items field";
constexpr std::string_view kBadImage = "invalid images generations request: must have prompt field";
constexpr std::string_view kNoResponsesInput = "invalid responses request: must have input field";

std::string error(std::string_view path, std::string_view body) {
  return parse_error(*make_openai_parser(), path, body);
}

ParsedRequest ok(std::string_view path, std::string_view body) {
  return parse_ok(*make_openai_parser(), path, body);
}

TEST(OpenAiParser, ApiFollowsFromThePath) {
  const auto api = [&](std::string_view path) {
    return ok(path, R"({"prompt":"x","messages":[{}],"input":"x","items":[{}]})").api;
  };
  EXPECT_EQ(api("/v1/conversations"), ApiKind::kConversations);
  EXPECT_EQ(api("/v1/responses"), ApiKind::kResponses);
  EXPECT_EQ(api("/v1/chat/completions"), ApiKind::kChatCompletions);
  EXPECT_EQ(api("/v1/chat/completions/render"), ApiKind::kChatCompletions);
  EXPECT_EQ(api("/openai/v1/chat/completions/"), ApiKind::kChatCompletions);
  EXPECT_EQ(api("/v1/completions"), ApiKind::kCompletions);
  EXPECT_EQ(api("/v1/completions/render"), ApiKind::kCompletions);
  EXPECT_EQ(api("/v1/embeddings"), ApiKind::kEmbeddings);
  EXPECT_EQ(api("/v1/images/generations"), ApiKind::kImages);
  EXPECT_EQ(api("/v1/other"), ApiKind::kCompletions);
}

TEST(OpenAiParser, GenericMembers) {
  const ParsedRequest request = ok(kCompletions, R"({"model":"m","stream":true,"prompt":"x","cache_salt":"s\u00e9"})");
  EXPECT_EQ(request.model, "m");
  EXPECT_TRUE(request.stream);
  EXPECT_EQ(request.cache_salt, "s\xc3\xa9");
  EXPECT_TRUE(request.model_rewritable);
  EXPECT_FALSE(request.skip_response);
  EXPECT_FALSE(request.max_output_tokens);

  const ParsedRequest odd = ok(kCompletions, R"({"model":5,"prompt":"x","stream":"true","max_tokens":"5"})");
  EXPECT_EQ(odd.model, "");
  EXPECT_FALSE(odd.stream);
  EXPECT_FALSE(odd.max_output_tokens);

  // Generic keys are exact, typed ones are not.
  const ParsedRequest upper = ok(kCompletions, R"({"Model":"m","Stream":true,"Max_Tokens":1,"Prompt":"x"})");
  EXPECT_EQ(upper.model, "");
  EXPECT_FALSE(upper.stream);
  EXPECT_FALSE(upper.max_output_tokens);
}

TEST(OpenAiParser, LastDuplicateWins) {
  const ParsedRequest request =
      ok(kCompletions, R"({"model":"a","prompt":"x","model":"b","stream":true,"stream":false,"\u006dodel":"c"})");
  EXPECT_EQ(request.model, "c");
  EXPECT_FALSE(request.stream);
  ASSERT_EQ(request.model_values.size(), 3u);
  EXPECT_EQ(request.body.substr(request.model_values[0].offset, request.model_values[0].length), "\"a\"");
  EXPECT_EQ(request.body.substr(request.model_values[2].offset, request.model_values[2].length), "\"c\"");
  EXPECT_EQ(ok(kCompletions, R"({"model":"a","prompt":"x","model":null})").model, "");
  EXPECT_EQ(error(kCompletions, R"({"prompt":"x","PROMPT":""})"), kBadPrompt);
}

TEST(OpenAiParser, ModelNameIsDecoded) {
  EXPECT_EQ(ok(kCompletions, R"({"model":"a\/b\ud83d\ude00","prompt":"x"})").model, "a/b\xf0\x9f\x98\x80");
  EXPECT_EQ(ok(kCompletions, "{\"model\":\"a\xff\",\"prompt\":\"x\"}").model, "a\xef\xbf\xbd");
}

TEST(OpenAiParser, OutputCaps) {
  const auto cap = [&](std::string_view path, std::string members) {
    const std::string body = R"({"prompt":"x","messages":[{}],"input":"x","items":[{}],)" + members + "}";
    return ok(path, body).max_output_tokens;
  };
  const std::string both = R"("max_completion_tokens":7,"max_tokens":5)";
  EXPECT_EQ(cap(kChat, both), 7);
  EXPECT_EQ(cap(kChat, R"("max_tokens":5,"max_completion_tokens":-1)"), 5);
  EXPECT_EQ(cap(kChat, R"("max_tokens":5,"max_completion_tokens":1.5)"), 5);
  EXPECT_EQ(cap(kChat, R"("max_tokens":5,"max_completion_tokens":null)"), 5);
  EXPECT_EQ(cap(kChat, R"("max_tokens":5,"max_completion_tokens":{"max_tokens":9})"), 5);
  EXPECT_EQ(cap(kChat, R"("max_tokens":5,"max_tokens":"x")"), std::nullopt);
  EXPECT_EQ(cap(kCompletions, both), 5);
  EXPECT_EQ(cap(kCompletions, R"("max_tokens":0)"), 0);
  EXPECT_EQ(cap(kCompletions, R"("max_tokens":1e2)"), 100);
  EXPECT_EQ(cap(kCompletions, R"("max_tokens":5.0)"), 5);
  EXPECT_EQ(cap(kCompletions, R"("max_tokens":1e300)"), INT64_MAX);
  EXPECT_EQ(cap("/v1/responses", R"("max_output_tokens":9,"max_tokens":5)"), 9);
  EXPECT_EQ(cap("/v1/embeddings", both), std::nullopt);
  EXPECT_EQ(cap("/v1/conversations", both), std::nullopt);
  EXPECT_EQ(cap("/v1/images/generations", both), std::nullopt);
}

TEST(OpenAiParser, ChatFields) {
  for (std::string_view member :
       {R"("tools":[{"a":1}])", R"("tools":null)", R"("documents":[])", R"("chat_template":"x")",
        R"("cache_salt":null)", R"("chat_template_kwargs":{"a":[1]})", R"("return_assistant_tokens_mask":true)",
        R"("TOOLS":[])", R"("n":"x")", R"("continue_final_message":false,"add_generation_prompt":null)",
        R"("tool_choice":5)"}) {
    EXPECT_EQ(error(kChat, "{\"messages\":[{}]," + std::string(member) + "}"), "") << member;
  }
  for (std::string_view member :
       {R"("tools":{})", R"("tools":"x")", R"("documents":1)", R"("chat_template":1)", R"("chat_template_kwargs":[])",
        R"("return_assistant_tokens_mask":"true")", R"("continue_final_message":1)", R"("add_generation_prompt":[])",
        R"("cache_salt":5)", R"("Cache_Salt":5)"}) {
    EXPECT_EQ(error(kChat, "{\"messages\":[{}]," + std::string(member) + "}"), kBadMessages) << member;
  }
}

TEST(OpenAiParser, ChatMessages) {
  for (std::string_view message :
       {R"({})", R"(null)", R"({"role":"user","content":"hi"})", R"({"role":null,"content":null})", R"({"content":[]})",
        R"({"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u","detail":5}}]})",
        R"({"content":[{"type":"input_audio","input_audio":{"data":"d","format":"wav"}},{"x":1}]})",
        R"({"content":[{"type":"video_url","video_url":{"url":"u"}},{"audio_url":5},null]})",
        R"({"tool_calls":[{"id":5}]})", R"({"Role":"user","CONTENT":"x","name":5})"}) {
    EXPECT_EQ(error(kChat, "{\"messages\":[" + std::string(message) + "]}"), "") << message;
  }
  for (std::string_view message :
       {R"(5)", R"("x")", R"([])", R"({"role":5})", R"({"content":{"x":1}})", R"({"content":5})", R"({"content":true})",
        R"({"content":[5]})", R"({"content":["x"]})", R"({"content":[{"type":5}]})", R"({"content":[{"text":{}}]})",
        R"({"content":[{"image_url":"http://x"}]})", R"({"content":[{"image_url":{"url":5}}]})",
        R"({"content":[{"input_audio":{"data":1}}]})", R"({"content":[{"video_url":[]}]})", R"({"tool_calls":{}})"}) {
    EXPECT_EQ(error(kChat, "{\"messages\":[" + std::string(message) + "]}"), kBadMessages) << message;
  }
  EXPECT_EQ(error(kChat, R"({"messages":{}})"), kBadMessages);
  EXPECT_EQ(error(kChat, R"({"messages":null})"), kBadMessages);
  EXPECT_EQ(error(kChat, R"({})"), kBadMessages);
  EXPECT_EQ(error(kChat, "null"), kBadMessages);
}

TEST(OpenAiParser, Conversations) {
  const std::string_view path = "/v1/conversations";
  EXPECT_EQ(error(path, R"({"items":[{"type":"message","role":"user","content":{"any":1}}],"metadata":{"a":"b"}})"),
            "");
  EXPECT_EQ(error(path, R"({"items":[{"content":5}],"metadata":null})"), "");
  for (std::string_view body : {R"({"items":[]})", R"({"items":{}})", R"({"items":[5]})", R"({"items":[{"type":5}]})",
                                R"({"items":[{"role":[]}]})", R"({"items":[{}],"metadata":[]})", R"({})"}) {
    EXPECT_EQ(error(path, body), kBadItems) << body;
  }
}

// The map's own errors come first, wherever in the body they are.
TEST(OpenAiParser, MalformedBodiesAreRefusedWhereverTheyAreMalformed) {
  const std::string prefix = "error unmarshaling request bodyMap: ";
  EXPECT_EQ(error(kCompletions, R"({"prompt":"x"} trailing)"), prefix + "invalid character 't' after top-level value");
  EXPECT_EQ(error(kCompletions, R"({"prompt":"x","model":"m","a":[1,2,)"), prefix + "unexpected end of JSON input");
  EXPECT_EQ(error(kChat, R"({"messages":5,"a":tru})"),
            prefix + "invalid character '}' in literal true (expecting 'e')");
  EXPECT_EQ(error(kCompletions, R"({"prompt":5,"a":{"b":[1e999]}})"),
            prefix + "json: cannot unmarshal number 1e999 into Go value of type float64");
  EXPECT_EQ(error(kCompletions, "\x1f\x8b\x08"), prefix + "invalid character '\\x1f' looking for beginning of value");
  EXPECT_EQ(error(kCompletions, "\"x\""),
            prefix + "json: cannot unmarshal string into Go value of type map[string]interface {}");
}

TEST(RequestFormatsCheck, C05_ChatMessagesField) {
  EXPECT_EQ(error(kChat, R"({"model":"m","messages":[]})"), kBadMessages);
  EXPECT_EQ(error(kChat, R"({"model":"m","messages":[{"role":"user","content":{"x":1}}]})"), kBadMessages);
  EXPECT_EQ(error(kChat, R"({"model":"m","messages":[{"role":"user","content":"x"}],"cache_salt":5})"), kBadMessages);
}

TEST(RequestFormatsCheck, C06_ChatContentMayBeNullOrMissing) {
  EXPECT_EQ(error(kChat, R"({"model":"m","messages":[{"role":"user","content":null}]})"), "");
  EXPECT_EQ(error(kChat, R"({"model":"m","messages":[{"role":"user"}]})"), "");
}

TEST(RequestFormatsCheck, C07_EmbeddingsInput) {
  const std::string_view path = "/v1/embeddings";
  EXPECT_EQ(error(path, R"({"model":"m","input":null})"), kBadInput);
  EXPECT_EQ(error(path, R"({"model":"m"})"), kBadInput);
  EXPECT_EQ(error(path, R"({"model":"m","input":""})"), kBadInput);
  EXPECT_EQ(error(path, R"({"model":"m","input":[1,2]})"), "");
  EXPECT_EQ(error(path, R"({"model":"m","input":"a"})"), "");
  EXPECT_EQ(error(path, R"({"model":"m","input":["a"]})"), "");
}

TEST(RequestFormatsCheck, C08_ResponsesInput) {
  const std::string_view path = "/v1/responses";
  for (std::string_view input : {R"("")", "0", "false", "[]", "{}"}) {
    EXPECT_EQ(error(path, "{\"input\":" + std::string(input) + "}"), "") << input;
  }
  EXPECT_EQ(error(path, R"({"model":"m"})"), kNoResponsesInput);
  EXPECT_EQ(error(path, R"({"input":null})"), kNoResponsesInput);
  EXPECT_EQ(error(path, R"({"input":"x","cache_salt":[]})"), kNoResponsesInput);
}

TEST(RequestFormatsCheck, C09_ConversationsItems) {
  EXPECT_EQ(error("/v1/conversations", R"({"model":"m","items":[]})"), kBadItems);
  EXPECT_EQ(error("/v1/conversations", R"({"model":"m","items":[{"type":"message"}]})"), "");
}

TEST(RequestFormatsCheck, C10_ImagesNumbers) {
  const std::string_view path = "/v1/images/generations";
  EXPECT_EQ(error(path, R"({"prompt":"x","n":2.5})"), kBadImage);
  EXPECT_EQ(error(path, R"({"prompt":"x","n":"2"})"), kBadImage);
  EXPECT_EQ(error(path, R"({"prompt":"x","num_inference_steps":1e1})"), kBadImage);
  EXPECT_EQ(error(path, R"({"prompt":"x","size":5})"), kBadImage);
  EXPECT_EQ(error(path, R"({"prompt":"","n":2})"), kBadImage);
  EXPECT_EQ(error(path, R"({"prompt":["x"]})"), kBadImage);
  EXPECT_EQ(error(path, R"({"prompt":"x","n":2,"num_inference_steps":-1,"size":"1x1"})"), "");
  EXPECT_EQ(error(path, R"({"prompt":"x","n":null})"), "");
}

TEST(RequestFormatsCheck, C11_CompletionsPrompt) {
  for (std::string_view prompt : {R"([1,2,"x"])", "[[1,2]]", "[-1]", R"("")", "[4294967296]", "[1.5]", "[]", "null",
                                  "5", "{}", "[null]", R"(["a",1])", "[1e10]", "[true]"}) {
    EXPECT_EQ(error(kCompletions, "{\"model\":\"m\",\"prompt\":" + std::string(prompt) + "}"), kBadPrompt) << prompt;
  }
  for (std::string_view prompt :
       {R"([""])", R"("x")", R"(["a","b"])", "[1,2,3]", "[0,4294967295]", "[1.0,1e2]", R"("\u0000")"}) {
    EXPECT_EQ(error(kCompletions, "{\"model\":\"m\",\"prompt\":" + std::string(prompt) + "}"), "") << prompt;
  }
}

// Null does not decode, whatever follows; an empty value only takes the place of one of its own kind.
TEST(OpenAiParser, DuplicatePrompts) {
  for (std::string_view members :
       {R"("prompt":null,"prompt":"x")", R"("prompt":["a"],"prompt":null)", R"("prompt":"x","prompt":"")",
        R"("prompt":["a"],"prompt":[])", R"("prompt":[1],"prompt":[])", R"("prompt":"","prompt":[])",
        R"("prompt":5,"prompt":"x")"}) {
    EXPECT_EQ(error(kCompletions, "{" + std::string(members) + "}"), kBadPrompt) << members;
  }
  for (const auto& [members, content] :
       std::vector<std::pair<std::string_view, std::string_view>>{{R"("prompt":"x","prompt":[])", R"("x")"},
                                                                  {R"("prompt":["a"],"prompt":"")", R"(["a"])"},
                                                                  {R"("prompt":[1],"prompt":"")", "[1]"},
                                                                  {R"("prompt":"x","prompt":["a"])", R"(["a"])"},
                                                                  {R"("prompt":[],"prompt":"x")", R"("x")"}}) {
    const std::string body = "{" + std::string(members) + "}";
    EXPECT_EQ(ok(kCompletions, body).section.content, content) << members;
  }
  EXPECT_EQ(error("/v1/embeddings", R"({"input":null,"input":[1]})"), kBadInput);
  EXPECT_EQ(error("/v1/embeddings", R"({"input":[1],"input":""})"), "");
}

TEST(RequestFormatsCheck, C12_BodiesThatAreNoObject) {
  const std::string prefix = "error unmarshaling request bodyMap: ";
  EXPECT_EQ(error(kCompletions, "{bad"), prefix + "invalid character 'b' looking for beginning of object key string");
  EXPECT_EQ(error(kCompletions, ""), prefix + "unexpected end of JSON input");
  EXPECT_EQ(error(kCompletions, "[]"),
            prefix + "json: cannot unmarshal array into Go value of type map[string]interface {}");
}

TEST(ExtprocCheck, C13_BodyThatIsNoJson) {
  EXPECT_EQ(error(kCompletions, "no healthy upstream"),
            "error unmarshaling request bodyMap: invalid character 'o' in literal null (expecting 'u')");
}

TEST(ExtprocCheck, C14_EmptyBodyAndEmptyMessages) {
  EXPECT_EQ(error(kCompletions, ""), "error unmarshaling request bodyMap: unexpected end of JSON input");
  EXPECT_EQ(error(kChat, R"({"messages":[]})"), kBadMessages);
}

TEST(RequestFormatsCheck, C38_CompressedBodiesAreNoJson) {
  EXPECT_TRUE(error(kCompletions, "\x1f\x8b\x08\x00").starts_with("error unmarshaling request bodyMap: "));
}

TEST(RequestFormatsCheck, C40_NegativeCapIsNoCap) {
  EXPECT_EQ(ok(kChat, R"({"messages":[{}],"max_tokens":-5})").max_output_tokens, std::nullopt);
  EXPECT_EQ(ok(kChat, R"({"messages":[{}],"max_tokens":0})").max_output_tokens, 0);
}

}  // namespace
}  // namespace epp::request
