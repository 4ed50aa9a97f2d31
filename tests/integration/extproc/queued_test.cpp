// Streams whose request waits to be admitted, over a real connection.
#include "integration/extproc/client.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace epp::extproc::testing {
namespace {

using lifecycle::Admission;
using lifecycle::AdmissionOutcome;
using lifecycle::AdmissionRequest;
using lifecycle::testing::kCompletion;
using lifecycle::testing::World;

// Lets nobody pass before it is opened.
class Barrier final : public Admission {
 public:
  Answer admit(const AdmissionRequest& request, const lifecycle::AdmissionReceiverPtr& receiver) override {
    const std::lock_guard lock(mutex_);
    ttl_ns_ = request.ttl_ns;
    waiting_ = receiver;
    changed_.notify_all();
    Answer answer;
    answer.waiting = true;
    answer.ticket = std::make_unique<Ticket>(*this);
    return answer;
  }
  bool asked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return waiting_ != nullptr; });
  }
  bool withdrawn() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return gone_ == 1; });
  }
  void open() {
    lifecycle::AdmissionReceiverPtr receiver;
    {
      const std::lock_guard lock(mutex_);
      receiver = std::exchange(waiting_, nullptr);
    }
    receiver->on_admission(std::nullopt);
  }
  std::uint64_t ttl_ns() {
    const std::lock_guard lock(mutex_);
    return ttl_ns_;
  }

 private:
  struct Ticket final : flowcontrol::Ticket {
    explicit Ticket(Barrier& of) : barrier(of) {}
    ~Ticket() override {
      const std::lock_guard lock(barrier.mutex_);
      ++barrier.gone_;
      barrier.changed_.notify_all();
    }
    Barrier& barrier;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  lifecycle::AdmissionReceiverPtr waiting_;
  int gone_ = 0;
  std::uint64_t ttl_ns_ = 0;
};

struct Queued : ::testing::Test {
  void SetUp() override {
    world.admission = barrier;
    world.rebuild();
    ServerOptions options;
    options.address = "127.0.0.1";
    ServerRoutes routes;
    routes.process = &world.services;
    std::string error;
    server = Server::start(options, routes, error);
    ASSERT_TRUE(server) << error;
    stream.emplace(connect(*server));
    stream->request_headers();
    stream->request_body(kCompletion, true);
    ASSERT_TRUE(barrier->asked());
  }

  World world;
  std::shared_ptr<Barrier> barrier = std::make_shared<Barrier>();
  std::unique_ptr<Server> server;
  std::optional<ClientStream> stream;
};

struct FlowControlWeakSpot : Queued {};

TEST_F(FlowControlWeakSpot, W30_AHalfCloseIsNoticedWhileTheRequestWaits) {
  stream->half_close();
  EXPECT_TRUE(barrier->withdrawn());
  const pb::ProcessingResponse reply = stream->read().value();
  ASSERT_TRUE(reply.has_immediate_response());
  EXPECT_EQ(reply.immediate_response().status().code(), 503);
  EXPECT_TRUE(stream->status().ok());
}

TEST_F(FlowControlWeakSpot, W06_ACancelledStreamLeavesTheQueueAtOnce) {
  stream->cancel();
  EXPECT_TRUE(barrier->withdrawn());
  EXPECT_TRUE(eventually([&] { return server->open_calls() == 0; }));
  EXPECT_EQ(world.metric(R"(llm_d_epp_request_error_total{error_code="ServiceUnavailable"})"), 1);
}

TEST_F(Queued, AMessageThatComesEarlyIsHeldBack) {
  stream->response_headers({{":status", "200"}});
  stream->response_body("{}", true);
  barrier->open();
  EXPECT_TRUE(stream->read()->has_request_headers());
  EXPECT_TRUE(stream->read()->has_request_body());
  EXPECT_TRUE(stream->read()->has_response_headers());
  EXPECT_TRUE(stream->read()->has_response_body());
  stream->half_close();
  EXPECT_TRUE(stream->status().ok());
}

TEST_F(Queued, TheStreamsDeadlineLimitsTheWait) {
  EXPECT_GT(barrier->ttl_ns(), 0u);
  EXPECT_LE(barrier->ttl_ns(), 21'000'000'000u) << "the patience of ClientStream, as gRPC rounds it";
}

// A server that shuts down waits for it as for any other stream.
TEST_F(Queued, IsServedWhileTheServerShutsDown) {
  std::thread shutdown([&] { server->shutdown(std::chrono::seconds(20)); });
  ClientStream late(connect(*server), std::chrono::seconds(5));
  EXPECT_FALSE(late.status().ok()) << "no new streams";
  barrier->open();
  EXPECT_TRUE(stream->read()->has_request_headers());
  EXPECT_TRUE(stream->read()->has_request_body());
  stream->response_headers({{":status", "200"}});
  EXPECT_TRUE(stream->read()->has_response_headers());
  stream->response_body("{}", true);
  EXPECT_TRUE(stream->read()->has_response_body());
  stream->half_close();
  EXPECT_TRUE(stream->status().ok());
  shutdown.join();
}

}  // namespace
}  // namespace epp::extproc::testing
