#include "unit/flowcontrol/world.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace epp::flowcontrol::testing {

void RecordingObserver::asked(const Subject& subject) {
  ++open;
  ids.emplace_back(subject.fairness_id);
  if (subject.fell_back) ++fell_back;
}

void RecordingObserver::enqueued(const Subject&, const Verdict& verdict, Nanos) {
  EXPECT_GT(open, 0u);
  EXPECT_NE(verdict.outcome, Outcome::kDispatched);
}

void RecordingObserver::ended(const Subject& subject, const Verdict& verdict, Nanos) {
  ASSERT_GT(open, 0u) << "ended without having asked";
  EXPECT_NE(verdict.outcome, Outcome::kNotYetFinalized);
  --open;
  ++outcomes[{std::string(to_string(verdict.outcome)), subject.priority}];
}

void RecordingObserver::flow_removed(std::string_view fairness_id, std::int32_t priority) {
  removed_flows.push_back(std::string(fairness_id) + ":" + std::to_string(priority));
}

std::uint64_t RecordingObserver::count(Outcome outcome) const {
  std::uint64_t sum = 0;
  for (const auto& [key, count] : outcomes)
    sum += key.first == to_string(outcome) ? count : 0;
  return sum;
}

BandOptions band(std::int32_t priority, std::shared_ptr<TestFairness> fairness,
                 std::shared_ptr<TestOrdering> ordering) {
  BandOptions options;
  options.priority = priority;
  options.max_requests = 5000;
  options.max_bytes = 1'000'000'000;
  options.fairness = std::move(fairness);
  options.ordering = std::move(ordering);
  return options;
}

Options default_options() {
  Options options;
  options.default_ttl_ns = 60 * kSecond;
  options.no_endpoint_ttl_ns = 60 * kSecond;
  options.bands = {band(0)};
  options.default_band = band(0);
  options.default_negative_band = band(0);
  options.usage_limits = ceiling_of(1.0);
  return options;
}

World::World() {
  detector = std::make_shared<TestDetector>(
      [this](const epp_candidates& candidates, const epp_reservations& reservations, std::uint64_t&) {
        if (candidates.count == 0) return 1.0;
        return static_cast<double>(running().size() + reservations.undecided) / places;
      });
  set_endpoints({{"pod", ""}});
}

World::~World() {
  // Nobody is asked any more: what the test's functions refer to is gone.
  if (dispatcher_) dispatcher_->stop();
  for (const auto& client : clients_)
    client->ticket.reset();
  clients_.clear();
  dispatcher_.reset();
  EXPECT_EQ(observer.open, 0u) << "a request never ended";
}

Dispatcher& World::dispatcher() {
  if (!dispatcher_) {
    options.detector = detector;
    dispatcher_ = std::make_unique<Dispatcher>(options, table, attributes, observer, alarm, reclaimer);
  }
  return *dispatcher_;
}

void World::decided(Client& client, const Verdict& verdict) {
  EXPECT_FALSE(client.verdict.has_value()) << client.name << " was told twice";
  client.verdict = verdict;
  client.decided_at = clock.now;
  if (verdict.outcome != Outcome::kDispatched) return;
  started_.push_back(client.name);
}

Client& World::ask(const std::string& name, const AskOptions& wanted) {
  Client& client = *clients_.emplace_back(std::make_unique<Client>());
  client.name = name;
  client.fairness_id = wanted.flow;
  client.ask = {.fairness_id = client.fairness_id,
                .priority = wanted.priority,
                .bytes = wanted.bytes,
                .cost = wanted.cost,
                .weight = wanted.weight,
                .received_ns = clock.now,
                .ttl_ns = wanted.ttl,
                .needs = wanted.needs};
  Dispatcher& queue = dispatcher();
  Dispatcher::Answer answer = queue.enqueue(client.ask, [this, &client](const Verdict& verdict) {
    decided(client, verdict);
    if (verdict.outcome != Outcome::kDispatched || !start_when_dispatched) return;
    client.running = true;
    client.ticket->scheduled(endpoints_.front()->slot(), endpoints_.front()->uid());
  });
  client.ticket = std::move(answer.ticket);
  if (answer.verdict.outcome == Outcome::kNotYetFinalized) return client;
  decided(client, answer.verdict);
  EXPECT_EQ(client.ticket != nullptr, client.outcome() == Outcome::kDispatched);
  if (client.outcome() == Outcome::kDispatched && start_when_dispatched) {
    client.running = true;
    client.ticket->scheduled(endpoints_.front()->slot(), endpoints_.front()->uid());
  }
  return client;
}

void World::finish(Client& client) {
  ASSERT_EQ(client.outcome(), Outcome::kDispatched) << client.name;
  client.running = false;
  client.ticket.reset();
}

void World::cancel(Client& client) {
  client.running = false;
  client.ticket.reset();
}

void World::advance(Nanos by) {
  const Nanos until = clock.now + by;
  while (alarm.at <= until) {
    clock.now = std::max<Nanos>(clock.now, alarm.at);
    alarm.at = kNever;
    dispatcher().on_alarm();
  }
  clock.now = until;
}

void World::set_endpoints(std::vector<std::pair<std::string, std::string>> names_and_roles) {
  std::vector<endpoints::EndpointSpec> specs;
  for (auto& [name, role] : names_and_roles) {
    endpoints::EndpointSpec& spec = specs.emplace_back();
    spec.name = name;
    spec.address = "192.0.2.1";
    spec.port = "8000";
    if (!role.empty()) spec.labels.emplace_back("llm-d.ai/role", role);
  }
  table.replace(std::move(specs));
  endpoints_.clear();
  const auto snapshot = table.snapshot();
  for (const std::uint32_t slot : snapshot->slots())
    endpoints_.push_back(snapshot->endpoint(slot));
  if (dispatcher_) dispatcher_->poke();
}

std::string World::take_started() {
  std::string text;
  for (const std::string& name : started_)
    text += (text.empty() ? "" : " ") + name;
  started_.clear();
  return text;
}

std::vector<Client*> World::running() const {
  std::vector<Client*> found;
  for (const auto& client : clients_) {
    if (client->running) found.push_back(client.get());
  }
  return found;
}

std::string World::drain() {
  for (std::vector<Client*> busy = running(); !busy.empty(); busy = running())
    finish(*busy.front());
  return take_started();
}

}  // namespace epp::flowcontrol::testing
