#include "app/plugin_thread.h"

#include "app/current.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::app {
namespace {

struct Witness {
  explicit Witness(std::thread::id& where) : ended_on(where) {}
  ~Witness() { ended_on = std::this_thread::get_id(); }
  std::thread::id& ended_on;
};

TEST(PluginThread, WorksInOrderOnOneThread) {
  PluginThread thread;
  std::vector<int> order;
  std::thread::id first;
  std::thread::id second;
  thread.post([&] { first = std::this_thread::get_id(); });
  thread.post([&] { order.push_back(1); });
  thread.run([&] {
    order.push_back(2);
    second = std::this_thread::get_id();
  });
  EXPECT_EQ(order, (std::vector{1, 2}));
  EXPECT_EQ(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
}

TEST(PluginThread, OwnedObjectsEndThere) {
  std::thread::id worker;
  std::thread::id ended_on;
  PluginThread thread;
  thread.run([&] { worker = std::this_thread::get_id(); });
  std::shared_ptr<Witness> owned = thread.own(std::make_unique<Witness>(ended_on));
  std::thread([last = std::move(owned)]() mutable { last.reset(); }).join();
  thread.run([] {});
  EXPECT_EQ(ended_on, worker);
}

TEST(PluginThread, StopDoesWhatWorkPosts) {
  PluginThread thread;
  int rounds = 0;
  thread.post([&] {
    ++rounds;
    thread.post([&] { ++rounds; });
  });
  thread.stop();
  EXPECT_EQ(rounds, 2);
}

TEST(PluginThread, AfterStopWorkIsDoneByTheCaller) {
  std::thread::id ended_on;
  PluginThread thread;
  const auto owned = std::make_unique<std::shared_ptr<Witness>>(thread.own(std::make_unique<Witness>(ended_on)));
  thread.stop();
  owned->reset();
  EXPECT_EQ(ended_on, std::this_thread::get_id());
}

TEST(Current, ShowsWhatWasSetLast) {
  Current<const int> current;
  EXPECT_EQ(current.get(), nullptr);
  current.set(std::make_shared<const int>(1));
  EXPECT_EQ(*current.get(), 1);
  current.set(std::make_shared<const int>(2));
  EXPECT_EQ(*current.get(), 2);
  current.set(nullptr);
  EXPECT_EQ(current.get(), nullptr);
}

TEST(Current, ThreadsThatLookedKeepNothingAlive) {
  Current<const int> current;
  auto first = std::make_shared<const int>(1);
  const std::weak_ptr<const int> watch = first;
  current.set(std::move(first));
  EXPECT_EQ(*current.get(), 1);  // this thread remembers it
  current.set(std::make_shared<const int>(2));
  EXPECT_TRUE(watch.expired());
}

TEST(Current, SeveralObjectsAreToldApart) {
  Current<const int> a;
  Current<const int> b;
  a.set(std::make_shared<const int>(1));
  b.set(std::make_shared<const int>(2));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*a.get(), 1);
    EXPECT_EQ(*b.get(), 2);
  }
}

TEST(Current, ReadersNeverGoBack) {
  Current<const int> current;
  current.set(std::make_shared<const int>(0));
  std::atomic<bool> over{false};
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (int last = 0; !over;) {
        const int now = *current.get();
        if (now < last) ++wrong;
        last = now;
      }
    });
  }
  for (int value = 1; value <= 2000; ++value)
    current.set(std::make_shared<const int>(value));
  over = true;
  for (std::thread& reader : readers)
    reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(*current.get(), 2000);
}

}  // namespace
}  // namespace epp::app
