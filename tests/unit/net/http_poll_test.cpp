// Asking the same server again and again without an event loop.
#include "net/http_poll.h"

#include "unit/net/events.h"
#include "unit/net/raw_socket.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::net {
namespace {

using namespace std::chrono_literals;
using epp::testing::RawServer;
using epp::testing::RawSocket;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kEndOfHead = "\r\n\r\n";

class Asker {
 public:
  explicit Asker(std::uint16_t port, std::size_t max_body_bytes = 1 << 20, const std::string& host = "127.0.0.1")
      : poll({false, host, std::to_string(port)},
             {.target = "/metrics", .headers = {{"Accept", "text/plain"}}, .body = {}}, max_body_bytes) {}

  HttpResult ask(std::chrono::milliseconds time = 20s, std::string buffer = {}) {
    poll.send(Clock::now() + time, std::move(buffer));
    return await();
  }
  HttpResult await() {
    HttpResult result;
    EXPECT_TRUE(epp::testing::eventually([&] { return poll.look(Clock::now(), result); }));
    EXPECT_FALSE(poll.pending());
    return result;
  }

  HttpPoll poll;
};

std::string page(const std::string& body, const std::string& more = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body;
}

TEST(HttpPoll, SuitsAddressesWithoutTls) {
  EXPECT_TRUE(HttpPoll::suits({false, "10.0.0.1", "8000"}));
  EXPECT_TRUE(HttpPoll::suits({false, "::1", "8000"}));
  EXPECT_FALSE(HttpPoll::suits({true, "10.0.0.1", "8000"}));
  EXPECT_FALSE(HttpPoll::suits({false, "model-server", "8000"}));
}

TEST(HttpPoll, AsksAgainOnTheSameConnection) {
  std::atomic<int> connections{0};
  std::string heard;
  RawServer server([&](RawSocket& socket) {
    ++connections;
    for (int i = 0;; ++i) {
      const std::string request = socket.read_until(kEndOfHead);
      if (request.empty()) return;
      if (i == 0) heard = request;
      socket.send(page("answer " + std::to_string(i)));
    }
  });
  Asker asker(server.port());
  for (int i = 0; i < 3; ++i) {
    const HttpResult result = asker.ask();
    ASSERT_TRUE(result.ok()) << result.message;
    EXPECT_EQ(result.response.status, 200u);
    EXPECT_EQ(result.response.body, "answer " + std::to_string(i));
    EXPECT_EQ(result.response.headers.size(), 0u);
  }
  EXPECT_EQ(connections, 1);
  EXPECT_EQ(heard, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                       "\r\nUser-Agent: epp-host\r\nAccept: text/plain\r\n\r\n");
}

// The answer lies in the memory that was given for it.
void expect_in_given_buffer(Asker& asker, const std::string& body) {
  std::string buffer(100'000, 'x');
  const char* const place = buffer.data();
  const HttpResult result = asker.ask(20s, std::move(buffer));
  EXPECT_EQ(result.response.body, body);
  EXPECT_EQ(result.response.body.data(), place);
}

TEST(HttpPoll, UsesTheBufferThatItIsGiven) {
  RawServer server([&](RawSocket& socket) {
    while (!socket.read_until(kEndOfHead).empty())
      socket.send(page("small"));
  });
  Asker asker(server.port());
  expect_in_given_buffer(asker, "small");
}

// Every byte by itself, and bodies of every kind.
TEST(HttpPoll, ReadsWhatComesInPieces) {
  const std::string answers[] = {
      page("by length"),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nby c\r\n5;x=y\r\nhunks\r\n0\r\nTrailer: t\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nuntil it closes",
  };
  int turn = 0;
  RawServer server([&](RawSocket& socket) {
    for (;; ++turn) {
      if (socket.read_until(kEndOfHead).empty()) return;
      for (const char c : answers[turn])
        socket.send({&c, 1});
      if (turn == 2) return;
    }
  });
  Asker asker(server.port());
  EXPECT_EQ(asker.ask().response.body, "by length");
  EXPECT_EQ(asker.ask().response.body, "by chunks");
  EXPECT_EQ(asker.ask().response.body, "until it closes");
}

TEST(HttpPoll, SaysWhenAPartIsThere) {
  std::latch go_on{1};
  RawServer server([&](RawSocket& socket) {
    socket.read_until(kEndOfHead);
    const std::string whole = page("in two parts");
    socket.send(whole.substr(0, 20));
    go_on.wait();
    socket.send(whole.substr(20));
    socket.read_to_end();
  });
  Asker asker(server.port());
  asker.poll.send(Clock::now() + 20s);
  EXPECT_TRUE(asker.poll.pending());
  EXPECT_FALSE(asker.poll.partial());
  HttpResult result;
  EXPECT_TRUE(epp::testing::eventually([&] {
    EXPECT_FALSE(asker.poll.look(Clock::now(), result));
    return asker.poll.partial();
  }));
  go_on.count_down();
  EXPECT_EQ(asker.await().response.body, "in two parts");
}

TEST(HttpPoll, LargeBodiesAreWhole) {
  const std::string body(3 << 20, 'm');
  RawServer server([&](RawSocket& socket) {
    while (!socket.read_until(kEndOfHead).empty())
      socket.send(page(body));
  });
  Asker asker(server.port(), 4 << 20);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(asker.ask().response.body, body);
}

TEST(HttpPoll, OtherStatusesCarryTheirHeaders) {
  RawServer server([&](RawSocket& socket) {
    socket.read_until(kEndOfHead);
    socket.send("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    socket.read_to_end();
  });
  Asker asker(server.port());
  const HttpResult result = asker.ask();
  EXPECT_EQ(result.response.status, 302u);
  EXPECT_EQ(result.response.headers.get("location"), "/elsewhere");
}

// The server may close between two polls, or say that it will: the next poll does not fail for that.
TEST(HttpPoll, AClosedConnectionIsReplaced) {
  for (const bool announced : {false, true}) {
    std::atomic<int> connections{0};
    RawServer server([&](RawSocket& socket) {
      ++connections;
      socket.read_until(kEndOfHead);
      socket.send(page("hello", announced ? "Connection: close\r\n" : ""));
    });
    Asker asker(server.port());
    EXPECT_EQ(asker.ask().response.body, "hello");
    EXPECT_EQ(asker.ask().response.body, "hello");
    EXPECT_EQ(asker.ask().response.body, "hello");
    EXPECT_EQ(connections, 3);
  }
}

// The connection is asked for nothing more, and left, although no header says that it ends.
TEST(HttpPoll, ABodyUntilTheEndEndsTheConnection) {
  epp::testing::Events<std::string> heard_after;
  RawServer server([&](RawSocket& socket) {
    socket.read_until(kEndOfHead);
    socket.send("HTTP/1.1 200 OK\r\n\r\nuntil it closes");
    socket.finish();
    heard_after.push(socket.read_to_end());
  });
  Asker asker(server.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(asker.ask().response.body, "until it closes");
    EXPECT_EQ(heard_after.next(), "");
  }
}

TEST(HttpPoll, TheBufferIsUsedOnTheReplacingConnection) {
  RawServer server([&](RawSocket& socket) {
    socket.read_until(kEndOfHead);
    socket.send(page("hello"));
  });
  Asker asker(server.port());
  asker.ask();
  expect_in_given_buffer(asker, "hello");
}

// Interim answers are passed over, whether they come alone or with the final one.
TEST(HttpPoll, TheFinalAnswerCounts) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
  std::atomic<int> connections{0};
  std::latch seen{1};
  RawServer server([&](RawSocket& socket) {
    ++connections;
    for (int i = 0; !socket.read_until(kEndOfHead).empty(); ++i) {
      socket.send(interim);
      if (i == 0) seen.wait();
      socket.send(interim + page("answer " + std::to_string(i)));
    }
  });
  Asker asker(server.port());
  std::string buffer(100'000, 'x');
  const char* const place = buffer.data();
  asker.poll.send(Clock::now() + 20s, std::move(buffer));
  HttpResult result;
  EXPECT_FALSE(asker.poll.look(Clock::now(), result));
  seen.count_down();
  result = asker.await();
  EXPECT_EQ(result.response.status, 200u);
  EXPECT_EQ(result.response.body, "answer 0");
  EXPECT_EQ(result.response.body.data(), place);
  EXPECT_EQ(asker.ask().response.body, "answer 1");
  EXPECT_EQ(asker.ask().response.body, "answer 2");
  EXPECT_EQ(connections, 1);
}

TEST(HttpPoll, InterimAnswersAreBounded) {
  RawServer server([&](RawSocket& socket) {
    socket.read_until(kEndOfHead);
    while (socket.send("HTTP/1.1 102 Processing\r\n\r\n")) {
    }
  });
  Asker asker(server.port());
  const HttpResult result = asker.ask();
  EXPECT_EQ(result.error, NetError::kMalformed);
  EXPECT_EQ(result.message, "read: too many interim responses");
}

TEST(HttpPoll, LimitsHoldAfterAnInterimAnswer) {
  RawServer server([&](RawSocket& socket) {
    socket.read_until(kEndOfHead);
    socket.send("HTTP/1.1 103 Early Hints\r\n\r\n" + page(std::string(2000, 'x')));
    socket.read_to_end();
  });
  Asker asker(server.port(), 1000);
  EXPECT_EQ(asker.ask().error, NetError::kBodyTooLarge);
}

// What is asked for is no other protocol: the bytes behind such an answer are nobody's.
TEST(HttpPoll, SwitchingProtocolsEndsTheConnection) {
  std::atomic<int> connections{0};
  RawServer server([&](RawSocket& socket) {
    ++connections;
    socket.read_until(kEndOfHead);
    socket.send("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    socket.read_to_end();
  });
  Asker asker(server.port());
  EXPECT_EQ(asker.ask().response.status, 101u);
  EXPECT_EQ(asker.ask().response.status, 101u);
  EXPECT_EQ(connections, 2);
}

TEST(HttpPoll, FailuresAreToldAndLeftBehind) {
  std::uint16_t closed_port = 0;
  {
    closed_port = RawServer([](RawSocket&) {}).port();
  }
  Asker nobody(closed_port);
  HttpResult result = nobody.ask();
  EXPECT_EQ(result.error, NetError::kConnect);
  EXPECT_EQ(result.message, "connect 127.0.0.1:" + std::to_string(closed_port) + ": Connection refused");

  int turn = 0;
  RawServer server([&](RawSocket& socket) {
    socket.read_until(kEndOfHead);
    switch (turn++) {
      case 0:
        socket.send("SSH-2.0-OpenSSH\r\n\r\n");
        break;
      case 1:
        return;  // closes without a word
      case 2:
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        return;
      case 3:
        socket.send(page(std::string(2000, 'x')));
        break;
      case 4:
        break;  // silence
      default:
        socket.send(page("well again"));
    }
    socket.read_to_end();
  });
  Asker asker(server.port(), 1000);
  result = asker.ask();
  EXPECT_EQ(result.error, NetError::kMalformed) << result.message;
  result = asker.ask();
  EXPECT_EQ(result.error, NetError::kClosed);
  EXPECT_EQ(result.message, "read: end of stream");
  result = asker.ask();
  EXPECT_EQ(result.error, NetError::kClosed);
  EXPECT_EQ(result.message, "read: partial message");
  result = asker.ask();
  EXPECT_EQ(result.error, NetError::kBodyTooLarge) << result.message;
  result = asker.ask(50ms);
  EXPECT_EQ(result.error, NetError::kTimeout);
  EXPECT_EQ(result.message, "read: deadline exceeded");
  result = asker.ask();
  EXPECT_EQ(result.response.body, "well again") << result.message;
}

// A host that does not answer at all.
TEST(HttpPoll, ConnectingEndsAtTheDeadline) {
  Asker asker(9, 1 << 20, "192.0.2.1");
  const HttpResult result = asker.ask(50ms);
  EXPECT_THAT(result.message, HasSubstr("connect 192.0.2.1:9: "));
  EXPECT_FALSE(result.ok());
}

TEST(HttpPoll, MayBeDroppedWhileAnAnswerIsDue) {
  RawServer server([&](RawSocket& socket) { socket.read_to_end(); });
  Asker asker(server.port());
  asker.poll.send(Clock::now() + 20s);
}

}  // namespace
}  // namespace epp::net
