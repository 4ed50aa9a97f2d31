#include "net/tls.h"

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "unit/net/certificates.h"
#include "unit/net/events.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace epp::net {
namespace {

namespace fs = std::filesystem;

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "epp-tls-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
    ca.write(path("ca.crt"), path("ca.key"));
    testing::Certificate("server", &ca).write(path("tls.crt"), path("tls.key"));
    testing::Certificate("client", &ca).write(path("client.crt"), path("client.key"));
    other_ca.write(path("other.crt"), path("other.key"));
  }
  void TearDown() override {
    server.reset();
    fs::remove_all(root);
  }

  std::string path(const std::string& name) const { return (root / name).string(); }

  void start(bool with_client_ca = false) {
    HttpServerOptions options;
    options.tls = TlsServerOptions{path("tls.crt"), path("tls.key"), with_client_ca ? path("ca.crt") : "",
                                   [this](std::string_view error) { reloads.push(std::string(error)); }};
    server = std::make_unique<HttpServer>(pool, std::move(options));
    server->route("/", [](std::shared_ptr<HttpExchange> exchange) { exchange->respond({200, {}, "secret"}); });
    server->start();
  }

  HttpResult get(TlsClientOptions tls) {
    HttpClientOptions options;
    options.tls = std::move(tls);
    HttpClient client(pool, std::move(options));
    std::promise<HttpResult> done;
    client.send({true, "127.0.0.1", std::to_string(server->port())}, {}, {},
                [&](HttpResult result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }

  TlsClientOptions trusting(const std::string& ca_file) const {
    TlsClientOptions options;
    options.ca_file = path(ca_file);
    return options;
  }

  IoPool pool{2};
  fs::path root;
  testing::Certificate ca{"ca"};
  testing::Certificate other_ca{"other"};
  testing::Events<std::string> reloads;
  std::unique_ptr<HttpServer> server;
};

TEST_F(TlsTest, VerifiesTheServer) {
  start();
  EXPECT_EQ(get(trusting("ca.crt")).response.body, "secret");
  EXPECT_EQ(get(trusting("other.crt")).error, NetError::kTls);
  EXPECT_EQ(get({}).error, NetError::kTls) << "the system does not know this CA";
  TlsClientOptions careless;
  careless.insecure_skip_verify = true;
  EXPECT_EQ(get(careless).response.body, "secret");
  TlsClientOptions elsewhere = trusting("ca.crt");
  elsewhere.server_name = "example.com";
  EXPECT_EQ(get(elsewhere).error, NetError::kTls);
}

TEST_F(TlsTest, WantsClientCertificatesWhenTold) {
  start(true);
  EXPECT_FALSE(get(trusting("ca.crt")).ok());
  TlsClientOptions known = trusting("ca.crt");
  known.cert_file = path("client.crt");
  known.key_file = path("client.key");
  EXPECT_EQ(get(known).response.body, "secret");
}

TEST_F(TlsTest, ServesANewCertificateOnceItsFilesChange) {
  start();
  ASSERT_TRUE(get(trusting("ca.crt")).ok());
  std::ofstream(path("tls.crt")) << "broken";
  const auto failure = reloads.next();
  ASSERT_TRUE(failure);
  EXPECT_NE(*failure, "");
  EXPECT_TRUE(get(trusting("ca.crt")).ok()) << "the old pair stays";
  testing::Certificate("server", &other_ca).write(path("tls.crt"), path("tls.key"));
  EXPECT_TRUE(testing::eventually([&] { return get(trusting("other.crt")).ok(); }));
}

TEST_F(TlsTest, AClientTakesUpFilesThatChange) {
  start();
  fs::copy_file(path("ca.crt"), path("trust.crt"));
  HttpClientOptions options;
  options.tls = trusting("trust.crt");
  options.max_idle_per_origin = 0;  // every request on a connection of its own
  HttpClient client(pool, std::move(options));
  const auto ask = [&] {
    std::promise<HttpResult> done;
    client.send({true, "127.0.0.1", std::to_string(server->port())}, {}, {},
                [&](HttpResult result) { done.set_value(std::move(result)); });
    return done.get_future().get().ok();
  };
  EXPECT_TRUE(ask());
  std::ofstream(path("trust.crt")) << "broken";
  EXPECT_TRUE(ask()) << "what was good stays";
  fs::copy_file(path("other.crt"), path("trust.crt"), fs::copy_options::overwrite_existing);
  EXPECT_FALSE(ask()) << "the server is no longer trusted";
  fs::copy_file(path("ca.crt"), path("trust.crt"), fs::copy_options::overwrite_existing);
  EXPECT_TRUE(ask());
}

TEST_F(TlsTest, MixesInlineAndFileCredentials) {
  start(true);
  const auto text = [&](const std::string& name) {
    std::ifstream in(path(name));
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  TlsClientOptions mixed = trusting("ca.crt");
  mixed.cert_pem = text("client.crt");
  mixed.key_file = path("client.key");
  EXPECT_EQ(get(mixed).response.body, "secret");
  mixed.key_file.clear();
  EXPECT_THROW(TlsClientContext{mixed}, std::runtime_error);
}

TEST_F(TlsTest, NamesUnusableFiles) {
  TlsClientOptions missing;
  missing.ca_file = path("absent");
  EXPECT_THROW(TlsClientContext{missing}, std::runtime_error);
  TlsClientOptions half;
  half.cert_file = path("client.crt");
  EXPECT_THROW(TlsClientContext{half}, std::runtime_error);
  EXPECT_THROW(TlsServerContext(pool, {path("tls.crt"), path("client.key"), "", nullptr}), std::runtime_error);
}

}  // namespace
}  // namespace epp::net
