// What the parser spike finds, as a host would use it: spliced, decoded and counted out of the body it was given.
#include "unit/plugin_harness/plugin_harness.h"

#include <epp/ext/parser.h>
#include <epp/host/request.h>

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::testing {
namespace {

using ::testing::ElementsAre;

epp_bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class ParserSpike : public ::testing::Test {
 protected:
  ParserSpike() {
    host.load(std::string(EPP_ABI_LIBRARIES) + "/abi-spike_parser.so");
    instance = host.create("spike-completions-parser");
    constexpr std::string_view kId = EPP_EXT_PARSER;
    table = static_cast<const epp_parser*>(instance->raw()->get_extension(instance->raw(), {kId.data(), kId.size()}));
  }

  epp_found_request parse(std::string_view body, epp_status expected = EPP_OK) {
    epp_found_request found{};
    found.size = sizeof found;
    found.model = found.cache_salt = {EPP_SPAN_ABSENT, 0};
    found.max_output_tokens = -1;
    EXPECT_EQ(table->parse(instance->raw(), {}, bytes_of(body), &found, nullptr), expected);
    return found;
  }

  static std::string_view at(std::string_view body, epp_span span) {
    if (span.offset == EPP_SPAN_ABSENT) return "(absent)";
    return body.substr(static_cast<size_t>(span.offset), static_cast<size_t>(span.size));
  }

  PluginHarness host;
  plugins::InstancePtr instance;
  const epp_parser* table = nullptr;
};

TEST_F(ParserSpike, ClaimsPathsAndProtocols) {
  epp_str_list paths{};
  epp_str_list protocols{};
  table->claims(instance->raw(), &paths, &protocols);
  ASSERT_EQ(paths.count, 1u);
  EXPECT_EQ(std::string_view(paths.items[0].data, paths.items[0].size), "v1/completions");
  EXPECT_EQ(protocols.count, 2u);
}

TEST_F(ParserSpike, SpansPointIntoTheBody) {
  const std::string body =
      R"({"prompt": "a \"quoted\" word", "model": "llama", "stream": true, "max_tokens": 16, "cache_salt": "s"})";
  const epp_found_request found = parse(body);
  EXPECT_EQ(found.api, EPP_API_COMPLETIONS);
  EXPECT_EQ(found.flags, EPP_REQUEST_STREAM);
  EXPECT_EQ(at(body, found.model), "llama");
  EXPECT_EQ(at(body, found.cache_salt), "s");
  EXPECT_EQ(found.max_output_tokens, 16);
}

TEST_F(ParserSpike, AModelIsSplicedWithoutWritingTheBodyAnew) {
  std::string body = R"({"model":"llama","prompt":"hi","n":[1,{"model":"inner"}]})";
  const epp_found_request found = parse(body);
  body.replace(static_cast<size_t>(found.model.offset), static_cast<size_t>(found.model.size), "llama-lora");
  EXPECT_EQ(body, R"({"model":"llama-lora","prompt":"hi","n":[1,{"model":"inner"}]})");
}

TEST_F(ParserSpike, WhatIsAbsentIsAbsent) {
  const std::string body = R"({"prompt": 7, "model": 3})";
  const epp_found_request found = parse(body);
  EXPECT_EQ(at(body, found.model), "(absent)");
  EXPECT_EQ(found.max_output_tokens, -1);
  EXPECT_EQ(found.flags, 0u);
  parse("[1]", EPP_ERR_BAD_REQUEST);
  parse(R"({"a": 1} x)", EPP_ERR_BAD_REQUEST);
  parse(R"({"a": "unterminated)", EPP_ERR_BAD_REQUEST);
}

TEST_F(ParserSpike, PromptsComeWithTheEncodingOfTheirSpans) {
  const auto parts = [this](std::string_view body) {
    struct Found {
      std::string_view body;
      std::vector<std::string> texts;
    } all{body, {}};
    const auto sink = [](void* context, const epp_found_part* part) {
      auto& into = *static_cast<Found*>(context);
      into.texts.push_back(std::to_string(part->prompt) + (part->kind == EPP_PART_TEXT ? " text " : " ids ") +
                           (part->encoding == EPP_SPAN_JSON_STRING ? "escaped " : "numbers ") +
                           std::string(at(into.body, part->data)));
    };
    const epp_status status = table->prompt(instance->raw(), {}, bytes_of(body), sink, &all, nullptr);
    if (status != EPP_OK) all.texts.push_back("none");
    return all.texts;
  };
  EXPECT_THAT(parts(R"({"prompt":"a\nb"})"), ElementsAre(R"(0 text escaped a\nb)"));
  EXPECT_THAT(parts(R"({"prompt":["a", "b"]})"), ElementsAre("0 text escaped a", "1 text escaped b"));
  EXPECT_THAT(parts(R"({"prompt":[1, 2]})"), ElementsAre("0 ids numbers 1, 2"));
  EXPECT_THAT(parts(R"({"prompt":[[1], [2,3]]})"), ElementsAre("0 ids numbers 1", "1 ids numbers 2,3"));
  EXPECT_THAT(parts(R"({"model":"m"})"), ElementsAre("none"));
}

TEST_F(ParserSpike, UsageIsReadDocumentByDocument) {
  epp_usage usage{};
  usage.size = sizeof usage;
  uint32_t found = 0;
  const std::string last = R"({"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}})";
  EXPECT_EQ(table->usage(instance->raw(), {}, bytes_of(R"({"choices":[{"text":"x"}]})"), &usage, &found, nullptr),
            EPP_OK);
  EXPECT_EQ(found, 0u);
  EXPECT_EQ(table->usage(instance->raw(), {}, bytes_of(last), &usage, &found, nullptr), EPP_OK);
  EXPECT_EQ(found, 1u);
  EXPECT_EQ(usage.prompt_tokens, 10u);
  EXPECT_EQ(usage.completion_tokens, 3u);
  EXPECT_EQ(usage.total_tokens, 13u);
}

}  // namespace
}  // namespace epp::testing
