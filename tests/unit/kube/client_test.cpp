#include "kube/client.h"

#include "net/http_server.h"
#include "net/io_pool.h"
#include "unit/kube/fake_api.h"
#include "unit/net/certificates.h"
#include "unit/net/events.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::kube {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeApi;
using ::testing::HasSubstr;
using ::testing::Not;
using Reply = FakeApi::Reply;
using Clock = std::chrono::steady_clock;

const char* const kForbidden =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods is forbidden","reason":"Forbidden","code":403})";

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "epp-client-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
  }
  void TearDown() override { fs::remove_all(root); }

  std::string path(const std::string& name) const { return (root / name).string(); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

  static ClusterConfig at(std::uint16_t port) {
    ClusterConfig config;
    config.server = {false, "127.0.0.1", std::to_string(port)};
    config.origin_text = "test";
    return config;
  }
  ClusterConfig config() const { return at(api.port()); }

  static ApiRequest to(std::string target) {
    ApiRequest request;
    request.path = std::move(target);
    return request;
  }
  static ApiResult send(Client& client, ApiRequest request) {
    std::promise<ApiResult> done;
    client.send(std::move(request), [&](ApiResult result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  static ApiResult get(Client& client, std::string target = "/api/v1/pods") {
    return send(client, to(std::move(target)));
  }

  fs::path root;
  std::function<Reply(const FakeApi::Request&)> answer = [](const auto&) { return Reply{.body = "{}"}; };
  FakeApi api{[this](const FakeApi::Request& request) { return answer(request); }};
  net::IoPool pool{2};
};

TEST_F(ClientTest, SendsWhoWeAreAndWhatWeWant) {
  ClusterConfig cluster = config();
  cluster.base_path = "/k8s/c1";
  cluster.token = "t-1";
  cluster.impersonation = {{"Impersonate-User", "joe"}, {"Impersonate-Group", "a"}};
  Client client(pool, cluster);
  ApiRequest request;
  request.method = "POST";
  request.path = "/api/v1/pods";
  request.query = "dryRun=All";
  request.body = R"({"a":1})";
  const ApiResult result = send(client, request);
  EXPECT_TRUE(result.ok()) << result.describe();
  EXPECT_EQ(result.body, "{}");
  const auto seen = api.requests.next();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->method(), "POST");
  EXPECT_EQ(seen->target(), "/k8s/c1/api/v1/pods?dryRun=All");
  EXPECT_EQ(seen->body, R"({"a":1})");
  EXPECT_EQ(seen->header("Authorization"), "Bearer t-1");
  EXPECT_EQ(seen->header("Accept"), "application/json");
  EXPECT_EQ(seen->header("Content-Type"), "application/json");
  EXPECT_EQ(seen->header("User-Agent"), "epp-host");
  EXPECT_EQ(seen->header("Impersonate-User"), "joe");
  EXPECT_EQ(seen->header("Impersonate-Group"), "a");
}

TEST_F(ClientTest, KnowsBasicAuthentication) {
  ClusterConfig cluster = config();
  cluster.username = "joe";
  cluster.password = "p:w";
  Client client(pool, cluster);
  EXPECT_TRUE(get(client).ok());
  EXPECT_EQ(api.requests.next()->header("Authorization"), "Basic am9lOnA6dw==");
}

TEST_F(ClientTest, ReadsWhatAStatusSays) {
  answer = [](const auto&) { return Reply{.status = 403, .body = kForbidden}; };
  ClusterConfig cluster = config();
  cluster.token = "s3cret";
  Client client(pool, cluster);
  const ApiResult result = get(client);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status, 403u);
  EXPECT_EQ(result.reason, "Forbidden");
  EXPECT_EQ(result.text, "pods is forbidden");
  EXPECT_EQ(result.describe(), "GET /api/v1/pods: 403 Forbidden: pods is forbidden");
  answer = [](const auto&) { return Reply{.status = 502, .body = "<html>bad gateway"}; };
  EXPECT_EQ(get(client).describe(), "GET /api/v1/pods: 502");
}

TEST_F(ClientTest, SaysWhyThereIsNoAnswer) {
  std::optional<FakeApi> gone(std::in_place, [](const auto&) { return Reply{}; });
  const std::uint16_t port = gone->port();
  gone.reset();
  Client client(pool, at(port));
  const ApiResult result = get(client);
  EXPECT_EQ(result.error, net::NetError::kConnect);
  EXPECT_EQ(result.status, 0u);
  EXPECT_THAT(result.describe(), HasSubstr("GET /api/v1/pods: connect 127.0.0.1:"));
}

TEST_F(ClientTest, C17_ReadsTheTokenAgainAsItAges) {
  write("token", "one");
  ClusterConfig cluster = config();
  cluster.token_file = path("token");
  cluster.token = "the file wins";
  ClientOptions options;
  options.token_max_age = milliseconds(0);
  Client client(pool, cluster, options);
  EXPECT_TRUE(get(client).ok());
  EXPECT_EQ(api.requests.next()->header("Authorization"), "Bearer one");
  write("token", "two\n");
  EXPECT_TRUE(get(client).ok());
  EXPECT_EQ(api.requests.next()->header("Authorization"), "Bearer two");
  fs::remove(path("token"));
  EXPECT_TRUE(get(client).ok());
  EXPECT_EQ(api.requests.next()->header("Authorization"), "Bearer two");
}

TEST_F(ClientTest, C17_AnswersA401WithAFreshToken) {
  answer = [](const FakeApi::Request& request) {
    return Reply{.status = request.header("Authorization") == "Bearer two" ? 200u : 401u};
  };
  write("token", "one");
  ClusterConfig cluster = config();
  cluster.token_file = path("token");
  Client client(pool, cluster);
  EXPECT_EQ(get(client).status, 401u) << "there is no other token";
  EXPECT_EQ(api.requests.size(), 1u);
  write("token", "two");
  EXPECT_EQ(get(client).status, 200u);
  EXPECT_EQ(api.requests.size(), 3u);
  EXPECT_EQ(get(client).status, 200u);
  EXPECT_EQ(api.requests.size(), 4u);
}

TEST_F(ClientTest, RetriesA401Once) {
  std::atomic<int> count{0};
  answer = [&](const auto&) {
    write("token", "t" + std::to_string(++count));  // always another one
    return Reply{.status = 401};
  };
  write("token", "t0");
  ClusterConfig cluster = config();
  cluster.token_file = path("token");
  Client client(pool, cluster);
  EXPECT_EQ(get(client).status, 401u);
  EXPECT_EQ(count, 2);
}

TEST_F(ClientTest, HeedsRetryAfter) {
  std::atomic<int> count{0};
  answer = [&](const auto&) {
    if (++count == 1) return Reply{.status = 429, .headers = "Retry-After: 1\r\n"};
    if (count == 2) return Reply{.status = 503, .headers = "Retry-After: 1\r\n"};
    return Reply{.status = 200};
  };
  ClientOptions options;
  options.max_retry_after = milliseconds(50);
  Client client(pool, config(), options);
  const auto begin = Clock::now();
  EXPECT_EQ(get(client).status, 200u);
  EXPECT_GE(Clock::now() - begin, milliseconds(100));
  EXPECT_EQ(count, 3);
}

TEST_F(ClientTest, GivesUpOnRetryAfterInTheEnd) {
  std::atomic<int> count{0};
  answer = [&](const auto&) {
    ++count;
    return Reply{.status = 503, .headers = "Retry-After: 1\r\n"};
  };
  ClientOptions options;
  options.max_retry_after = milliseconds(1);
  options.max_retries = 3;
  Client client(pool, config(), options);
  EXPECT_EQ(get(client).status, 503u);
  EXPECT_EQ(count, 4);

  count = 0;
  ApiRequest hurried;
  hurried.path = "/";
  hurried.total_timeout = milliseconds(500);
  Client patient(pool, config());
  const auto begin = Clock::now();
  EXPECT_EQ(send(patient, hurried).status, 503u) << "a wait beyond the limit is not begun";
  EXPECT_LT(Clock::now() - begin, seconds(1));
  EXPECT_EQ(count, 1);

  for (const char* useless : {"", "Retry-After: soon\r\n", "Retry-After: -1\r\n"}) {
    count = 0;
    answer = [&, useless](const auto&) {
      ++count;
      return Reply{.status = 503, .headers = useless};
    };
    EXPECT_EQ(get(patient).status, 503u);
    EXPECT_EQ(count, 1) << useless;
  }
}

TEST_F(ClientTest, KeepsToItsRate) {
  ClientOptions options;
  options.requests_per_second = 100;
  options.burst = 2;
  Client client(pool, config(), options);
  const auto begin = Clock::now();
  testing::Events<ApiResult> results;
  for (int i = 0; i < 12; ++i)
    client.send(to("/"), [&](ApiResult result) { results.push(std::move(result)); });
  for (int i = 0; i < 12; ++i)
    EXPECT_TRUE(results.next()->ok());
  EXPECT_GE(Clock::now() - begin, milliseconds(100));

  options.requests_per_second = 0.01;
  options.burst = 1;
  Client slow(pool, config(), options);
  EXPECT_TRUE(get(slow).ok());
  ApiRequest hurried;
  hurried.path = "/";
  hurried.total_timeout = milliseconds(100);
  EXPECT_EQ(send(slow, hurried).error, net::NetError::kTimeout);
}

TEST_F(ClientTest, StreamsGoodAnswersOnly) {
  answer = [](const FakeApi::Request& request) {
    if (request.target() == "/bad") return Reply{.status = 403, .body = kForbidden};
    return Reply{.body = "first", .stream = true};
  };
  Client client(pool, config());
  testing::Events<std::string> seen;
  ApiRequest request;
  request.timeout = milliseconds(0);
  request.on_open = [&] { seen.push("open"); };
  request.on_data = [&](std::string_view piece) {
    seen.push(std::string(piece));
    return piece != "enough";
  };
  request.path = "/bad";
  EXPECT_EQ(send(client, request).reason, "Forbidden");
  EXPECT_EQ(seen.size(), 0u);

  request.path = "/good";
  testing::Events<ApiResult> results;
  client.send(request, [&](ApiResult result) { results.push(std::move(result)); });
  EXPECT_EQ(seen.next(), "open");
  EXPECT_EQ(seen.next(), "first");
  api.say("second");
  EXPECT_EQ(seen.next(), "second");
  EXPECT_EQ(results.size(), 0u);
  api.end();
  const auto ended = results.next();
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->ok());
  EXPECT_EQ(ended->body, "");

  client.send(request, [&](ApiResult result) { results.push(std::move(result)); });
  api.say("enough");
  EXPECT_EQ(results.next()->error, net::NetError::kCancelled);
}

TEST_F(ClientTest, KeepsTheBeginningOfALongError) {
  answer = [](const auto&) { return Reply{.status = 500, .body = std::string(1u << 20, 'x')}; };
  Client client(pool, config());
  ApiRequest request;
  request.path = "/";
  request.on_data = [](std::string_view) { return true; };
  const ApiResult result = send(client, request);
  EXPECT_EQ(result.status, 500u);
  EXPECT_EQ(result.body.size(), 64u << 10);
}

TEST_F(ClientTest, NoticesSilence) {
  answer = [](const auto&) { return Reply{.stream = true}; };
  Client client(pool, config());
  ApiRequest request;
  request.path = "/";
  request.timeout = milliseconds(0);
  request.idle_timeout = milliseconds(50);
  request.on_data = [](std::string_view) { return true; };
  EXPECT_EQ(send(client, request).error, net::NetError::kTimeout);
  answer = [](const auto&) { return Reply{.silent = true}; };
  EXPECT_EQ(send(client, request).error, net::NetError::kTimeout);
  request.idle_timeout = seconds(60);
  request.head_timeout = milliseconds(50);
  EXPECT_EQ(send(client, request).error, net::NetError::kTimeout);
}

TEST_F(ClientTest, CancelsWhereverACallIs) {
  answer = [](const auto&) { return Reply{.silent = true}; };
  ClientOptions options;
  options.requests_per_second = 0.01;
  options.burst = 1;
  std::optional<Client> client(std::in_place, pool, config(), options);
  testing::Events<ApiResult> results;
  const auto push = [&](ApiResult result) { results.push(std::move(result)); };
  ApiCall sent = client->send(to("/sent"), push);
  ApiCall waiting = client->send(to("/waiting"), push);
  ASSERT_TRUE(api.requests.next());
  waiting.cancel();
  waiting.cancel();
  EXPECT_EQ(results.next()->describe(), "GET /waiting: cancelled");
  sent.cancel();
  EXPECT_EQ(results.next()->describe(), "GET /sent: cancelled");
  sent.cancel();
  EXPECT_EQ(results.next(milliseconds(20)), std::nullopt) << "once";

  // A client that goes takes all of them along.
  client.emplace(pool, config(), options);
  client->send(to("/sent"), push);
  client->send(to("/waiting"), push);
  ASSERT_TRUE(api.requests.next());
  client.reset();
  EXPECT_EQ(results.next()->error, net::NetError::kCancelled);
  EXPECT_EQ(results.next()->error, net::NetError::kCancelled);
}

TEST_F(ClientTest, MayOutliveItsPool) {
  answer = [](const auto&) { return Reply{.silent = true}; };
  ClientOptions options;
  options.requests_per_second = 0.01;
  options.burst = 1;
  net::IoPool other(1);
  Client client(other, config(), options);
  std::atomic<int> calls{0};
  client.send(to("/sent"), [&](ApiResult) { ++calls; });
  client.send(to("/waiting"), [&](ApiResult) { ++calls; });
  ASSERT_TRUE(api.requests.next());
  other.stop();
  EXPECT_EQ(calls, 0);
}

TEST_F(ClientTest, SaysWhichCredentialsAreUnusable) {
  ClusterConfig cluster = config();
  cluster.token_file = path("absent");
  EXPECT_THROW(Client(pool, cluster), ConfigError);
  cluster = config();
  cluster.server.tls = true;
  cluster.tls.ca_pem = "no certificate";
  try {
    Client client(pool, cluster);
    FAIL();
  } catch (const ConfigError& fault) {
    EXPECT_THAT(fault.what(), HasSubstr("test: CA certificate"));
    EXPECT_THAT(fault.what(), Not(HasSubstr("no certificate")));
  }
}

TEST_F(ClientTest, TakesUpFilesOfCertificatesThatChange) {
  const testing::Certificate ca("ca");
  const testing::Certificate other_ca("other");
  ca.write(path("ca.crt"), path("ca.key"));
  testing::Certificate("server", &ca).write(path("tls.crt"), path("tls.key"));
  testing::Certificate("client", &ca).write(path("client.crt"), path("client.key"));
  std::unique_ptr<net::HttpServer> server;
  // With the files as they are, at the same port each time.
  const auto serve = [&] {
    net::HttpServerOptions options;
    if (server) options.port = server->port();
    server.reset();
    options.tls = net::TlsServerOptions{path("tls.crt"), path("tls.key"), path("ca.crt"), nullptr};
    server = std::make_unique<net::HttpServer>(pool, std::move(options));
    server->route("/", [](std::shared_ptr<net::HttpExchange> exchange) { exchange->respond({200, {}, "{}"}); });
    server->start();
  };
  serve();
  ClusterConfig cluster = at(server->port());
  cluster.server.tls = true;
  cluster.tls.ca_file = path("ca.crt");
  cluster.tls.cert_file = path("client.crt");
  cluster.tls.key_file = path("client.key");
  Client client(pool, cluster);
  const ApiResult first = get(client);
  EXPECT_TRUE(first.ok()) << first.describe();

  // Everything is signed by another authority from now on.
  other_ca.write(path("ca.crt"), path("ca.key"));
  testing::Certificate("server", &other_ca).write(path("tls.crt"), path("tls.key"));
  testing::Certificate("client", &other_ca).write(path("client.crt"), path("client.key"));
  serve();
  const ApiResult second = get(client);
  EXPECT_TRUE(second.ok()) << second.describe();

  write("client.crt", "broken");
  serve();
  const ApiResult third = get(client);
  EXPECT_TRUE(third.ok()) << "what was good stays: " << third.describe();
}

}  // namespace
}  // namespace epp::kube
