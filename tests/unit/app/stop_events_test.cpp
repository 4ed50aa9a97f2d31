#include "app/stop_events.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>

namespace epp::app {
namespace {

using namespace std::chrono_literals;

TEST(StopEvents, ASignal) {
  StopEvents events;
  raise(SIGTERM);
  EXPECT_EQ(events.wait().signal, SIGTERM);
}

TEST(StopEvents, ARequestOfAnotherThread) {
  StopEvents events;
  std::thread other([&] {
    events.request("first");
    events.request("second");
  });
  const StopEvents::Cause cause = events.wait();
  other.join();
  EXPECT_EQ(cause.signal, 0);
  EXPECT_EQ(cause.why, "first");
}

TEST(StopEvents, WaitingForARequestHasALimit) {
  StopEvents events;
  raise(SIGINT);
  EXPECT_FALSE(events.wait_for_request(1ms)) << "signals do not end it";
  EXPECT_FALSE(events.wait_for_request(-1s));
  EXPECT_EQ(events.wait().signal, SIGINT);
  events.request("now");
  EXPECT_EQ(events.wait_for_request(1h)->why, "now");
}

TEST(KubernetesCheck, C28_ASecondSignalEndsWithOne) {
  EXPECT_EXIT(
      {
        StopEvents events;
        raise(SIGTERM);
        events.wait();
        StopEvents::exit_on_signal();
        raise(SIGTERM);
      },
      ::testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace epp::app
