#include "discovery/pool_file.h"

#include "discovery/endpoint_entry.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

using objectives::Objective;

PoolFile content(const std::string& text) {
  auto parsed = parse_pool_file(text);
  if (const auto* error = std::get_if<FileError>(&parsed)) {
    ADD_FAILURE() << error->text;
    return {};
  }
  return std::get<PoolFile>(std::move(parsed));
}

std::vector<FileEntry> entries(const std::string& text) {
  return content(text).endpoints;
}

std::string file_error(const std::string& text) {
  const auto parsed = parse_pool_file(text);
  return std::holds_alternative<FileError>(parsed) ? std::get<FileError>(parsed).text : "accepted";
}

std::vector<Objective> objectives_of(const std::string& text) {
  const auto file = content(text);
  if (const auto* error = std::get_if<FileError>(&file.objectives)) {
    ADD_FAILURE() << error->text;
    return {};
  }
  return std::get<std::vector<Objective>>(file.objectives);
}

std::string objectives_error(const std::string& text) {
  const auto file = content(text);
  const auto* error = std::get_if<FileError>(&file.objectives);
  return error != nullptr ? error->text : "accepted";
}

std::string entry_error(const std::string& address, const std::string& port, Addresses allowed = Addresses::kIpv4) {
  FileEntry entry;
  entry.name = "a";
  entry.address = address;
  entry.port = port;
  const auto spec = to_endpoint(entry, allowed);
  return std::holds_alternative<FileError>(spec) ? std::get<FileError>(spec).text : "accepted";
}

TEST(PoolFileTest, ReadsYaml) {
  const auto all = entries(
      "endpoints:\n"
      "  - name: vllm-0\n"
      "    address: 10.0.0.1\n"
      "    port: \"8000\"\n"
      "    labels: {engine: vllm, 'zone': 'a'}\n"
      "    future: {ignored: [1, 2]}\n"
      "  - {namespace: prod, name: \"b\", address: 10.0.0.2, port: '8001'}\n"
      "ignored: 5\n");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name_space, "default");
  EXPECT_EQ(all[0].labels, (std::vector<std::pair<std::string, std::string>>{{"engine", "vllm"}, {"zone", "a"}}));
  EXPECT_EQ(all[1].name_space, "prod");
  EXPECT_EQ(all[1].port, "8001");
}

TEST(PoolFileTest, ReadsJson) {
  const auto all = entries(R"({"endpoints":[{"name":"a","address":"10.0.0.1","port":"8000","labels":{"x":"1"}}]})");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].address, "10.0.0.1");
  EXPECT_EQ(all[0].labels[0].second, "1");
}

TEST(PoolFileTest, AnEmptyFileHasNoEndpoints) {
  EXPECT_TRUE(entries("").empty());
  EXPECT_TRUE(entries("# nothing\n").empty());
  EXPECT_TRUE(entries("endpoints:\n").empty());
  EXPECT_TRUE(entries("endpoints: []\n").empty());
  EXPECT_TRUE(entries("other: 1\n").empty());
}

TEST(PoolFileTest, ValuesOfAnotherTypeSpoilTheFile) {
  EXPECT_NE(file_error("endpoints: [{name: a, address: 10.0.0.1, port: 8000}]")
                .find("cannot unmarshal number into field port"),
            std::string::npos);
  EXPECT_NE(file_error(R"({"endpoints":[{"port":8000}]})"), "accepted");
  EXPECT_NE(file_error("endpoints: [{labels: {a: 1}}]"), "accepted");
  EXPECT_NE(file_error("endpoints: [{labels: {a: yes}}]"), "accepted");
  EXPECT_NE(file_error("endpoints: [{labels: [a]}]"), "accepted");
  EXPECT_NE(file_error("endpoints: [{name: [a]}]"), "accepted");
  EXPECT_NE(file_error("endpoints: [a]"), "accepted");
  EXPECT_NE(file_error("endpoints: {a: b}"), "accepted");
  EXPECT_NE(file_error("[1]"), "accepted");
  EXPECT_NE(file_error("endpoints: [\n"), "accepted");
  EXPECT_NE(file_error("just text"), "accepted");
  EXPECT_EQ(file_error(std::string(kMaxFileBytes + 1, ' ')), "file is larger than 1 MiB");
}

TEST(PoolFileTest, AliasesCannotBlowUp) {
  std::string bomb = "x: &labels {";
  for (int i = 0; i < 3000; ++i)
    bomb += "k" + std::to_string(i) + ": \"v\", ";
  bomb += "}\nendpoints:\n";
  for (int i = 0; i < 3000; ++i)
    bomb += "  - {labels: *labels}\n";
  EXPECT_EQ(file_error(bomb), "too many labels");
}

TEST(PoolFileTest, ReadsObjectives) {
  const std::vector<Objective> expected{{"chat", {10, 2.5}}, {"batch", {-1, 1}}, {"plain", {0, 1}}};
  EXPECT_EQ(objectives_of("objectives:\n"
                          "  - {name: chat, priority: 10, weight: 2.5}\n"
                          "  - {Name: \"batch\", PRIORITY: -1}\n"
                          "  - name: plain\n"
                          "    priority: ~\n"
                          "    weight:\n"),
            expected);
  EXPECT_EQ(objectives_of(R"({"objectives":[{"name":"chat","priority":10,"weight":2.5},
                              {"name":"batch","priority":-1},{"name":"plain"}]})"),
            expected);
  EXPECT_EQ(objectives_of("objectives: [{name: a, priority: -2147483648}, {name: b, priority: 2147483647}]"),
            (std::vector<Objective>{{"a", {INT32_MIN, 1}}, {"b", {INT32_MAX, 1}}}));
  for (const char* none : {"", "endpoints: []", "objectives:\n", "objectives: []"})
    EXPECT_TRUE(objectives_of(none).empty()) << none;
}

TEST(PoolFileTest, ErrorsOfObjectivesNameTheFieldAndWhatWasExpected) {
  const std::string good = "objectives:\n- {name: a}\n- ";
  EXPECT_EQ(objectives_error("objectives: {a: b}"), "line 1: field objectives: expected a list");
  EXPECT_EQ(objectives_error(good + "chat"), "line 3: field objectives[1]: expected a map with the field name");
  EXPECT_EQ(objectives_error(good + "{priority: 1}"),
            "line 3: field objectives[1].name: expected a text that is not empty");
  EXPECT_EQ(objectives_error(good + "{name: \"\"}"),
            "line 3: field objectives[1].name: expected a text that is not empty");
  EXPECT_EQ(objectives_error(good + "{name: a}"),
            "line 3: field objectives[1].name: expected a name that no other objective has, got \"a\" again");
  EXPECT_EQ(objectives_error(good + "{name: b, priorty: 1}"),
            "line 3: field objectives[1].priorty is unknown: expected name, priority or weight");
  for (const char* bad : {"high", "1.5", "\"1\"", "yes", "2147483648", "-2147483649", "18446744073709551615"}) {
    const std::string shown = bad[0] == '"' ? bad : "\"" + std::string(bad) + "\"";
    EXPECT_EQ(objectives_error(good + "{name: b, priority: " + bad + "}"),
              "line 3: field objectives[1].priority: expected an integer from -2147483648 to 2147483647, got " + shown);
  }
  EXPECT_EQ(objectives_error(good + "{name: b, priority: [1]}"),
            "line 3: field objectives[1].priority: expected an integer from -2147483648 to 2147483647, got a list");
  for (const char* bad : {"0", "-1", "0.0", ".nan", ".inf", "1e999", "heavy", "true"}) {
    EXPECT_EQ(objectives_error(good + "{name: b, weight: " + bad + "}"),
              "line 3: field objectives[1].weight: expected a number above 0, got \"" + std::string(bad) + "\"");
  }
  EXPECT_NE(objectives_error(good + "{name: 5}"), "accepted");
}

TEST(PoolFileTest, ASlipInTheObjectivesLeavesTheEndpointsUsable) {
  EXPECT_EQ(entries("endpoints: [{name: a}]\nobjectives: [{name: a, priority: x}]").size(), 1u);
}

TEST(PoolFileTest, AddressesAreIpv4) {
  EXPECT_EQ(entry_error("10.0.0.1", "8000"), "accepted");
  EXPECT_EQ(entry_error("::ffff:10.0.0.1", "8000"), "accepted");
  EXPECT_EQ(entry_error("not-an-ip", "8000"), "endpoint \"default/a\": invalid address \"not-an-ip\"");
  for (const char* bad : {"", "::1", "fd00::1", "10.0.0", "10.0.0.256", "localhost", "10.0.0.1:80", " 10.0.0.1"}) {
    EXPECT_NE(entry_error(bad, "8000"), "accepted") << bad;
  }
}

TEST(PoolFileTest, PortsAreDecimal) {
  for (const char* good : {"1", "8000", "65535"})
    EXPECT_EQ(entry_error("10.0.0.1", good), "accepted");
  for (const char* bad : {"", "0", "65536", "-1", "+80", "80a", "0x50", "99999999999"}) {
    EXPECT_NE(entry_error("10.0.0.1", bad), "accepted") << bad;
  }
}

TEST(PoolFileTest, DescribesTheEndpoint) {
  FileEntry entry;
  entry.name = "vllm-0";
  entry.address = "::ffff:10.0.0.1";
  entry.port = "8000";
  const auto spec = std::get<endpoints::EndpointSpec>(to_endpoint(entry, Addresses::kIpv4));
  EXPECT_EQ(spec.id(), "default/vllm-0");
  EXPECT_EQ(spec.workload, "vllm-0");
  EXPECT_EQ(spec.address, "10.0.0.1");
  EXPECT_EQ(spec.rank, 0u);
  EXPECT_EQ(spec.node_address, "");
}

TEST(PoolFileTest, OtherClustersMayHaveNamesAndMetricsElsewhere) {
  for (const char* good : {"cluster-1.example.com", "fd00::1", "10.0.0.1", "a"}) {
    EXPECT_EQ(entry_error(good, "443", Addresses::kIpOrDnsName), "accepted") << good;
  }
  for (const char* bad : {"", "Upper.example", "-a.b", "a-.b", "a..b", "a_b"}) {
    EXPECT_NE(entry_error(bad, "443", Addresses::kIpOrDnsName), "accepted") << bad;
  }
  FileEntry entry;
  entry.address = "cluster-1.example.com";
  entry.port = "443";
  entry.labels = {{"metricsAddress", "metrics.example.com"}, {"metricsPort", "9090"}};
  EXPECT_EQ(std::get<endpoints::EndpointSpec>(to_endpoint(entry, Addresses::kIpOrDnsName)).metrics_host,
            "metrics.example.com:9090");
  entry.labels.pop_back();
  EXPECT_EQ(std::get<endpoints::EndpointSpec>(to_endpoint(entry, Addresses::kIpOrDnsName)).metrics_host,
            "metrics.example.com:443");
}

}  // namespace
}  // namespace epp::discovery
