// Durations, quantities, sizes and YAML 1.1 scalars, each against a table of upstream's results.
#include "config/go_duration.h"
#include "config/quantity.h"
#include "config/yaml_scalar.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>

#include <gtest/gtest.h>

namespace epp::config {
namespace {

TEST(GoDuration, Table) {
  struct Case {
    const char* text;
    std::int64_t nanoseconds;
    const char* printed;
  };
  const Case cases[] = {{"1s", 1'000'000'000, "1s"},
                        {"1m30s", 90'000'000'000, "1m30s"},
                        {"0", 0, "0s"},
                        {"0s", 0, "0s"},
                        {"-1s", -1'000'000'000, "-1s"},
                        {"+1s", 1'000'000'000, "1s"},
                        {"1.5h", 5'400'000'000'000, "1h30m0s"},
                        {".5s", 500'000'000, "500ms"},
                        {"1.s", 1'000'000'000, "1s"},
                        {"1us", 1'000, "1\xC2\xB5s"},
                        {"1\xC2\xB5s", 1'000, "1\xC2\xB5s"},
                        {"1\xCE\xBCs", 1'000, "1\xC2\xB5s"},
                        {"1ns", 1, "1ns"},
                        {"2.5s", 2'500'000'000, "2.5s"},
                        {"1.0000000000000000000000001s", 1'000'000'000, "1s"}};
  for (const auto& c : cases) {
    const auto parsed = parse_duration(c.text);
    ASSERT_TRUE(std::holds_alternative<std::chrono::nanoseconds>(parsed)) << c.text;
    EXPECT_EQ(std::get<std::chrono::nanoseconds>(parsed).count(), c.nanoseconds) << c.text;
    EXPECT_EQ(format_duration(std::chrono::nanoseconds(c.nanoseconds)), c.printed);
  }
}

TEST(GoDuration, Refusals) {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {{"", "time: invalid duration \"\""},
                        {"x", "time: invalid duration \"x\""},
                        {"-", "time: invalid duration \"-\""},
                        {".s", "time: invalid duration \".s\""},
                        {"1", "time: missing unit in duration \"1\""},
                        {"1h1", "time: missing unit in duration \"1h1\""},
                        {"1x", "time: unknown unit \"x\" in duration \"1x\""},
                        {"1s ", "time: unknown unit \"s \" in duration \"1s \""},
                        {"1e3s", "time: unknown unit \"e\" in duration \"1e3s\""},
                        {"100000000h", "time: invalid duration \"100000000h\""},
                        {"99999999999999999999s", "time: invalid duration \"99999999999999999999s\""}};
  for (const auto& c : cases) {
    const auto parsed = parse_duration(c.text);
    ASSERT_TRUE(std::holds_alternative<DurationError>(parsed)) << c.text;
    EXPECT_EQ(std::get<DurationError>(parsed).text, c.error);
  }
}

TEST(GoDuration, Extremes) {
  const auto lowest = std::chrono::nanoseconds(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(std::get<std::chrono::nanoseconds>(parse_duration("-9223372036854775808ns")), lowest);
  EXPECT_TRUE(std::holds_alternative<DurationError>(parse_duration("9223372036854775808ns")));
  EXPECT_EQ(format_duration(lowest), "-2562047h47m16.854775808s");
}

TEST(KubernetesQuantity, Table) {
  struct Case {
    const char* text;
    std::int64_t value;
    bool exact;
  };
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const Case cases[] = {{"1", 1, true},
                        {"0", 0, true},
                        {"1.5", 2, false},
                        {"0.5", 1, false},
                        {"100m", 1, false},
                        {"1000m", 1, true},
                        {"1k", 1000, true},
                        {"1Ki", 1024, true},
                        {"1e3", 1000, true},
                        {"1E3", 1000, true},
                        {"1e+3", 1000, true},
                        {"1E", 1'000'000'000'000'000'000, true},
                        {"1Ei", 1'152'921'504'606'846'976, true},
                        {"10Ei", kMax, false},
                        {"-1", -1, true},
                        {"+1", 1, true},
                        {"1.", 1, true},
                        {".5", 1, false},
                        {"1n", 1, false},
                        {"1e-3", 1, false},
                        {"-0.5", -1, false},
                        {"9223372036854775807", kMax, true},
                        {"9223372036854775808", kMax, false},
                        {"1e40", kMax, false},
                        {"1e-40", 1, false},
                        {"1e999999999", kMax, false},
                        {"0e999999999", 0, true},
                        {"1e-999999999", 1, false},
                        {"1.5Gi", 1'610'612'736, true},
                        {"0.0000000000000000000000000000001", 1, false},
                        {"100000000000000000000000000000000000000000", kMax, false},
                        {"00000000000000000000000000000000000000001", 1, true},
                        {"1.00000000000000000000000000000000000000000", 1, true}};
  for (const auto& c : cases) {
    const auto parsed = parse_quantity(c.text);
    ASSERT_TRUE(std::holds_alternative<Quantity>(parsed)) << c.text;
    EXPECT_EQ(std::get<Quantity>(parsed).value, c.value) << c.text;
    EXPECT_EQ(std::get<Quantity>(parsed).exact, c.exact) << c.text;
  }
}

TEST(KubernetesQuantity, Refusals) {
  constexpr const char* kMalformed =
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  constexpr const char* kSuffix = "unable to parse quantity's suffix";
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {{"", kMalformed},     {"abc", kMalformed}, {"  1", kMalformed},   {"1KiB", kMalformed},
                        {"0x10", kMalformed}, {"1_0", kMalformed}, {"1.2.3", kMalformed}, {"1Mi ", kMalformed},
                        {"1K", kSuffix},      {"1e", kSuffix},     {"1m5", kSuffix},      {".", kMalformed}};
  for (const auto& c : cases) {
    const auto parsed = parse_quantity(c.text);
    ASSERT_TRUE(std::holds_alternative<QuantityError>(parsed)) << c.text;
    EXPECT_EQ(std::get<QuantityError>(parsed).text, c.error) << c.text;
  }
}

TEST(Sizes, Table) {
  struct Case {
    const char* text;
    std::int64_t bytes;
  };
  const Case cases[] = {{"10Mi", 10485760},     {"10MiB", 10485760},   {"20M", 20000000}, {"20MB", 20000000},
                        {"10485760", 10485760}, {" 1Gi ", 1073741824}, {"0", 0},          {"5b", 5}};
  for (const auto& c : cases) {
    const auto parsed = parse_size(c.text);
    ASSERT_TRUE(std::holds_alternative<std::int64_t>(parsed)) << c.text;
    EXPECT_EQ(std::get<std::int64_t>(parsed), c.bytes) << c.text;
  }
  for (const char* text : {"-1", "10Ei", "abc", "", "B", "0.5"}) {
    EXPECT_TRUE(std::holds_alternative<QuantityError>(parse_size(text))) << text;
  }
}

TEST(YamlScalar, KindsThatNoDocumentShows) {
  EXPECT_EQ(resolve_plain_scalar("0o17"), Scalar(std::int64_t{15}));
  EXPECT_EQ(resolve_plain_scalar("-9223372036854775809"), Scalar(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(resolve_plain_scalar("18446744073709551616"), Scalar(18446744073709551616.0));
  EXPECT_EQ(resolve_plain_scalar("1e-400"), Scalar(std::int64_t{0}));
  EXPECT_EQ(resolve_plain_scalar(".Inf"), Scalar(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(resolve_plain_scalar("1e20"), Scalar(1e20));
}

}  // namespace
}  // namespace epp::config
