#include "net/http_server.h"

#include "net/io_pool.h"
#include "unit/net/events.h"
#include "unit/net/raw_socket.h"

#include <future>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace epp::net {
namespace {

using std::chrono::milliseconds;
using testing::eventually;
using testing::RawSocket;

class HttpServerTest : public ::testing::Test {
 protected:
  void start(HttpServerOptions options = {}) {
    server = std::make_unique<HttpServer>(pool, std::move(options));
    const auto name = [](std::string label) {
      return [label = std::move(label)](std::shared_ptr<HttpExchange> exchange) {
        HttpResponse response;
        response.body = label + " " + exchange->request().method + " " + std::string(exchange->peer());
        exchange->respond(std::move(response));
      };
    };
    server->route("/metrics", name("metrics"));
    server->route("/debug/", name("debug"));
    server->route("/debug/pprof/", name("pprof"));
    server->route("/throws", [](std::shared_ptr<HttpExchange>) { throw std::runtime_error("no"); });
    server->route("/forgets", [](std::shared_ptr<HttpExchange>) {});
    server->route("/later", [this](std::shared_ptr<HttpExchange> exchange) { held.push(std::move(exchange)); });
    server->start();
  }

  std::string ask(const std::string& request) {
    RawSocket socket(RawSocket::connect_to(server->port()));
    socket.send(request);
    return socket.read_to_end();
  }
  std::string get(const std::string& path) { return ask("GET " + path + " HTTP/1.1\r\nConnection: close\r\n\r\n"); }

  IoPool pool{2};
  testing::Events<std::shared_ptr<HttpExchange>> held;
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpServerTest, RoutesByExactPathThenLongestPrefix) {
  start();
  EXPECT_NE(get("/metrics").find("metrics GET 127.0.0.1"), std::string::npos);
  EXPECT_NE(get("/metrics?x=1").find("metrics GET"), std::string::npos);
  EXPECT_NE(get("/debug/pprof/heap").find("pprof GET"), std::string::npos);
  EXPECT_NE(get("/debug/plugins/state").find("debug GET"), std::string::npos);
  EXPECT_TRUE(get("/metrics/x").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(get("/").starts_with("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, AnswersForHandlersThatDoNot) {
  start();
  EXPECT_TRUE(get("/throws").starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(get("/forgets").starts_with("HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, KeepsConnectionsAliveAndServesPipelinedRequests) {
  start();
  RawSocket socket(RawSocket::connect_to(server->port()));
  socket.send("GET /metrics HTTP/1.1\r\n\r\nGET /debug/ HTTP/1.1\r\n\r\n");
  EXPECT_NE(socket.read_until("debug GET 127.0.0.1").find("metrics GET"), std::string::npos);
  socket.send("HEAD /metrics HTTP/1.1\r\n\r\n");
  EXPECT_EQ(socket.read_until("\r\n\r\n").find("metrics HEAD"), std::string::npos);
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(HttpServerTest, AnswersFromAnotherThreadLater) {
  start();
  RawSocket socket(RawSocket::connect_to(server->port()));
  socket.send("GET /later HTTP/1.1\r\n\r\n");
  auto exchange = held.next();
  ASSERT_TRUE(exchange);
  HttpResponse first;
  first.body = "first";
  (*exchange)->respond(first);
  HttpResponse second;
  second.body = "second";
  (*exchange)->respond(second);
  EXPECT_NE(socket.read_until("first").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, BoundsWhatClientsMaySend) {
  HttpServerOptions options;
  options.max_header_bytes = 1024;
  options.max_body_bytes = 100;
  start(options);
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nX: " + std::string(2000, 'a') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(ask("POST /metrics HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'b'))
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, SlowClientsAreCutOff) {
  HttpServerOptions options;
  options.header_timeout = milliseconds(40);
  options.idle_timeout = milliseconds(40);
  options.body_timeout = milliseconds(40);
  start(options);
  EXPECT_EQ(ask(""), "") << "says nothing";
  EXPECT_EQ(ask("GET / HT"), "") << "never ends its headers";
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"), "") << "never ends its body";
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST_F(HttpServerTest, BoundsConnections) {
  HttpServerOptions options;
  options.max_connections = 2;
  start(options);
  RawSocket one(RawSocket::connect_to(server->port()));
  RawSocket two(RawSocket::connect_to(server->port()));
  one.send("GET /metrics HTTP/1.1\r\n\r\n");
  two.send("GET /metrics HTTP/1.1\r\n\r\n");
  ASSERT_NE(one.read_until("metrics GET 127.0.0.1"), "");
  ASSERT_NE(two.read_until("metrics GET 127.0.0.1"), "");
  EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\n\r\n"), "");
}

TEST_F(HttpServerTest, ContinuesWhenAsked) {
  start();
  RawSocket socket(RawSocket::connect_to(server->port()));
  socket.send("POST /metrics HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_NE(socket.read_until("\r\n\r\n").find("100 Continue"), std::string::npos);
  socket.send("ab");
  EXPECT_NE(socket.read_until("metrics POST").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, NoticesAClientThatLeavesBeforeItsAnswer) {
  start();
  std::optional<std::shared_ptr<HttpExchange>> exchange;
  {
    RawSocket socket(RawSocket::connect_to(server->port()));
    socket.send("GET /later HTTP/1.1\r\n\r\n");
    exchange = held.next();
    ASSERT_TRUE(exchange);
    EXPECT_EQ(server->connections(), 1u);
  }
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST_F(HttpServerTest, StopsInTheMiddleOfEverything) {
  start();
  RawSocket idle(RawSocket::connect_to(server->port()));
  RawSocket waiting(RawSocket::connect_to(server->port()));
  waiting.send("GET /later HTTP/1.1\r\n\r\n");
  auto exchange = held.next();
  ASSERT_TRUE(exchange);
  server->stop();
  EXPECT_EQ(server->connections(), 0u);
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_EQ(waiting.read_to_end(), "");
  (*exchange)->respond({});
  EXPECT_EQ(RawSocket::connect_to(server->port()), -1);
}

TEST_F(HttpServerTest, StopWithGraceLetsExchangesEnd) {
  start();
  RawSocket waiting(RawSocket::connect_to(server->port()));
  waiting.send("GET /later HTTP/1.1\r\n\r\n");
  auto exchange = held.next();
  ASSERT_TRUE(exchange);
  auto stopped = std::async(std::launch::async, [&] { server->stop(std::chrono::seconds(20)); });
  ASSERT_TRUE(eventually([&] {
    const int fd = RawSocket::connect_to(server->port());
    if (fd >= 0) ::close(fd);
    return fd < 0;
  }));
  HttpResponse response;
  response.body = "at last";
  (*exchange)->respond(response);
  EXPECT_NE(waiting.read_to_end().find("at last"), std::string::npos);
  stopped.wait();
}

TEST_F(HttpServerTest, SaysWhenItCannotListen) {
  start();
  HttpServerOptions options;
  options.port = server->port();
  EXPECT_THROW(HttpServer(pool, options).start(), std::runtime_error);
  options.address = "not-an-ip";
  EXPECT_THROW(HttpServer(pool, options).start(), std::runtime_error);
}

}  // namespace
}  // namespace epp::net
