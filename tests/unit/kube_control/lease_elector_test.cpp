#include "kube/election/lease_elector.h"

#include "net/io_pool.h"
#include "unit/kube/fake_api.h"
#include "unit/net/events.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using testing::FakeApi;
using ::testing::HasSubstr;

constexpr milliseconds kSoon{500};

// One lease, with the server's version check, and the events about it.
class LeaseServer {
 public:
  Json lease() const {
    const std::lock_guard lock(mutex_);
    return lease_;
  }
  std::string holder() const { return lease().value("/spec/holderIdentity"_json_pointer, std::string("none")); }
  std::uint16_t port() const { return api.port(); }

  // Somebody else has written it, for an hour.
  void give_to(const std::string& holder) {
    const std::lock_guard lock(mutex_);
    lease_["spec"]["holderIdentity"] = holder;
    lease_["spec"]["leaseDurationSeconds"] = 3600;
    lease_["metadata"]["resourceVersion"] = std::to_string(++version_);
  }

  // Writes are answered once `open` is.
  void hold_writes(std::shared_future<void> open) {
    const std::lock_guard lock(mutex_);
    gate_ = std::move(open);
  }

  std::atomic<bool> refuses_writes = false;
  testing::Events<std::string> events;  // messages

 private:
  FakeApi::Reply answer(const FakeApi::Request& request) {
    std::unique_lock lock(mutex_);
    if (request.method() == "PUT" && gate_.valid()) {
      const std::shared_future<void> gate = gate_;
      lock.unlock();
      gate.wait();
      lock.lock();
    }
    if (request.target() == "/api/v1/namespaces/ns/events") {
      events.push(Json::parse(request.body).at("message"));
      return {.status = 201, .body = "{}"};
    }
    if (!request.target().starts_with("/apis/coordination.k8s.io/v1/namespaces/ns/leases")) return {.status = 404};
    if (request.method() == "GET") return lease_.is_null() ? FakeApi::Reply{.status = 404} : stored(200);
    if (refuses_writes) return {.status = 500};
    Json body = Json::parse(request.body);
    if (request.method() == "POST") {
      if (!lease_.is_null()) return {.status = 409};
    } else if (lease_.is_null() || body["metadata"]["resourceVersion"] != lease_["metadata"]["resourceVersion"]) {
      return {.status = 409};
    }
    lease_ = std::move(body);
    lease_["metadata"]["resourceVersion"] = std::to_string(++version_);
    return stored(request.method() == "POST" ? 201 : 200);
  }
  FakeApi::Reply stored(unsigned status) const { return {.status = status, .body = lease_.dump()}; }

  mutable std::mutex mutex_;
  std::shared_future<void> gate_;
  Json lease_;
  int version_ = 0;

 public:
  FakeApi api{[this](const FakeApi::Request& request) { return answer(request); }};
};

class Candidate final : public ElectionListener {
 public:
  Candidate(net::IoPool& pool, std::uint16_t port, const std::string& name, milliseconds renew_deadline,
            bool rejoin = false)
      : client_(pool, config(port)), elector(client_, pool, options(name, renew_deadline, rejoin), *this) {
    elector.start();
  }

  void on_started_leading() override { told.push("leads"); }
  void on_stopped_leading(std::string_view why) override { told.push(std::string(why)); }
  void on_leader_changed(std::string_view identity) override { seen.push(std::string(identity)); }
  void on_election_error(std::string_view text) override { errors.push(std::string(text)); }

  testing::Events<std::string> told;
  testing::Events<std::string> seen;
  testing::Events<std::string> errors;

 private:
  static ClusterConfig config(std::uint16_t port) {
    ClusterConfig config;
    config.server = {false, "127.0.0.1", std::to_string(port)};
    return config;
  }
  static ElectionOptions options(const std::string& name, milliseconds renew_deadline, bool rejoin) {
    ElectionOptions options;
    options.rejoin = rejoin;
    options.name_space = "ns";
    options.lease_name = "epp-ns-pool.llm-d.ai";
    options.identity = name;
    options.lease_duration = renew_deadline + milliseconds(100);
    options.renew_deadline = renew_deadline;
    options.retry_period = milliseconds(20);
    return options;
  }

  Client client_;

 public:
  LeaseElector elector;
};

class LeaseElectorTest : public ::testing::Test {
 protected:
  // The deadline is long where nobody is to lose on a busy machine.
  std::unique_ptr<Candidate> join(const std::string& name, milliseconds renew_deadline = seconds(30)) {
    return std::make_unique<Candidate>(pool, server.port(), name, renew_deadline);
  }
  LeaseServer server;
  net::IoPool pool{2, "test"};
};

TEST_F(LeaseElectorTest, OneLeadsAndHandsOver) {
  const auto first = join("one");
  ASSERT_EQ(first->told.next(), "leads");
  EXPECT_TRUE(first->elector.leading());
  EXPECT_EQ(first->seen.next(), "one");
  EXPECT_EQ(server.events.next(), "one became leader");

  const auto second = join("two");
  ASSERT_EQ(second->seen.next(), "one");
  EXPECT_FALSE(second->elector.leading());

  first->elector.release(seconds(5));
  EXPECT_FALSE(first->elector.leading());
  EXPECT_EQ(first->told.next(), kReleased);
  EXPECT_EQ(server.events.next(), "one stopped leading");
  ASSERT_EQ(second->told.next(), "leads");
  EXPECT_EQ(server.holder(), "two");
  EXPECT_EQ(server.lease()["spec"]["leaseTransitions"], 1);
}

TEST_F(LeaseElectorTest, AReleasedLeaseIsWrittenBeforeTheReturn) {
  const auto only = join("one");
  ASSERT_EQ(only->told.next(), "leads");
  only->elector.release(seconds(5));
  const Json spec = server.lease()["spec"];
  EXPECT_EQ(spec["holderIdentity"], "");
  EXPECT_EQ(spec["leaseDurationSeconds"], 1);
}

TEST_F(LeaseElectorTest, ALeaderThatCannotRenewHasLost) {
  const auto only = join("one", kSoon);
  ASSERT_EQ(only->told.next(), "leads");
  server.refuses_writes = true;
  const std::string error = only->errors.next().value_or("");
  EXPECT_THAT(error, HasSubstr("500"));
  ASSERT_EQ(only->told.next(), kLeadLost);
  EXPECT_FALSE(only->elector.leading());
  while (only->errors.size() != 0) {
    EXPECT_NE(only->errors.next(), error) << "the same error is told once";
  }
  const auto before = std::chrono::steady_clock::now();
  only->elector.release(seconds(60));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(30)) << "nothing is left to wait for";
}

TEST_F(LeaseElectorTest, ARenewalThatComesTooLateIsGivenBack) {
  const auto only = join("one", kSoon);
  ASSERT_EQ(only->told.next(), "leads");
  std::promise<void> open;
  server.hold_writes(open.get_future().share());
  ASSERT_EQ(only->told.next(), kLeadLost);
  open.set_value();
  EXPECT_TRUE(eventually([&] { return server.holder().empty(); }));
  EXPECT_FALSE(only->elector.leading());
  EXPECT_EQ(only->told.size(), 0U) << "it does not lead again";
}

TEST_F(LeaseElectorTest, OneThatRejoinsLeadsAgainOnceItCan) {
  Candidate only(pool, server.port(), "one", kSoon, /*rejoin=*/true);
  ASSERT_EQ(only.told.next(), "leads");
  server.refuses_writes = true;
  ASSERT_EQ(only.told.next(), kLeadLost);
  EXPECT_FALSE(only.elector.leading());
  server.refuses_writes = false;
  ASSERT_EQ(only.told.next(), "leads");
  EXPECT_EQ(server.holder(), "one");
  only.elector.release(seconds(5));
  EXPECT_EQ(server.holder(), "");
}

TEST_F(LeaseElectorTest, OneThatRejoinsFollowsWhoTookItsPlace) {
  Candidate first(pool, server.port(), "one", kSoon, /*rejoin=*/true);
  ASSERT_EQ(first.told.next(), "leads");
  std::promise<void> open;
  server.hold_writes(open.get_future().share());
  ASSERT_EQ(first.told.next(), kLeadLost);
  server.give_to("two");
  open.set_value();
  ASSERT_TRUE(eventually([&] { return first.seen.next() == "two"; }));
  EXPECT_FALSE(first.elector.leading());
}

TEST_F(LeaseElectorTest, AFollowerTakesOverFromOneThatWentSilent) {
  auto first = join("one", kSoon);
  ASSERT_EQ(first->told.next(), "leads");
  const auto second = join("two");
  ASSERT_EQ(second->seen.next(), "one");
  first.reset();
  ASSERT_EQ(second->told.next(), "leads");
  EXPECT_EQ(server.lease()["spec"]["leaseTransitions"], 1);
}

TEST_F(LeaseElectorTest, AFollowerLeavesAtOnce) {
  const auto first = join("one");
  ASSERT_EQ(first->told.next(), "leads");
  const auto second = join("two");
  ASSERT_EQ(second->seen.next(), "one");
  second->elector.release(seconds(5));
  EXPECT_EQ(second->told.size(), 0U);
  EXPECT_EQ(server.holder(), "one");
}

}  // namespace
}  // namespace epp::kube
