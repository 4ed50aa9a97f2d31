#include "net/http_client.h"

#include "net/http_server.h"
#include "net/io_pool.h"
#include "unit/net/events.h"
#include "unit/net/raw_socket.h"

#include <atomic>
#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::net {
namespace {

using std::chrono::milliseconds;
using testing::RawServer;
using testing::RawSocket;

class HttpClientTest : public ::testing::Test {
 protected:
  static Origin at(std::uint16_t port) { return {false, "127.0.0.1", std::to_string(port)}; }

  static HttpRequest get(std::string target) {
    HttpRequest request;
    request.target = std::move(target);
    return request;
  }

  HttpResult call(const Origin& origin, HttpRequest request, HttpCallOptions options = {}) {
    std::promise<HttpResult> done;
    client.send(origin, std::move(request), std::move(options),
                [&](HttpResult result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }

  IoPool pool{2};
  HttpClient client{pool};
};

TEST_F(HttpClientTest, GetsAndPosts) {
  HttpServer server(pool, {});
  server.route("/echo", [](std::shared_ptr<HttpExchange> exchange) {
    HttpResponse response;
    response.status = 201;
    response.headers.add("X-Method", exchange->request().method);
    response.headers.add("X-Host", std::string(exchange->request().headers.get("host")));
    response.headers.add("X-Accept", std::string(exchange->request().headers.get("accept")));
    response.body = exchange->request().body;
    exchange->respond(std::move(response));
  });
  server.start();
  HttpRequest request = get("/echo?a=b");
  request.method = "POST";
  request.headers.add("Accept", "text/plain");
  request.body = std::string(100'000, 'x');
  const HttpResult result = call(at(server.port()), request);
  ASSERT_TRUE(result.ok()) << result.message;
  EXPECT_EQ(result.response.status, 201u);
  EXPECT_EQ(result.response.headers.get("x-method"), "POST");
  EXPECT_EQ(result.response.headers.get("x-host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(result.response.headers.get("x-accept"), "text/plain");
  EXPECT_EQ(result.response.body, request.body);
}

TEST_F(HttpClientTest, KeepsConnectionsAlive) {
  std::atomic<int> connections{0};
  RawServer server([&](RawSocket& socket) {
    ++connections;
    while (!socket.read_until("\r\n\r\n").empty()) {
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    }
  });
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(call(at(server.port()), get("/")).response.body, "hi");
  EXPECT_EQ(connections, 1);
  EXPECT_EQ(client.idle_connections(), 1u);
}

TEST_F(HttpClientTest, ReplacesAStaleConnectionOnce) {
  RawServer server([&](RawSocket& socket) {
    // Promises keep-alive and closes all the same.
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  });
  for (int i = 0; i < 5; ++i) {
    const HttpResult result = call(at(server.port()), get("/"));
    ASSERT_TRUE(result.ok()) << result.message;
  }
}

// No header says that the connection ends, yet it does with the body.
TEST_F(HttpClientTest, KeepsNoConnectionWhoseEndIsTheBodysEnd) {
  RawServer server([&](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\n\r\nuntil it closes");
  });
  EXPECT_EQ(call(at(server.port()), get("/")).response.body, "until it closes");
  EXPECT_EQ(client.idle_connections(), 0u);
  std::string streamed;
  HttpCallOptions options;
  options.on_data = [&](std::string_view piece) {
    streamed += piece;
    return true;
  };
  EXPECT_TRUE(call(at(server.port()), get("/"), std::move(options)).ok());
  EXPECT_EQ(streamed, "until it closes");
  EXPECT_EQ(client.idle_connections(), 0u);
}

TEST_F(HttpClientTest, InterimResponsesArePassedOver) {
  std::atomic<int> connections{0};
  RawServer server([&](RawSocket& socket) {
    ++connections;
    while (!socket.read_until("\r\n\r\n").empty()) {
      socket.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    }
  });
  HttpCallOptions options;
  options.body_buffer.reserve(10'000);
  const char* place = options.body_buffer.data();
  HttpResult result = call(at(server.port()), get("/"), std::move(options));
  EXPECT_EQ(result.response.status, 200u);
  EXPECT_EQ(result.response.body, "hi");
  EXPECT_EQ(result.response.body.data(), place);
  EXPECT_FALSE(result.response.headers.contains("Link"));

  std::vector<unsigned> heads;
  std::string streamed;
  options = {};
  options.on_head = [&](const HttpResponse& head) {
    heads.push_back(head.status);
    return true;
  };
  options.on_data = [&](std::string_view piece) {
    streamed += piece;
    return true;
  };
  EXPECT_EQ(call(at(server.port()), get("/"), std::move(options)).response.status, 200u);
  EXPECT_EQ(heads, std::vector{200u});
  EXPECT_EQ(streamed, "hi");
  EXPECT_EQ(connections, 1);
}

TEST_F(HttpClientTest, InterimResponsesAreBounded) {
  RawServer server([&](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    while (socket.send("HTTP/1.1 102 Processing\r\n\r\n")) {
    }
  });
  for (const bool streamed : {false, true}) {
    HttpCallOptions options;
    if (streamed) options.on_data = [](std::string_view) { return true; };
    const HttpResult result = call(at(server.port()), get("/"), std::move(options));
    EXPECT_EQ(result.error, NetError::kMalformed);
    EXPECT_EQ(result.message, "read: too many interim responses");
  }
}

TEST_F(HttpClientTest, ReusesTheGivenBuffer) {
  HttpServer server(pool, {});
  server.route("/", [](std::shared_ptr<HttpExchange> exchange) {
    HttpResponse response;
    response.body = std::string(5000, 'y');
    exchange->respond(std::move(response));
  });
  server.start();
  HttpCallOptions options;
  options.body_buffer.reserve(10'000);
  const char* place = options.body_buffer.data();
  const HttpResult result = call(at(server.port()), get("/"), std::move(options));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.response.body.data(), place);
}

TEST_F(HttpClientTest, EndsAtTheDeadline) {
  RawServer server([](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    socket.read_to_end();
  });
  HttpCallOptions options;
  options.timeout = milliseconds(50);
  EXPECT_EQ(call(at(server.port()), get("/"), std::move(options)).error, NetError::kTimeout);
}

TEST_F(HttpClientTest, RefusesBodiesBeyondTheLimit) {
  for (const bool chunked : {false, true}) {
    RawServer server([&](RawSocket& socket) {
      socket.read_until("\r\n\r\n");
      if (chunked) {
        socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (socket.send("10\r\n0123456789abcdef\r\n")) {
        }
      } else {
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n");
        while (socket.send("0123456789abcdef")) {
        }
      }
    });
    HttpCallOptions options;
    options.max_body_bytes = 4096;
    EXPECT_EQ(call(at(server.port()), get("/"), std::move(options)).error, NetError::kBodyTooLarge);
  }
}

TEST_F(HttpClientTest, NamesWhatWentWrong) {
  const auto answer = [&](std::string text) {
    RawServer server([&](RawSocket& socket) {
      socket.read_until("\r\n\r\n");
      socket.send(text);
    });
    return call(at(server.port()), get("/"));
  };
  EXPECT_EQ(answer("no http at all\r\n\r\n").error, NetError::kMalformed);
  EXPECT_EQ(answer("").error, NetError::kClosed);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").error, NetError::kClosed);
  EXPECT_EQ(call({false, "127.0.0.1", "1"}, get("/")).error, NetError::kConnect);
  EXPECT_EQ(call({false, std::string(70, 'a'), "80"}, get("/")).error, NetError::kResolve);
  EXPECT_EQ(call({true, "127.0.0.1", "1"}, get("/")).error, NetError::kTls);
  EXPECT_EQ(call({false, "127.0.0.1", "1"}, get("/a b")).error, NetError::kInvalidRequest);
  HttpRequest injected = get("/");
  injected.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(call({false, "127.0.0.1", "1"}, injected).error, NetError::kInvalidRequest);
}

TEST_F(HttpClientTest, CanBeCancelled) {
  std::promise<void> asked;
  RawServer server([&](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    asked.set_value();
    socket.read_to_end();
  });
  std::promise<HttpResult> done;
  HttpCall running =
      client.send(at(server.port()), get("/"), {}, [&](HttpResult result) { done.set_value(std::move(result)); });
  asked.get_future().wait();
  running.cancel();
  running.cancel();
  EXPECT_EQ(done.get_future().get().error, NetError::kCancelled);
}

TEST_F(HttpClientTest, DestructionCancels) {
  std::promise<void> asked;
  RawServer server([&](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    asked.set_value();
    socket.read_to_end();
  });
  std::promise<HttpResult> done;
  {
    HttpClient short_lived(pool);
    short_lived.send(at(server.port()), get("/"), {}, [&](HttpResult result) { done.set_value(std::move(result)); });
    asked.get_future().wait();
  }
  EXPECT_EQ(done.get_future().get().error, NetError::kCancelled);
}

TEST_F(HttpClientTest, FollowsRedirectsAsFarAsAllowed) {
  HttpServer server(pool, {});
  server.route("/hop/", [](std::shared_ptr<HttpExchange> exchange) {
    const int left = std::stoi(std::string(exchange->request().path().substr(5)));
    HttpResponse response;
    response.status = left > 0 ? 302 : 200;
    if (left > 0)
      response.headers.add("Location", left % 2 ? "/hop/" + std::to_string(left - 1) : std::to_string(left - 1));
    response.body = "left " + std::to_string(left);
    exchange->respond(std::move(response));
  });
  server.start();
  HttpCallOptions options;
  options.max_redirects = 3;
  EXPECT_EQ(call(at(server.port()), get("/hop/3"), options).response.body, "left 0");
  EXPECT_EQ(call(at(server.port()), get("/hop/4"), options).error, NetError::kTooManyRedirects);
  EXPECT_EQ(call(at(server.port()), get("/hop/4")).response.status, 302u) << "none followed by default";
}

TEST_F(HttpClientTest, StreamsPieces) {
  std::promise<void> first_seen;
  RawServer server([&](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    first_seen.get_future().wait();
    socket.send("3\r\ntwo\r\n0\r\n\r\n");
  });
  std::string seen;
  unsigned status = 0;
  HttpCallOptions options;
  options.on_head = [&](const HttpResponse& head) {
    status = head.status;
    return true;
  };
  options.on_data = [&](std::string_view piece) {
    if (seen.empty()) first_seen.set_value();
    seen += piece;
    return true;
  };
  const HttpResult result = call(at(server.port()), get("/watch"), std::move(options));
  ASSERT_TRUE(result.ok()) << result.message;
  EXPECT_EQ(status, 200u);
  EXPECT_EQ(seen, "onetwo");
}

TEST_F(HttpClientTest, AStreamEndsWhenItIsSilentOrUnwanted) {
  RawServer server([&](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    socket.read_to_end();
  });
  HttpCallOptions silent;
  silent.timeout = milliseconds(0);
  silent.idle_timeout = milliseconds(40);
  silent.on_data = [](std::string_view) { return true; };
  EXPECT_EQ(call(at(server.port()), get("/"), std::move(silent)).error, NetError::kTimeout);
  HttpCallOptions unwanted;
  unwanted.on_data = [](std::string_view) { return false; };
  EXPECT_EQ(call(at(server.port()), get("/"), std::move(unwanted)).error, NetError::kCancelled);
}

TEST_F(HttpClientTest, ClosesConnectionsThatStayIdle) {
  HttpServer server(pool, {});
  server.start();
  HttpClientOptions options;
  options.idle_connection_timeout = milliseconds(20);
  HttpClient impatient(pool, options);
  std::promise<void> done;
  impatient.send(at(server.port()), get("/"), {}, [&](HttpResult) { done.set_value(); });
  done.get_future().wait();
  EXPECT_TRUE(testing::eventually([&] { return impatient.idle_connections() == 0 && server.connections() == 0; }));
}

TEST_F(HttpClientTest, NoticesAPeerThatIsGone) {
  std::promise<void> let_go;
  RawServer server([&](RawSocket& socket) {
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    ASSERT_TRUE(socket.go_deaf());
    let_go.get_future().wait();
  });
  HttpClientOptions options;
  options.dead_peer_timeout = milliseconds(2000);
  HttpClient watchful(pool, options);
  HttpCallOptions endless;
  endless.timeout = milliseconds(0);
  endless.on_data = [](std::string_view) { return true; };
  testing::Events<HttpResult> results;
  const auto begin = std::chrono::steady_clock::now();
  watchful.send(at(server.port()), get("/"), std::move(endless),
                [&](HttpResult result) { results.push(std::move(result)); });
  const auto result = results.next();
  let_go.set_value();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error, NetError::kIo);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(4000));
}

TEST_F(HttpClientTest, ConnectingHasALimitOfItsOwn) {
  // Accepts and never begins with TLS.
  std::promise<void> let_go;
  RawServer server([&](RawSocket&) { let_go.get_future().wait(); });
  HttpClientOptions options;
  options.tls.emplace();
  HttpClient secure(pool, options);
  HttpCallOptions endless;
  endless.timeout = milliseconds(0);
  endless.connect_timeout = milliseconds(50);
  testing::Events<HttpResult> results;
  secure.send({true, "127.0.0.1", std::to_string(server.port())}, get("/"), std::move(endless),
              [&](HttpResult result) { results.push(std::move(result)); });
  const auto result = results.next();
  let_go.set_value();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error, NetError::kTimeout);
}

}  // namespace
}  // namespace epp::net
