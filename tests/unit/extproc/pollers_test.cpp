#include "extproc/pollers.h"

#include "support/wait.h"

#include <chrono>
#include <cstdint>
#include <latch>
#include <list>
#include <memory>

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace epp::extproc {
namespace {

/// Keeps the thread that takes it until it is let go.
class LongCall final : public Event {
 public:
  explicit LongCall(grpc::CompletionQueue& queue) {
    alarm_.Set(&queue, std::chrono::system_clock::now(), static_cast<Event*>(this));
  }
  void proceed(bool /*ok*/) override {
    thread_ = ::gettid();
    taken_.count_down();
    released_.wait();
  }
  /// Whose it is.
  std::int32_t thread() {
    taken_.wait();
    return thread_;
  }
  void release() { released_.count_down(); }

 private:
  grpc::Alarm alarm_;
  std::int32_t thread_ = 0;
  std::latch taken_{1}, released_{1};
};

class PollersTest : public ::testing::Test {
 protected:
  PollersTest() { pollers.add(*queue); }
  ~PollersTest() override {
    pollers.freeze();
    queue->Shutdown();
  }

  LongCall& call() { return calls.emplace_back(*queue); }

  grpc::ServerBuilder builder;
  std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  std::list<LongCall> calls;
  Pollers pollers;
};

TEST_F(PollersTest, AKeptThreadHasARelief) {
  LongCall& kept = call();
  ASSERT_TRUE(pollers.relieve(kept.thread()));
  EXPECT_FALSE(pollers.relieve(kept.thread())) << "one is enough";
  LongCall& next = call();
  EXPECT_NE(next.thread(), kept.thread());
  next.release();
  kept.release();
  pollers.dismiss(kept.thread());
  EXPECT_EQ(pollers.reliefs(), 0u);
}

// A thread is back, and leaves in another's place before its own return was noticed.
TEST_F(PollersTest, AThreadThatLeavesTakesItsReliefAlong) {
  LongCall& first = call();
  ASSERT_TRUE(pollers.relieve(first.thread()));
  LongCall& second = call();
  ASSERT_TRUE(pollers.relieve(second.thread()));
  LongCall& third = call();
  third.thread();
  first.release();
  // All but the first are kept: it takes the message.
  pollers.dismiss(second.thread());
  EXPECT_TRUE(testing::wait_until([&] { return pollers.reliefs() == 0; }));
  pollers.dismiss(first.thread());
  EXPECT_EQ(pollers.reliefs(), 0u);
  second.release();
  third.release();
}

}  // namespace
}  // namespace epp::extproc
