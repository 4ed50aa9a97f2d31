#include "scrape/metric_spec.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

MetricSpec good(const std::string& text) {
  auto parsed = parse_metric_spec(text);
  if (const auto* error = std::get_if<SpecError>(&parsed)) ADD_FAILURE() << error->text;
  return std::holds_alternative<MetricSpec>(parsed) ? std::get<MetricSpec>(parsed) : MetricSpec{};
}

TEST(MetricSpec, ReadsEveryForm) {
  EXPECT_EQ(good("vllm:queue"), (MetricSpec{"vllm:queue", {}}));
  EXPECT_EQ(good("  q  "), (MetricSpec{"q", {}}));
  EXPECT_EQ(good("q{}"), (MetricSpec{"q", {}}));
  EXPECT_EQ(good("q { }"), (MetricSpec{"q", {}}));
  EXPECT_EQ(good("q{a=b}"), (MetricSpec{"q", {{"a", "b"}}}));
  EXPECT_EQ(good("q{a=b,label2=\"v2\"}"), (MetricSpec{"q", {{"a", "b"}, {"label2", "v2"}}}));
  EXPECT_EQ(good("q { a = b , c = \"d e\" }"), (MetricSpec{"q", {{"a", "b"}, {"c", "d e"}}}));
  EXPECT_EQ(good("q{a=\"\"}"), (MetricSpec{"q", {{"a", ""}}}));
  EXPECT_EQ(good("q{a=\"x=y\"}"), (MetricSpec{"q", {{"a", "x=y"}}}));
}

TEST(MetricSpec, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "missing metric name"},
      {"{a=b}", "missing metric name"},
      {"0q", "illegal metric name"},
      {"q-r", "illegal metric name"},
      {"q}", "illegal metric name"},
      {"q{a=b", "missing closing brace"},
      {"q{a=b}x", "text after the closing brace"},
      {"q{a=b}}", "text after the closing brace"},
      {"q{a}", "has no '='"},
      {"q{a=}", "has an empty value"},
      {"q{=b}", "empty label name"},
      {"q{0a=b}", "illegal label name"},
      {"q{a:b=c}", "illegal label name"},
      {"q{a=b,}", "trailing comma"},
      {"q{,}", "has no '='"},
      {"q{a=\"b}", "unclosed quote"},
      {"q{a=b\"c}", "a quote inside"},
      {"q{a=\"b,c\"}", "unclosed quote"},
  };
  for (const auto& [text, what] : cases) {
    const auto parsed = parse_metric_spec(text);
    ASSERT_TRUE(std::holds_alternative<SpecError>(parsed)) << text;
    EXPECT_NE(std::get<SpecError>(parsed).text.find(what), std::string::npos) << std::get<SpecError>(parsed).text;
  }
}

TEST(MetricSpec, MatchesSamplesThatCarryAllItsLabels) {
  const MetricSpec spec = good("q{a=1,b=\"\"}");
  EXPECT_TRUE(spec.matches("b=\"\",c=\"3\",a=\"1\""));
  EXPECT_FALSE(spec.matches("a=\"1\""));
  EXPECT_FALSE(spec.matches("a=\"2\",b=\"\""));
  EXPECT_TRUE(good("q").matches(""));
  EXPECT_EQ(spec.text(), "q{a=\"1\",b=\"\"}");
}

}  // namespace
}  // namespace epp::scrape
