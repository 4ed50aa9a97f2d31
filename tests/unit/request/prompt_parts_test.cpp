#include "request/prompt_parts.h"

#include "unit/request/parsing.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kMessages = "/v1/messages";

// A short form for comparison: texts that follow each other joined, assets as <kind data|aux>, ids as [1,2]; one entry
// for each prompt.
std::vector<std::string> describe(const PromptParts& prompt) {
  std::vector<std::string> prompts(prompt.prompts);
  for (const PromptPart& part : prompt.parts) {
    std::string& text = prompts.at(part.prompt);
    const std::string rest = std::string(part.data) + (part.aux.empty() ? "" : "|" + std::string(part.aux)) + ">";
    switch (static_cast<PartKind>(part.kind)) {
      case PartKind::kText:
        text += part.data;
        break;
      case PartKind::kImage:
        text += "<image " + rest;
        break;
      case PartKind::kVideo:
        text += "<video " + rest;
        break;
      case PartKind::kAudio:
        text += "<audio " + rest;
        break;
      case PartKind::kTokenIds:
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(part.data.data()) % alignof(std::uint32_t), 0u);
        text += '[';
        for (std::size_t i = 0; i < part.data.size(); i += sizeof(std::uint32_t)) {
          std::uint32_t id = 0;
          std::memcpy(&id, part.data.data() + i, sizeof id);
          text += (i == 0 ? "" : ",") + std::to_string(id);
        }
        text += ']';
        break;
    }
  }
  return prompts;
}

std::vector<std::string> prompts_of(const Parser& parser, std::string_view path, std::string_view body) {
  ParsedRequest request = parse_ok(parser, path, body);
  EXPECT_EQ(request.prompt_parts().error, "") << body;
  return describe(request.prompt_parts());
}

std::string openai(std::string_view path, std::string_view body) {
  const auto prompts = prompts_of(*make_openai_parser(), path, body);
  EXPECT_EQ(prompts.size(), 1u);
  return prompts.empty() ? "" : prompts[0];
}

std::string chat(std::string_view messages) {
  return openai(kChat, "{\"messages\":" + std::string(messages) + "}");
}

std::string anthropic(std::string_view body) {
  const auto prompts = prompts_of(*make_anthropic_parser(), kMessages, body);
  EXPECT_EQ(prompts.size(), 1u);
  return prompts.empty() ? "" : prompts[0];
}

using Prompts = std::vector<std::string>;

TEST(PromptParts, Completions) {
  const auto completions = [](std::string_view prompt) {
    return prompts_of(*make_openai_parser(), "/v1/completions", "{\"prompt\":" + std::string(prompt) + "}");
  };
  EXPECT_EQ(completions(R"("hello world")"), Prompts{"hello world"});
  EXPECT_EQ(completions(R"(["hello world"])"), Prompts{"hello world"});
  EXPECT_EQ(completions(R"("a\n\u00e9\ud83d\ude00")"), Prompts{"a\n\xc3\xa9\xf0\x9f\x98\x80"});
  EXPECT_EQ(completions(R"(["a","","c\t"])"), (Prompts{"a", "", "c\t"}));
  EXPECT_EQ(completions(R"([""])"), Prompts{""});
  EXPECT_EQ(completions("[1, 2,\n4294967295, 1e2]"), Prompts{"[1,2,4294967295,100]"});
}

TEST(PromptParts, Chat) {
  EXPECT_EQ(chat(R"([{"role":"user","content":"hi"}])"), "userhi");
  EXPECT_EQ(openai(kChat, R"({"messages":[{"role":"system","content":"S"},{"role":"user","content":"hi"}],
      "tools":[{"type":"function","function":{"name":"f","parameters":{"b":1,"a":2}}}]})"),
            R"([{"function":{"name":"f","parameters":{"a":2,"b":1}},"type":"function"}]systemSuserhi)");
  EXPECT_EQ(chat(R"([{"role":"user","content":[{"type":"text","text":"ab"},
      {"type":"image_url","image_url":{"url":"http://x/i.png"}},{"type":"text","text":"cd"}]}])"),
            "userab<image http://x/i.png>cd");
  EXPECT_EQ(
      chat(R"([{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAAAAAA","format":"wav"}}]}])"),
      "user<audio AAAAAAAA|wav>");
  EXPECT_EQ(chat(R"([{"role":"user","content":[{"type":"video_url","video_url":{"url":"v"}}]}])"), "user<video v>");
  EXPECT_EQ(chat(R"([{"content":[{"type":"audio_url","audio_url":{"url":"u"}}]}])"), "<audio >");
}

TEST(PromptParts, ChatLeavesOutWhatIsNotPrompt) {
  EXPECT_EQ(openai(kChat, R"({"documents":[{"a":1}],"chat_template":"t","tools":[],"messages":[
      {"content":"x","role":"user","name":"n","tool_call_id":"i"},
      {"role":"assistant","tool_calls":[{"id":"c"}],"content":null},
      {"role":"tool","content":[{"type":"refusal","text":"no"},{"text":"untyped"}]}]})"),
            "userxassistanttool");
}

TEST(PromptParts, LastDuplicateWinsAndKeysIgnoreCase) {
  EXPECT_EQ(chat(R"([{"Role":"a","ROLE":"b","content":"x","Content":"y"}])"), "by");
  EXPECT_EQ(chat(R"([{"role":"a","role":null}])"), "a");
  EXPECT_EQ(openai(kChat, R"({"messages":[{"role":"old"}],"Messages":[{"role":"new"}]})"), "new");
}

TEST(PromptParts, Messages) {
  EXPECT_EQ(anthropic(R"({"system":"sys","messages":[{"role":"user","content":"hi"}]})"), "sysuserhi");
  EXPECT_EQ(anthropic(R"({"system":[{"type":"text","text":"a"},{"type":"text","text":"x-anthropic-billing-header: 1"},
      {"type":"text","text":"b"},{"type":"image"}],"messages":[{"role":"user","content":"hi"}]})"),
            "abuserhi");
  EXPECT_EQ(anthropic(R"({"messages":[{"role":"user","content":[{"type":"text","text":"t"},
      {"type":"image","source":{"type":"url","url":"http://i"}},
      {"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}},
      {"type":"thinking","thinking":"hm"},{"type":"redacted_thinking","data":"r"},
      {"type":"tool_use","id":"id1","name":"get","input":{ "b":1, "a":"<" }}]}]})"),
            R"(usert<image http://i><image QUJD|image/png>hmid1get{ "b":1, "a":"<" })");
}

TEST(PromptParts, ToolResults) {
  EXPECT_EQ(anthropic(R"({"messages":[{"role":"user","content":[{"type":"tool_result","content":"plain"}]}]})"),
            "userplain");
  EXPECT_EQ(anthropic(R"({"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":[
      {"type":"image","source":{"data":"QUJD"}},{"type":"text","text":"a"},
      {"type":"image","source":{"media_type":"image/png","data":"REVG"}},{"type":"text","text":"b"}]}]}]})"),
            "usera\nb<image data:image/jpeg;base64,QUJD><image data:image/png;base64,REVG>");
}

TEST(PromptParts, AnthropicToolsKeepTheirSchema) {
  EXPECT_EQ(anthropic(R"({"tools":[{"input_schema": {"z": 1.0, "a": "<"},"description":"d&","name":"n","strict":true},
      {"name":"m","defer_loading":false,"description":null}],"messages":[{"role":"user"}]})"),
            R"([{"name":"n","description":"d\u0026","input_schema":{"z":1.0,"a":"\u003c"},"strict":true},)"
            R"({"name":"m","defer_loading":false}]user)");
}

TEST(PromptParts, Responses) {
  EXPECT_EQ(openai("/v1/responses", R"({"input":"hi","instructions":"be","tools":[{"b":1,"a":2}]})"),
            R"([{"instructions":"be"},{"tools":[{"a":2,"b":1}]},{"input":"hi"}])");
  EXPECT_EQ(openai("/v1/responses", R"({"input":"<a&b>","instructions":null})"),
            R"([{"input":"\u003ca\u0026b\u003e"}])");
}

TEST(PromptParts, Conversations) {
  EXPECT_EQ(openai("/v1/conversations", R"({"items":[{"content":"Hello","role":"user","type":"message"}]})"),
            R"([{"type":"message","role":"user","content":"Hello"}])");
  EXPECT_EQ(openai("/v1/conversations", R"({"items":[{"role":"","content":[{"b":1,"a":1.50}],"id":"x"},null]})"),
            R"([{"content":[{"a":1.5,"b":1}]},{}])");
}

TEST(PromptParts, Embeddings) {
  EXPECT_EQ(openai("/v1/embeddings", R"({"input":"abc"})"), R"({"Raw":"abc","Strings":null,"TokenIDs":null})");
  EXPECT_EQ(openai("/v1/embeddings", R"({"input":["a","<"]})"),
            R"({"Raw":"","Strings":["a","\u003c"],"TokenIDs":null})");
  EXPECT_EQ(openai("/v1/embeddings", R"({"input":[3,4]})"), "[3,4]");
}

TEST(PromptParts, Generate) {
  ParsedRequest request = parse_ok(*make_vllmhttp_parser(), "/inference/v1/generate",
                                   R"({"token_ids":[5,6,7],"features":{
      "mm_hashes":{"image":["h1","h2","h3"],"audio":["h4"]},
      "mm_placeholders":{"image":[{"offset":9,"length":2},{"offset":1,"length":3}],"audio":[{"offset":4,"length":1}]}}})");
  const PromptParts& prompt = request.prompt_parts();
  EXPECT_EQ(describe(prompt), Prompts{"[5,6,7]"});
  ASSERT_EQ(prompt.features.size(), 3u);
  EXPECT_EQ(prompt.features[0].hash, "h2");
  EXPECT_EQ(prompt.features[0].modality, "image");
  EXPECT_EQ(prompt.features[0].offset, 1u);
  EXPECT_EQ(prompt.features[0].length, 3u);
  EXPECT_EQ(prompt.features[1].hash, "h4");
  EXPECT_EQ(prompt.features[1].modality, "audio");
  EXPECT_EQ(prompt.features[2].hash, "h1");
}

TEST(PromptParts, BodiesWithoutAPrompt) {
  ParsedRequest images = parse_ok(*make_openai_parser(), "/v1/images/generations", R"({"prompt":"x"})");
  EXPECT_EQ(images.prompt_parts().error, "unsupported request body type, skipping estimation");
  EXPECT_TRUE(images.prompt_parts().parts.empty());
  ParsedRequest counting = parse_ok(*make_anthropic_parser(), "/v1/messages/count_tokens", "zzz");
  EXPECT_EQ(counting.prompt_parts().error, kUnsupportedBody);
}

TEST(PromptParts, ComputedOnceAndValidAfterAMove) {
  const std::string body = R"({"messages":[{"role":"user","content":"plain"},{"role":"u\u0073er","content":"x"}]})";
  ParsedRequest request = parse_ok(*make_openai_parser(), kChat, body);
  const PromptParts* first = &request.prompt_parts();
  EXPECT_EQ(first, &request.prompt_parts());
  // Strings without escapes are views into the body.
  EXPECT_EQ(first->parts[1].data.data(), body.data() + body.find("plain"));
  ParsedRequest moved = std::move(request);
  EXPECT_EQ(describe(moved.prompt_parts()), Prompts{"userplainuserx"});
}

TEST(RequestFormatsCheck, C32_SharedHistoryIsASharedPrefix) {
  const std::string shared = chat(R"([{"role":"system","content":"S"},{"role":"user","content":"first"}])");
  const std::string longer =
      chat(R"([{"role":"system","content":"S"},{"role":"user","content":"first"},{"role":"assistant","content":"a"}])");
  EXPECT_TRUE(longer.starts_with(shared));
  EXPECT_NE(longer, shared);
}

TEST(RequestFormatsCheck, C34_ImagesAreTheirUrl) {
  const auto with_image = [](std::string url) {
    return chat(R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":")" + url + R"("}}]}])");
  };
  EXPECT_EQ(with_image("http://a"), with_image("http:\\/\\/a"));
  EXPECT_NE(with_image("http://a"), with_image("http://b"));
}

}  // namespace
}  // namespace epp::request
