#include "discovery/endpoints_file.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

std::vector<FileEntry> entries(const std::string& text) {
  auto parsed = parse_endpoints_file(text);
  if (const auto* error = std::get_if<FileError>(&parsed)) ADD_FAILURE() << error->text;
  return std::holds_alternative<FileError>(parsed) ? std::vector<FileEntry>{}
                                                   : std::get<std::vector<FileEntry>>(std::move(parsed));
}

std::string file_error(const std::string& text) {
  const auto parsed = parse_endpoints_file(text);
  return std::holds_alternative<FileError>(parsed) ? std::get<FileError>(parsed).text : "accepted";
}

std::string entry_error(const std::string& address, const std::string& port, Addresses allowed = Addresses::kIpv4) {
  FileEntry entry;
  entry.name = "a";
  entry.address = address;
  entry.port = port;
  const auto spec = to_endpoint(entry, allowed);
  return std::holds_alternative<FileError>(spec) ? std::get<FileError>(spec).text : "accepted";
}

TEST(EndpointsFile, ReadsYaml) {
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

TEST(EndpointsFile, ReadsJson) {
  const auto all = entries(R"({"endpoints":[{"name":"a","address":"10.0.0.1","port":"8000","labels":{"x":"1"}}]})");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].address, "10.0.0.1");
  EXPECT_EQ(all[0].labels[0].second, "1");
}

TEST(EndpointsFile, AnEmptyFileHasNoEndpoints) {
  EXPECT_TRUE(entries("").empty());
  EXPECT_TRUE(entries("# nothing\n").empty());
  EXPECT_TRUE(entries("endpoints:\n").empty());
  EXPECT_TRUE(entries("endpoints: []\n").empty());
  EXPECT_TRUE(entries("other: 1\n").empty());
}

TEST(EndpointsFile, ValuesOfAnotherTypeSpoilTheFile) {
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

TEST(EndpointsFile, AliasesCannotBlowUp) {
  std::string bomb = "x: &labels {";
  for (int i = 0; i < 3000; ++i)
    bomb += "k" + std::to_string(i) + ": \"v\", ";
  bomb += "}\nendpoints:\n";
  for (int i = 0; i < 3000; ++i)
    bomb += "  - {labels: *labels}\n";
  EXPECT_EQ(file_error(bomb), "too many labels");
}

TEST(EndpointsFile, AddressesAreIpv4) {
  EXPECT_EQ(entry_error("10.0.0.1", "8000"), "accepted");
  EXPECT_EQ(entry_error("::ffff:10.0.0.1", "8000"), "accepted");
  EXPECT_EQ(entry_error("not-an-ip", "8000"), "endpoint \"default/a\": invalid address \"not-an-ip\"");
  for (const char* bad : {"", "::1", "fd00::1", "10.0.0", "10.0.0.256", "localhost", "10.0.0.1:80", " 10.0.0.1"}) {
    EXPECT_NE(entry_error(bad, "8000"), "accepted") << bad;
  }
}

TEST(EndpointsFile, PortsAreDecimal) {
  for (const char* good : {"1", "8000", "65535"})
    EXPECT_EQ(entry_error("10.0.0.1", good), "accepted");
  for (const char* bad : {"", "0", "65536", "-1", "+80", "80a", "0x50", "99999999999"}) {
    EXPECT_NE(entry_error("10.0.0.1", bad), "accepted") << bad;
  }
}

TEST(EndpointsFile, DescribesTheEndpoint) {
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

TEST(EndpointsFile, OtherClustersMayHaveNamesAndMetricsElsewhere) {
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
