#include "request/model_name.h"

#include "unit/request/parsing.h"
#include "unit/request/splitting.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

std::string join(std::span<const std::string_view> slices) {
  std::string text;
  for (std::string_view slice : slices)
    text += slice;
  return text;
}

std::string spliced(std::string_view body, std::string_view model) {
  ParsedRequest request = parse_ok(*make_openai_parser(), "/v1/completions", body);
  return join(splice_model(request, model));
}

std::string restored(std::string_view target, std::string_view incoming, std::string_view response) {
  const auto restore = [&](const std::vector<std::string_view>& chunks) {
    ModelRestorer restorer(target, incoming);
    std::string text;
    for (std::string_view chunk : chunks) {
      const std::string only_for_this_call(chunk);
      text += join(restorer.feed(only_for_this_call));
    }
    return text + join(restorer.finish());
  };
  const std::string whole = restore({response});
  for (const auto& chunks : splits_of(response))
    EXPECT_EQ(restore(chunks), whole);
  return whole;
}

std::string restored_at_once(std::string_view target, std::string_view incoming, std::string_view response) {
  return join(ModelRestorer(target, incoming).restore_all(response));
}

TEST(RequestFormatsWeakSpot, W03_OnlyTheModelValueChanges) {
  EXPECT_EQ(spliced(R"( { "prompt" : "x" , "model" : "m" ,"n":1.0} )", "m2"),
            R"( { "prompt" : "x" , "model" : "m2" ,"n":1.0} )");
  EXPECT_EQ(spliced(R"({"model":{"a":[1]},"prompt":"x"})", "m2"), R"({"model":"m2","prompt":"x"})");
  EXPECT_EQ(spliced(R"({"model":null,"prompt":"x"})", "m2"), R"({"model":"m2","prompt":"x"})");
  EXPECT_EQ(spliced(R"({"model":"m","prompt":"\"model\":\"m\"","a":{"model":"m"}})", "m2"),
            R"({"model":"m2","prompt":"\"model\":\"m\"","a":{"model":"m"}})");
}

TEST(SpliceModel, EveryDuplicateChanges) {
  EXPECT_EQ(spliced(R"({"model":"a","prompt":"x","model":5,"mod\u0065l":"c"})", "m2"),
            R"({"model":"m2","prompt":"x","model":"m2","mod\u0065l":"m2"})");
}

TEST(SpliceModel, MissingMemberIsInsertedFirst) {
  EXPECT_EQ(spliced(R"(  { "prompt":"x","Model":"a"})", "h"), R"(  {"model":"h", "prompt":"x","Model":"a"})");
  ParsedRequest empty;
  empty.body = "{ }";
  empty.model_insert_offset = 1;
  empty.empty_object = true;
  EXPECT_EQ(join(splice_model(empty, "h")), R"({"model":"h" })");
}

TEST(SpliceModel, NamesAreEscaped) {
  EXPECT_EQ(spliced(R"({"model":"a","prompt":"x"})", "a\"b\\c<\n\xc3\xa9"),
            "{\"model\":\"a\\\"b\\\\c<\\n\xc3\xa9\",\"prompt\":\"x\"}");
}

TEST(ReserialiseModel, AsUpstream) {
  EXPECT_EQ(
      reserialise_with_model(
          R"({"z":1,"model":"a","seed":12345678901234567890,"big":9007199254740993,"f":1.0,"html":"<a&b>"})", "b"),
      R"({"big":9007199254740992,"f":1,"html":"\u003ca\u0026b\u003e","model":"b","seed":12345678901234567000,"z":1})");
  EXPECT_EQ(reserialise_with_model(R"({"prompt":"p","model":"a","max_tokens":100})", "b"),
            R"({"max_tokens":100,"model":"b","prompt":"p"})");
  EXPECT_EQ(reserialise_with_model(R"({ "prompt":"x" })", "h"), R"({"model":"h","prompt":"x"})");
  EXPECT_EQ(reserialise_with_model(R"({"max_tokens":100,"model":"my-model","prompt":"test1","temperature":0})",
                                   "my-model-12345")
                .size(),
            76u);
}

TEST(ModelRestorer, IdleWithoutTwoNames) {
  EXPECT_FALSE(ModelRestorer("", "m").active());
  EXPECT_FALSE(ModelRestorer("m", "").active());
  EXPECT_FALSE(ModelRestorer("m", "m").active());
  EXPECT_EQ(restored("", "m", R"({"model":"x"})"), R"({"model":"x"})");
  EXPECT_EQ(restored_at_once("m", "m", R"({"model":"m"})"), R"({"model":"m"})");
}

TEST(ModelRestorer, ReplacesEveryOccurrence) {
  EXPECT_EQ(restored("m2", "m", R"({"model":"m2","a":{"model":"m2"}})"), R"({"model":"m","a":{"model":"m"}})");
  EXPECT_EQ(restored("m2", "longer name", "data: {\"model\":\"m2\"}\n\ndata: {\"model\":\"m2\"}\n\n"),
            "data: {\"model\":\"longer name\"}\n\ndata: {\"model\":\"longer name\"}\n\n");
}

TEST(ModelRestorer, LeavesTheRestAlone) {
  for (std::string_view text :
       {R"({"model":"m23"})", R"({"model":"m"})", R"({"model":  "m2"})", R"({"models":"m2"})", R"({"model" :"m2"})",
        R"({"x":"\"model\":\"m2\""})", R"({"model":"m2)", R"({"model":)", R"({"model": )", R"("model":"model":"m3")",
        R"({"model":"m2\q"})", R"({"model":"\u00"})", "\"mod", "", "plain text", R"({"Model":"m2"})",
        R"({"model":["m2"]})"}) {
    EXPECT_EQ(restored("m2", "m", text), text);
    EXPECT_EQ(restored_at_once("m2", "m", text), text);
  }
}

TEST(ModelRestorer, MatchBehindAFalseStart) {
  EXPECT_EQ(restored("m2", "m", R"("model":"model":"m2")"), R"("model":"model":"m")");
  EXPECT_EQ(restored("m2", "m", R"("mod"model":"m2")"), R"("mod"model":"m")");
}

TEST(ModelRestorer, OneSpaceOnlyIfTheOtherFormDoesNotOccur) {
  EXPECT_EQ(restored("m2", "m", R"({"model": "m2","b":{"model": "m2"}})"), R"({"model": "m","b":{"model": "m"}})");
  EXPECT_EQ(restored("m2", "m", R"({"model":"m2","b":{"model": "m2"}})"), R"({"model":"m","b":{"model": "m2"}})");
  EXPECT_EQ(restored_at_once("m2", "m", R"({"a":{"model": "m2"},"model":"m2"})"),
            R"({"a":{"model": "m2"},"model":"m"})");
  EXPECT_EQ(restored_at_once("m2", "m", R"({"a":{"model": "m2"}})"), R"({"a":{"model": "m"}})");
}

TEST(RequestFormatsWeakSpot, W10_NamesThatServersEscape) {
  EXPECT_EQ(restored("org/m\xc3\xa9\xf0\x9f\x98\x80", "a\"b", R"({"model":"org\/m\u00e9\ud83d\ude00"})"),
            R"({"model":"a\"b"})");
  EXPECT_EQ(restored("a\"b\\", "m", R"({"model":"a\"b\\"})"), R"({"model":"m"})");
  EXPECT_EQ(restored("a\xf0\x9f\x98\x80", "m", R"({"model":"a\ud83d"})"), R"({"model":"a\ud83d"})");
  EXPECT_EQ(restored("a<b", "m", R"({"model":"a\u003cb"})"), R"({"model":"m"})");
}

TEST(ModelRestorer, HoldsBackOnlyAPossibleMatch) {
  ModelRestorer restorer("m2", "m");
  EXPECT_EQ(join(restorer.feed(R"({"a":1)")), R"({"a":1)");
  EXPECT_EQ(join(restorer.feed(R"(,"mo)")), ",");
  EXPECT_EQ(join(restorer.feed(R"(del)")), "");
  EXPECT_EQ(join(restorer.feed(R"(":"m2)")), "");
  EXPECT_EQ(join(restorer.feed(R"(","x)")), R"("model":"m","x)");
  EXPECT_EQ(join(restorer.feed(R"({"model":"other)")), R"({"model":"other)");
  EXPECT_EQ(join(restorer.feed(R"(","model": "m)")), R"(",)");
  EXPECT_EQ(join(restorer.finish()), R"("model": "m)");
}

TEST(RequestFormatsCheck, C01_SameModelIsNoRewrite) {
  const ParsedRequest request = parse_ok(*make_openai_parser(), "/v1/completions", R"({"model":"m","prompt":"x"})");
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.body, R"({"model":"m","prompt":"x"})");
}

TEST(RequestFormatsCheck, C03_MissingModelIsInserted) {
  EXPECT_EQ(spliced(R"({"prompt":"x"})", "h"), R"({"model":"h","prompt":"x"})");
  EXPECT_EQ(reserialise_with_model(R"({"prompt":"x"})", "h"), R"({"model":"h","prompt":"x"})");
}

TEST(RequestFormatsCheck, C04_SeedSurvivesOrIsRoundedAsUpstream) {
  const std::string_view body = R"({"prompt":"x","model":"m","seed":12345678901234567890})";
  EXPECT_EQ(spliced(body, "m2"), R"({"prompt":"x","model":"m2","seed":12345678901234567890})");
  EXPECT_EQ(reserialise_with_model(body, "m2"), R"({"model":"m2","prompt":"x","seed":12345678901234567000})");
}

TEST(RequestFormatsCheck, C29_ResponseNamesTheIncomingModel) {
  EXPECT_EQ(restored("m2", "m", R"({"model":"m2"})"), R"({"model":"m"})");
  EXPECT_EQ(restored("m2", "m", R"({"model": "m2"})"), R"({"model": "m"})");
  EXPECT_EQ(restored_at_once("m2", "m", R"({"model": "m2"})"), R"({"model": "m"})");
}

TEST(ExtprocCheck, C07_ModelIsRestoredInJsonAndEvents) {
  EXPECT_EQ(spliced(R"({"model":"m","prompt":"x"})", "t"), R"({"model":"t","prompt":"x"})");
  EXPECT_EQ(restored("t", "m", R"({"model":"t"})"), R"({"model":"m"})");
  EXPECT_EQ(restored("t", "m", "data: {\"model\":\"t\"}\n\n"), "data: {\"model\":\"m\"}\n\n");
  EXPECT_EQ(restored("t", "m", R"({"model": "t"})"), R"({"model": "m"})");
}

TEST(RequestFormatsCheck, C31_StreamOptionsAreNotTouched) {
  EXPECT_EQ(spliced(R"({"model":"m","stream":true,"prompt":"x"})", "m2"),
            R"({"model":"m2","stream":true,"prompt":"x"})");
}

}  // namespace
}  // namespace epp::request
