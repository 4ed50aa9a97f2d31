#include "scrape/prometheus_text.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

struct Read {
  std::vector<std::string> samples;  // "name{labels} value @timestamp"
  std::string error;
  std::size_t bad_lines = 0;
};

std::string show(const Sample& sample) {
  std::string text(sample.name);
  if (!sample.labels.empty()) text.append("{").append(sample.labels).append("}");
  text.append(" ").append(std::to_string(sample.value));
  if (sample.has_timestamp) text.append(" @").append(std::to_string(sample.timestamp_ms));
  return text;
}

Read read(std::string_view page, ParseMode mode = ParseMode::kStrict, const FamilySelection* wanted = nullptr) {
  static PrometheusReader reader;  // used again, as the scraper does
  Read result;
  reader.start(page, wanted, mode);
  while (const Sample* sample = reader.next())
    result.samples.push_back(show(*sample));
  if (reader.error()) result.error = reader.error()->text();
  result.bad_lines = reader.bad_lines();
  return result;
}

using Texts = std::vector<std::string>;

TEST(PrometheusText, ReadsSamples) {
  const auto page = read(
      "# HELP q Waiting.\n"
      "# TYPE q gauge\n"
      "q 3\n"
      "\n"
      "  # just words\n"
      "q{engine=\"0\",m=\"a b\"} 4.5 1700000000000\n"
      "\tq { engine = \"1\" , } -0.25e1  -12\n"
      "# EOF\n");
  EXPECT_EQ(page.error, "");
  EXPECT_EQ(page.samples, (Texts{"q 3.000000", "q{engine=\"0\",m=\"a b\"} 4.500000 @1700000000000",
                                 "q{ engine = \"1\" , } -2.500000 @-12"}));
}

TEST(PrometheusText, ReportsWantedFamiliesWithTheirType) {
  FamilySelection wanted;
  EXPECT_EQ(wanted.add("g"), 0u);
  EXPECT_EQ(wanted.add("h"), 1u);
  EXPECT_EQ(wanted.add("g"), 0u);
  EXPECT_EQ(wanted.add("h_count"), 2u);
  PrometheusReader reader;
  reader.start(
      "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"
      "# TYPE g gauge\ng 1\n# TYPE c counter\nc 5\nplain 1\ng{a=\"b\"} 2\n",
      &wanted);
  std::vector<std::pair<std::uint32_t, FamilyType>> seen;
  while (const Sample* sample = reader.next())
    seen.emplace_back(sample->family, sample->type);
  ASSERT_FALSE(reader.error());
  using enum FamilyType;
  EXPECT_EQ(seen, (std::vector<std::pair<std::uint32_t, FamilyType>>{
                      {1, kHistogram}, {1, kHistogram}, {1, kHistogram}, {1, kHistogram}, {0, kGauge}, {0, kGauge}}));
}

TEST(PrometheusText, AFamilyWithoutTypeIsUntyped) {
  PrometheusReader reader;
  reader.start("x_count 1\n", nullptr);
  const Sample* sample = reader.next();
  ASSERT_NE(sample, nullptr);
  EXPECT_EQ(sample->type, FamilyType::kUntyped);
}

TEST(PrometheusText, ReadsEveryNumber) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(parse_float("1"), 1.0);
  EXPECT_EQ(parse_float("+1.5"), 1.5);
  EXPECT_EQ(parse_float(".5"), 0.5);
  EXPECT_EQ(parse_float("5."), 5.0);
  EXPECT_EQ(parse_float("1e3"), 1000.0);
  EXPECT_EQ(parse_float("-1E-2"), -0.01);
  EXPECT_EQ(parse_float("+Inf"), infinity);
  EXPECT_EQ(parse_float("-inf"), -infinity);
  EXPECT_EQ(parse_float("infinity"), infinity);
  EXPECT_TRUE(std::isnan(parse_float("NaN").value_or(0)));
  EXPECT_EQ(parse_float("1e-999"), 0.0);
  for (const char* none : {"", "+", "-", "1e999", "0x10", "0x1p-2", "1_000", "abc", "+nan", "1e", "--1", "+-1", "1 "}) {
    EXPECT_EQ(parse_float(none), std::nullopt) << none;
  }
}

TEST(PrometheusText, PlainDecimalsAreExact) {
  for (const char* text : {"0.1", "123456789012345", "0.30000000000000004", "9007199254740993",
                           "1.7976931348623157e308", "123456.789", "-0.0", "0.000001", "99999999999999999999"}) {
    PrometheusReader reader;
    const std::string page = "x " + std::string(text) + "\n";
    reader.start(page, nullptr);
    const Sample* sample = reader.next();
    ASSERT_NE(sample, nullptr) << text;
    EXPECT_EQ(sample->value, std::strtod(text, nullptr)) << text;
  }
}

struct BadPage {
  const char* page;
  const char* error;
};

TEST(PrometheusText, OneBadLineFailsThePage) {
  const BadPage cases[] = {
      {"a 1\nb 2", "line 2: unexpected end of input stream"},
      {"a 1\nb", "line 2: unexpected end of input stream"},
      {"a{x=\"1\"", "line 1: unexpected end of input stream"},
      {"a{x=\"1", "line 1: unexpected end of input stream"},
      {"# EOF", "line 1: unexpected end of input stream"},
      {"# TYPE x unknown\n", "line 1: unknown metric type \"unknown\""},
      {"# TYPE x info\n", "line 1: unknown metric type \"info\""},
      {"# TYPE x stateset\n", "line 1: unknown metric type \"stateset\""},
      {"# TYPE x gauge\n# TYPE x gauge\n",
       "line 2: second TYPE line for metric name \"x\", or TYPE reported after samples"},
      {"x 1\n# TYPE x gauge\n", "line 2: second TYPE line for metric name \"x\", or TYPE reported after samples"},
      {"# HELP x a\n# HELP x b\n", "line 2: second HELP line for metric name \"x\""},
      {"# HELP x \\d\n", "line 1: invalid escape sequence in HELP text"},
      {"# TYPE 0x gauge\n", "line 1: invalid metric name in comment"},
      {"x{a=\"1\",a=\"2\"} 1\n", "line 1: duplicate label name \"a\" in one sample"},
      {"x{a=\"1\",b=\"2\"} 1\nx{a=\"1\",a=\"2\"} 1\n", "line 2: duplicate label name \"a\" in one sample"},
      {"x{a=\"1\",b=\"2\"} 1\nx{a=\"1\"} 1\nx{a=\"1\",b=\"2\",a=\"3\"} 1\n",
       "line 3: duplicate label name \"a\" in one sample"},
      {"x{a=\"\\t\"} 1\n", "line 1: invalid escape sequence in a label value"},
      {"x{a=1} 1\n", "line 1: expected '\"' at start of the value of label \"a\""},
      {"x{a} 1\n", "line 1: expected '=' after label name \"a\""},
      {"x{,} 1\n", "line 1: invalid label name"},
      {"x{a=\"1\",,} 1\n", "line 1: invalid label name"},
      {"x{a=\"1\" b=\"2\"} 1\n", "line 1: unexpected end of label value"},
      {"x{__name__=\"y\"} 1\n", "line 1: label name \"__name__\" is reserved"},
      {"x{a=\"1\n\"} 1\n", "line 1: label value contains unescaped new-line"},
      {"x{a=\"\xff\"} 1\n", "line 1: invalid UTF-8 in a label value"},
      {"x{a=\"\xed\xa0\x80\"} 1\n", "line 1: invalid UTF-8 in a label value"},
      {"x abc\n", "line 1: expected float as value, got \"abc\""},
      {"x \n", "line 1: expected float as value, got \"\""},
      {"x 1\r\n", "line 1: expected float as value, got \"1\r\""},
      {"x-y 1\n", "line 1: expected float as value, got \"-y\""},
      {"x 1 1.5\n", "line 1: expected integer as timestamp, got \"1.5\""},
      {"x 1 12 \n", "line 1: spurious string after timestamp"},
      {"x 1 # {trace_id=\"a\"} 1\n", "line 1: expected integer as timestamp, got \"#\""},
      {"x 1 99999999999999999999\n", "line 1: expected integer as timestamp, got \"99999999999999999999\""},
      {"# TYPE h histogram\nh_bucket{le=\"x\"} 1\n", "line 2: expected float as value for 'le' label, got \"x\""},
      {"# TYPE s summary\ns{quantile=\"\"} 1\n", "line 2: expected float as value for 'quantile' label, got \"\""},
      {"{a=\"1\"} 1\n", "line 1: invalid metric name"},
      {"0x 1\n", "line 1: invalid metric name"},
  };
  for (const auto& [page, error] : cases)
    EXPECT_EQ(read(page).error, error) << page;
}

TEST(PrometheusText, WhatLooksOddButIsAccepted) {
  for (const char* page : {"",
                           "\n\n",
                           "   \n",
                           "#\n",
                           "# \n",
                           "# TYPE\n",
                           "# TYPE x\n",
                           "# TYPE x \n",
                           "# HELP x\n",
                           "# TYPE x gauge\n",
                           "# TYPE x GAUGE\n",
                           "x{} 1\n",
                           "x{a=\"\"} 1\n",
                           "x{a=\"\\\\\\\"\\n\"} 1\n",
                           "x{a=\"b\"}1\n",
                           "x NaN\n",
                           "x +Inf 5\n",
                           "x 1 \n",
                           "# HELP x \\\\ \\n\n",
                           "x{a=\"\xc3\xa9\"} 1\n",
                           "a:b 1\n",
                           "x{le=\"no number\"} 1\n",
                           "x 1\ny 2\nx 3\n",
                           "x 1\n# HELP x late\n",
                           "# EOF\n"}) {
    EXPECT_EQ(read(page).error, "") << page;
  }
}

TEST(PrometheusText, WantedOrNotEveryLineIsChecked) {
  FamilySelection wanted;
  wanted.add("a");
  EXPECT_EQ(read("a 1\nb{x=y} 2\n", ParseMode::kStrict, &wanted).error,
            "line 2: expected '\"' at start of the value of label \"x\"");
}

TEST(PrometheusText, ManyFamilies) {
  std::string page;
  FamilySelection wanted;
  wanted.add("f1999");
  wanted.add("f7");
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "f" + std::to_string(i);
    page += "# TYPE " + name + " gauge\n" + name + "{a=\"1\"} " + std::to_string(i) + "\n";
    if (i > 0) page += "f" + std::to_string(i - 1) + "{a=\"2\"} 1\n";
  }
  EXPECT_EQ(read(page, ParseMode::kStrict, &wanted).samples,
            (Texts{"f7{a=\"1\"} 7.000000", "f7{a=\"2\"} 1.000000", "f1999{a=\"1\"} 1999.000000"}));
  page += "# TYPE f3 gauge\n";
  EXPECT_NE(read(page).error, "");
}

TEST(PrometheusText, TooManyLabels) {
  std::string page = "x{";
  for (std::size_t i = 0; i <= PrometheusReader::kMaxLabels; ++i)
    page += "l" + std::to_string(i) + "=\"\",";
  page += "} 1\n";
  EXPECT_EQ(read(page).error, "line 1: too many labels");
}

TEST(DatalayerWeakSpot, W02_TolerantModeSkipsBadLinesAndReadsOpenMetrics) {
  const auto page = read(
      "# TYPE q unknown\n"
      "q 3\n"
      "q abc\n"
      "# TYPE c counter\n"
      "c_total 5 1700000000.5 # {trace_id=\"a\"} 1\n"
      "c_total{x=\"1\"} 6 # {trace_id=\"a\"} 1\n"
      "# EOF\n"
      "last 9",
      ParseMode::kTolerant);
  EXPECT_EQ(page.error, "");
  EXPECT_EQ(page.bad_lines, 1u);
  EXPECT_EQ(page.samples,
            (Texts{"q 3.000000", "c_total 5.000000 @1700000000500", "c_total{x=\"1\"} 6.000000", "last 9.000000"}));
  PrometheusReader reader;
  reader.start("# TYPE c counter\nc_total 5\n", nullptr, ParseMode::kTolerant);
  ASSERT_NE(reader.next(), nullptr);
  reader.start("# TYPE c counter\nc_total 5\n", nullptr, ParseMode::kTolerant);
  EXPECT_EQ(reader.next()->type, FamilyType::kCounter);
}

TEST(LabelCursor, WalksAndUnescapes) {
  LabelCursor cursor(" a = \"1\" ,b=\"x\\\"y\\\\\\n\",");
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.name(), "a");
  EXPECT_EQ(cursor.raw_value(), "1");
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.name(), "b");
  EXPECT_EQ(unescape_label_value(cursor.raw_value()), "x\"y\\\n");
  EXPECT_TRUE(label_value_is(cursor.raw_value(), "x\"y\\\n"));
  EXPECT_FALSE(label_value_is(cursor.raw_value(), "x"));
  EXPECT_FALSE(cursor.next());
  EXPECT_EQ(find_label("a=\"1\",b=\"2\"", "b"), "2");
  EXPECT_EQ(find_label("a=\"1\",b=\"2\"", "c"), std::nullopt);
  EXPECT_EQ(find_label("", "c"), std::nullopt);
}

}  // namespace
}  // namespace epp::scrape
