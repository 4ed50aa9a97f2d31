#include "unit/request/parsing.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

constexpr std::string_view kPath = "/inference/v1/generate";

std::string error(std::string_view body, std::string_view path = kPath) {
  return parse_error(*make_vllmhttp_parser(), path, body);
}

TEST(VllmHttpParser, GenericMembers) {
  const ParsedRequest request =
      parse_ok(*make_vllmhttp_parser(), kPath,
               R"({"model":"m","stream":true,"token_ids":[1,2],"cache_salt":"s","sampling_params":{"max_tokens":9}})");
  EXPECT_EQ(request.api, ApiKind::kGenerate);
  EXPECT_EQ(request.model, "m");
  EXPECT_TRUE(request.stream);
  EXPECT_EQ(request.max_output_tokens, 9);
  EXPECT_EQ(request.cache_salt, "s");
  EXPECT_TRUE(request.model_rewritable);
  EXPECT_EQ(parse_ok(*make_vllmhttp_parser(), kPath, R"({"token_ids":[1],"sampling_params":[{"max_tokens":9}]})")
                .max_output_tokens,
            std::nullopt);
}

TEST(VllmHttpParser, Features) {
  const std::string start = R"({"token_ids":[1],"features":)";
  for (std::string_view features :
       {"null", "{}", R"({"mm_hashes":{"image":["a"]},"mm_placeholders":{"image":[{"offset":1,"length":2}]}})",
        R"({"mm_hashes":null,"other":5})", R"({"mm_hashes":{"image":null}})"}) {
    EXPECT_EQ(error(start + std::string(features) + "}"), "") << features;
  }
  for (std::string_view features :
       {"5", R"({"mm_hashes":[]})", R"({"mm_hashes":{"image":"a"}})", R"({"mm_hashes":{"image":[5]}})",
        R"({"mm_placeholders":{"image":[{"offset":"1"}]}})"}) {
    EXPECT_TRUE(error(start + std::string(features) + "}").starts_with("invalid generate request: json: ")) << features;
  }
}

TEST(VllmHttpParser, Errors) {
  EXPECT_EQ(error("{bad"), "invalid character 'b' looking for beginning of object key string");
  EXPECT_EQ(error("[]"), "json: cannot unmarshal array into Go value of type map[string]interface {}");
  for (std::string_view body : {R"({"token_ids":[]})", "{}", "null", R"({"token_ids":null})"}) {
    EXPECT_EQ(error(body), "invalid generate request: must have non-empty token_ids field") << body;
  }
  EXPECT_EQ(error(R"({"token_ids":"x"})"),
            "invalid generate request: json: cannot unmarshal string into field token_ids of type array");
  EXPECT_EQ(error(R"({"token_ids":[0,4294967296]})"),
            "invalid generate request: token_ids[1]: invalid value 4294967296");
  EXPECT_EQ(error(R"({"token_ids":[1.5]})"), "invalid generate request: token_ids[0]: invalid value 1.5");
  EXPECT_EQ(error(R"({"token_ids":[1]})", "/inference/v1/generate/"), "unsupported path: /inference/v1/generate/");
}

TEST(RequestFormatsCheck, C20_TokenIdsMustBeUnsigned) {
  EXPECT_EQ(error(R"({"token_ids":[1,-2]})"), "invalid generate request: token_ids[1]: invalid value -2");
}

}  // namespace
}  // namespace epp::request
