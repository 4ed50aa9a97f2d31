#include "request/parser.h"

#include "unit/request/parsing.h"

#include <gtest/gtest.h>

namespace epp::request {
namespace {

std::shared_ptr<const Parser> shared(std::string_view type) {
  return make_parser(type);
}

ParserRegistry default_registry(RegistryOptions options = {}) {
  ParserRegistry::Parsers parsers;
  for (std::string_view type : default_parser_types())
    parsers.push_back(shared(type));
  return ParserRegistry(parsers, options);
}

std::string_view resolved(const ParserRegistry& registry, std::string_view path) {
  const auto parser = registry.resolve(path);
  return parser ? parser->type() : "";
}

/// Claims what the test says; parses nothing.
class ClaimingParser final : public Parser {
 public:
  ClaimingParser(std::string_view type, std::vector<std::string_view> suffixes)
      : type_(type), suffixes_(std::move(suffixes)) {}
  std::string_view type() const override { return type_; }
  std::span<const std::string_view> claimed_suffixes() const override { return suffixes_; }
  std::span<const std::string_view> protocols() const override { return {}; }
  ParseResult parse(std::string_view, std::string_view) const override { return ParsedRequest{}; }
  std::unique_ptr<UsageExtractor> make_usage_extractor(ResponseFormat) const override {
    return make_null_usage_extractor();
  }

 private:
  std::string_view type_;
  std::vector<std::string_view> suffixes_;
};

TEST(ParserRegistry, ResolvesTheTableOfPaths) {
  const ParserRegistry registry = default_registry();
  for (const auto& [path, type] : std::vector<std::pair<std::string_view, std::string_view>>{
           {select_path("/v1/chat/completions?x=1", "", ""), "openai-parser"},
           {"/openai/v1/chat/completions/", "openai-parser"},
           {"/v1/mycompletions", "openai-parser"},
           {"/v1/completions/render", "openai-parser"},
           {"/v1/images/generations", "openai-parser"},
           {"/v1/messages", "anthropic-parser"},
           {"/v1/messages/", "anthropic-parser"},
           {"/v1/messages/count_tokens", "anthropic-parser"},
           {"/inference/v1/generate", "vllmhttp-parser"},
           {" /inference/v1/generate ", "vllmhttp-parser"},
           {"/generate", "passthrough-parser"},
           {"/v1/Completions", "passthrough-parser"},
           {"/v1/models", "passthrough-parser"},
           {"/tokenize", "passthrough-parser"},
           {"/v1/audio/transcriptions", "passthrough-parser"},
           {"/v1/rerank", "passthrough-parser"},
           {"/v1/responses/r1/cancel", "passthrough-parser"},
           {"", "passthrough-parser"},
           {"/", "passthrough-parser"}}) {
    EXPECT_EQ(resolved(registry, path), type) << path;
  }
}

TEST(ParserRegistry, LongestClaimWinsThenTheEarlierParser) {
  const auto a = std::make_shared<ClaimingParser>("a", std::vector<std::string_view>{" /generate/ "});
  const auto b = std::make_shared<ClaimingParser>("b", std::vector<std::string_view>{"v1/generate"});
  const auto c = std::make_shared<ClaimingParser>("c", std::vector<std::string_view>{"generate"});
  const ParserRegistry registry({a, b, c});
  EXPECT_EQ(resolved(registry, "/v1/generate"), "b");
  EXPECT_EQ(resolved(registry, "/generate"), "a");
  EXPECT_EQ(resolved(registry, "/regenerate"), "a");
  EXPECT_EQ(resolved(registry, "/other"), "");
  EXPECT_EQ(unclaimed_path_error("/other").message, "no parser registered matching path suffix for: /other");
}

TEST(ParserRegistry, ProtocolsOfTheHostsParsers) {
  for (std::string_view type : {"openai-parser", "anthropic-parser", "vllmhttp-parser"}) {
    const auto protocols = shared(type)->protocols();
    ASSERT_EQ(protocols.size(), 2u) << type;
    EXPECT_EQ(protocols[0], "http");
    EXPECT_EQ(protocols[1], "kubernetes.io/h2c");
  }
  EXPECT_TRUE(shared("passthrough-parser")->protocols().empty());
  EXPECT_EQ(make_parser("no-such-parser"), nullptr);
}

TEST(ParserRegistry, PathSelection) {
  EXPECT_EQ(select_path("/a?b", "/c", "/d"), "/a");
  EXPECT_EQ(select_path("", "/c?x", "/d"), "/c");
  EXPECT_EQ(select_path("", "", "/d"), "/d");
  EXPECT_EQ(select_path("", "", ""), "/v1/completions");
  EXPECT_EQ(select_path("?q", "/c", ""), "");
}

TEST(RequestFormatsCheck, C14_NoFallbackForAnExplicitList) {
  const ParserRegistry registry({shared("openai-parser")});
  EXPECT_EQ(registry.resolve("/foo"), nullptr);
  EXPECT_EQ(format_error(unclaimed_path_error("/foo")),
            "inference error: BadRequest - no parser registered matching path suffix for: /foo");
}

TEST(RequestFormatsCheck, C15_FallbackEndsRegistration) {
  const ParserRegistry registry({shared("passthrough-parser"), shared("openai-parser")});
  const auto parser = registry.resolve("/v1/completions");
  ASSERT_EQ(parser->type(), "passthrough-parser");
  EXPECT_EQ(parse_ok(*parser, "/v1/completions", "{bad").body, "{bad");
  EXPECT_EQ(registry.parsers().size(), 1u);
  ASSERT_EQ(registry.warnings().size(), 1u);
  EXPECT_NE(registry.warnings()[0].find("openai-parser"), std::string::npos);
}

TEST(RequestFormatsCheck, C16_PathFromOtherHeaders) {
  const std::string_view path = select_path("", "/v1/messages?beta=true", "");
  EXPECT_EQ(resolved(default_registry(), path), "anthropic-parser");
  EXPECT_EQ(parse_ok(*shared("anthropic-parser"), path, R"({"messages":[{}]})").api, ApiKind::kMessages);
}

TEST(RequestFormatsCheck, C39_DuplicateTypesAreSkipped) {
  const auto first = shared("openai-parser");
  const ParserRegistry registry({first, shared("openai-parser")});
  EXPECT_EQ(registry.resolve("/v1/completions"), first);
  EXPECT_EQ(registry.parsers().size(), 1u);
  EXPECT_EQ(registry.warnings().size(), 1u);
}

TEST(ExtprocWeakSpot, W23_SuffixesEndAtASegmentWhenAsked) {
  const ParserRegistry strict = default_registry({.strict_suffix_boundary = true});
  EXPECT_EQ(resolved(strict, "/v1/mycompletions"), "passthrough-parser");
  EXPECT_EQ(resolved(strict, "/v1/chat/completions"), "openai-parser");
  EXPECT_EQ(resolved(strict, "/v1/mychat/completions"), "openai-parser");
  EXPECT_EQ(resolved(strict, "completions"), "openai-parser");
}

TEST(PassthroughParser, TakesAnyBodyAsItIs) {
  const auto parser = make_passthrough_parser();
  ParsedRequest request = parse_ok(*parser, "/v1/audio/transcriptions", "--x\r\n\xff\x00");
  EXPECT_EQ(request.api, ApiKind::kRaw);
  EXPECT_EQ(request.model, "");
  EXPECT_FALSE(request.stream);
  EXPECT_FALSE(request.skip_response);
  EXPECT_FALSE(request.model_rewritable);
  EXPECT_EQ(request.prompt_parts().error, kUnsupportedBody);
  const auto usage = parser->make_usage_extractor(ResponseFormat::kJson);
  EXPECT_FALSE(usage->feed(R"({"usage":{"prompt_tokens":1}})"));
  EXPECT_FALSE(usage->finish());
  EXPECT_FALSE(usage->usage());
}

}  // namespace
}  // namespace epp::request
