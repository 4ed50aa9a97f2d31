#include "once.h"

#include "conversation.h"
#include "decisions.h"
#include "traffic.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <thread>

namespace epp::demo {
namespace {

// Collects what happened and what was wrong about it.
class Run {
 public:
  explicit Run(Cluster& cluster) : cluster_(cluster) {}

  Cluster& cluster() { return cluster_; }

  // The EPP's reasons for this outcome; nullptr (and a failure) if there are none or they are wrong.
  const Decision* judge(const Outcome& outcome) {
    ++answers_;
    if (!outcome.wrong.empty()) {
      fail(outcome, outcome.wrong);
      return nullptr;
    }
    const Decision* decision = decisions_.find(outcome.request_id);
    if (decision == nullptr) {
      fail(outcome, "the EPP shows no decision for it");
      return nullptr;
    }
    if (const std::string broken = violation(*decision, cluster_.weights()); !broken.empty()) fail(outcome, broken);
    const Endpoint* target = cluster_.at(decision->target);
    if (target == nullptr || target->name != outcome.endpoint) {
      fail(outcome, "decided for " + decision->target + ", but " + outcome.endpoint + " answered");
    }
    return decision;
  }

  const Decision* ask_and_judge(Conversation& conversation, bool stream, Outcome& outcome) {
    outcome = conversation.ask(cluster_.client_port(), stream);
    collect();
    return judge(outcome);
  }

  void collect() { decisions_.collect(cluster_.epp()); }

  void fail(const Outcome& outcome, const std::string& why) {
    fail(outcome.request_id + " (" + outcome.tenant + ")", why);
  }

  void fail(const std::string& what, const std::string& why) {
    ++failures_;
    std::printf("  WRONG %s: %s\n", what.c_str(), why.c_str());
  }

  void report(const char* phase) {
    std::printf("%-60s %3d answers checked, %d wrong\n", phase, answers_, failures_);
    std::fflush(stdout);
    all_failures_ += failures_;
    answers_ = failures_ = 0;
  }

  int all_failures() const { return all_failures_; }

 private:
  Cluster& cluster_;
  Decisions decisions_;
  int answers_ = 0;
  int failures_ = 0;
  int all_failures_ = 0;
};

// On idle servers nothing outweighs a cached prefix: a conversation stays where it began.
void check_affinity(Run& run) {
  for (int number = 0; number < 4; ++number) {
    Conversation conversation(tenant(number), number);
    std::string home;
    for (int turn = 0; turn < 5; ++turn) {
      Outcome outcome;
      if (run.ask_and_judge(conversation, turn % 2 == 1, outcome) == nullptr) break;
      if (turn == 0) home = outcome.endpoint;
      if (outcome.endpoint != home)
        run.fail(outcome, "left " + home + ", which has its prefix, for " + outcome.endpoint);
      if (turn > 0 && outcome.prefix_hit_tokens == 0) run.fail(outcome, "found nothing in the KV cache of " + home);
    }
  }
  run.report("affinity: conversations stay with their prefix");
}

// A server that reports a long queue gets no new conversation.
void check_load(Run& run) {
  const Endpoint& busy = run.cluster().endpoints().front();
  busy.sim->control(R"({"metrics":{"waiting":100}})");
  const auto deadline = testing::Clock::now() + testing::kPatience;
  bool known = false;
  for (int number = 0; !known && testing::Clock::now() < deadline; ++number) {
    Conversation probe("probe " + std::to_string(number), number);
    Outcome outcome;
    const Decision* decision = run.ask_and_judge(probe, false, outcome);
    const Candidate* candidate = decision == nullptr ? nullptr : decision->candidate(busy.sim->address());
    known =
        candidate != nullptr && candidate->scores.contains("queue-scorer") && candidate->scores.at("queue-scorer") == 0;
  }
  if (!known) run.fail(busy.name, "the EPP does not see its queue");
  for (int number = 0; number < 12; ++number) {
    Conversation fresh("visitor " + std::to_string(number), number);
    Outcome outcome;
    if (run.ask_and_judge(fresh, number % 2 == 0, outcome) != nullptr && outcome.endpoint == busy.name) {
      run.fail(outcome, "went to " + busy.name + ", which has the longest queue and nothing cached");
    }
  }
  busy.sim->control(R"({"reset":true})");
  run.report("load: a server with a long queue is avoided");
}

// Many at once: everybody gets the answer to its own question, and all servers take part.
void check_crowd(Run& run) {
  constexpr int kClients = 16;
  constexpr int kTurns = 4;
  std::vector<std::vector<Outcome>> outcomes(kClients);
  std::vector<std::thread> threads;
  for (int client = 0; client < kClients; ++client) {
    threads.emplace_back([&, client] {
      Conversation conversation("crowd " + std::to_string(client), client);
      for (int turn = 0; turn < kTurns; ++turn) {
        outcomes[static_cast<std::size_t>(client)].push_back(
            conversation.ask(run.cluster().client_port(), (client + turn) % 2 == 0));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  run.collect();
  std::set<std::string> used;
  for (const auto& of_client : outcomes) {
    for (const Outcome& outcome : of_client) {
      run.judge(outcome);
      used.insert(outcome.endpoint);
    }
  }
  if (used.size() < 2) run.fail("crowd", "one server took everything");
  run.report("crowd: 16 clients at once, plain and streamed");
}

}  // namespace

int run_once(Cluster& cluster) {
  Run run(cluster);
  check_affinity(run);
  check_load(run);
  check_crowd(run);
  if (const std::string what = cluster.broken(); !what.empty()) run.fail("cluster", what);
  run.report("cluster: every process still runs");
  std::printf(run.all_failures() == 0 ? "all right\n" : "%d things were wrong\n", run.all_failures());
  return run.all_failures() == 0 ? 0 : 1;
}

}  // namespace epp::demo
