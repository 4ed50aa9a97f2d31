#include "net/http_message.h"

#include <gtest/gtest.h>

namespace epp::net {
namespace {

TEST(Headers, NamesIgnoreCase) {
  Headers headers{{"Content-Type", "a"}, {"content-type", "b"}};
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
  EXPECT_TRUE(headers.contains("content-Type"));
  EXPECT_FALSE(headers.contains("Content"));
  headers.set("CONTENT-type", "c");
  EXPECT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers.get("content-type"), "c");
  headers.remove("content-type");
  EXPECT_FALSE(headers.contains("content-type"));
}

TEST(HttpRequest, SplitsTheTarget) {
  HttpRequest request;
  request.target = "/a/b?c=d?e";
  EXPECT_EQ(request.path(), "/a/b");
  EXPECT_EQ(request.query(), "c=d?e");
  request.target = "/a";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "");
}

TEST(HostPort, JoinsAndSplits) {
  EXPECT_EQ(join_host_port("10.0.0.1", "80"), "10.0.0.1:80");
  EXPECT_EQ(join_host_port("fd00::1", "80"), "[fd00::1]:80");
  ASSERT_TRUE(split_host_port("[fd00::1]:80"));
  EXPECT_EQ(split_host_port("[fd00::1]:80")->host, "fd00::1");
  EXPECT_EQ(split_host_port("name:65535")->port, "65535");
  for (const char* bad : {"", "name", ":80", "name:", "name:0", "name:65536", "name:8a", "fd00::1:80", "[fd00::1:80",
                          "fd00::1]:80", "name:-1", "[]:80"}) {
    EXPECT_FALSE(split_host_port(bad)) << bad;
  }
}

TEST(EscapePath, LeavesPathCharactersOnly) {
  EXPECT_EQ(escape_path("/metrics"), "/metrics");
  EXPECT_EQ(escape_path("/a b?c#d%\xc3\xa9"), "/a%20b%3Fc%23d%25%C3%A9");
}

TEST(EscapeQuery, LeavesUnreservedCharactersOnly) {
  EXPECT_EQ(escape_query("app=m,env in (a b)"), "app%3Dm%2Cenv%20in%20%28a%20b%29");
  EXPECT_EQ(escape_query("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(escape_query("\xc3\xa9%+&"), "%C3%A9%25%2B%26");
}

}  // namespace
}  // namespace epp::net
