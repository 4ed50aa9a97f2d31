#include "unit/request/parsing.h"

#include <string>
#include <utility>
#include <vector>

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
}

TEST(VllmHttpParser, TypeErrors) {
  struct Case {
    std::string_view members;
    std::string_view error;
  };
  for (const Case& c : std::vector<Case>{
           {R"("token_ids":"x")", "string into Go struct field .token_ids of type []float64"},
           {R"("token_ids":["a",-1])", "string into Go struct field .token_ids of type float64"},
           {R"("token_ids":[-1,[1]])", "array into Go struct field .token_ids of type float64"},
           {R"("token_ids":[-1],"cache_salt":5)", "number into Go struct field .cache_salt of type string"},
           {R"("features":5)",
            R"(number into Go struct field .features of type struct { )"
            R"(MMHashes map[string][]string "json:\"mm_hashes\""; )"
            R"(MMPlaceholders map[string][]requesthandling.wirePlaceholder "json:\"mm_placeholders\"" })"},
           {R"("features":{"mm_hashes":[]})",
            "array into Go struct field .features.mm_hashes of type map[string][]string"},
           {R"("features":{"mm_hashes":{"image":"a"}})",
            "string into Go struct field .features.mm_hashes of type []string"},
           {R"("features":{"mm_hashes":{"image":["a",5]}})",
            "number into Go struct field .features.mm_hashes of type string"},
           {R"("features":{"mm_placeholders":5})",
            "number into Go struct field .features.mm_placeholders of type "
            "map[string][]requesthandling.wirePlaceholder"},
           {R"("features":{"mm_placeholders":{"image":{}}})",
            "object into Go struct field .features.mm_placeholders of type []requesthandling.wirePlaceholder"},
           {R"("features":{"mm_placeholders":{"image":[{},5]}})",
            "number into Go struct field .features.mm_placeholders of type requesthandling.wirePlaceholder"},
           {R"("features":{"mm_placeholders":{"image":[{"offset":"1"}]}})",
            "string into Go struct field wirePlaceholder.features.mm_placeholders.offset of type int"},
           {R"("features":{"mm_placeholders":{"image":[{"offset":1.5}]}})",
            "number 1.5 into Go struct field wirePlaceholder.features.mm_placeholders.offset of type int"},
           {R"("features":{"mm_placeholders":{"image":[{"length":1e2}]}})",
            "number 1e2 into Go struct field wirePlaceholder.features.mm_placeholders.length of type int"},
           {R"("features":{"mm_placeholders":{"image":[{"length":9223372036854775808}]}})",
            "number 9223372036854775808 into Go struct field wirePlaceholder.features.mm_placeholders.length of type "
            "int"},
       }) {
    EXPECT_EQ(error("{" + std::string(c.members) + "}"),
              "invalid generate request: json: cannot unmarshal " + std::string(c.error))
        << c.members;
  }
}

// The number as a double, not as the client wrote it.
TEST(VllmHttpParser, NumbersThatAreNoTokenIds) {
  for (const auto& [number, printed] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"4294967296", "4.294967296e+09"},
           {"4294967295.5", "4.2949672955e+09"},
           {"-2", "-2"},
           {"1.50", "1.5"},
           {"123456.5", "123456.5"},
           {"-100000", "-100000"},
           {"-1000000", "-1e+06"},
           {"12345678.25", "1.234567825e+07"},
           {"-1e-4", "-0.0001"},
           {"-0.00001", "-1e-05"},
           {"1e300", "1e+300"},
           {"-12345678901234567890123", "-1.2345678901234568e+22"},
       }) {
    EXPECT_EQ(error(R"({"token_ids":[0,null,)" + std::string(number) + ",-7]}"),
              "invalid generate request: token_ids[2]: invalid value " + std::string(printed));
  }
  for (std::string_view body : {R"({"token_ids":[null]})", R"({"token_ids":[-0.0,1e-400,4294967295,1e2]})",
                                R"({"token_ids":[-1],"token_ids":[1]})"}) {
    EXPECT_EQ(error(body), "") << body;
  }
}

TEST(VllmHttpParser, Errors) {
  EXPECT_EQ(error("{bad"), "invalid character 'b' looking for beginning of object key string");
  EXPECT_EQ(error("[]"), "json: cannot unmarshal array into Go value of type map[string]interface {}");
  for (std::string_view body : {R"({"token_ids":[]})", "{}", "null", R"({"token_ids":null})"}) {
    EXPECT_EQ(error(body), "invalid generate request: must have non-empty token_ids field") << body;
  }
  EXPECT_EQ(error(R"({"token_ids":[1]})", "/inference/v1/generate/"), "unsupported path: /inference/v1/generate/");
}

TEST(RequestFormatsCheck, C20_TokenIdsMustBeUnsigned) {
  EXPECT_EQ(error(R"({"token_ids":[1,-2]})"), "invalid generate request: token_ids[1]: invalid value -2");
}

}  // namespace
}  // namespace epp::request
