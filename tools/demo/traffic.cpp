#include "traffic.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace epp::demo {
namespace {

constexpr int kTenants = 4;
constexpr int kTurns = 8;

}  // namespace

std::string tenant(int number) {
  return std::string("tenant-") + static_cast<char>('a' + number % kTenants);
}

Traffic::Traffic(std::uint16_t port, int clients, std::string objective)
    : port_(port), objective_(std::move(objective)), under_way_(static_cast<std::size_t>(clients)) {
  for (std::size_t client = 0; client < under_way_.size(); ++client)
    threads_.emplace_back([this, client] { run(client); });
}

Traffic::~Traffic() {
  stop();
}

void Traffic::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

std::map<std::string, Tally> Traffic::by_endpoint() const {
  const std::lock_guard lock(mutex_);
  return by_endpoint_;
}

std::uint64_t Traffic::requests() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [endpoint, tally] : by_endpoint_)
    sum += tally.requests;
  return sum;
}

bool Traffic::settled(testing::Clock::time_point time) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::none_of(under_way_, [&](const auto& since) { return since && *since < time; });
}

std::uint64_t Traffic::wrong_answers() const {
  const std::lock_guard lock(mutex_);
  return wrong_;
}

std::string Traffic::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

void Traffic::run(std::size_t client) {
  std::minstd_rand random(static_cast<std::uint32_t>(client) + 1);
  std::uniform_int_distribution<int> pause_ms(20, 400);
  const int name = static_cast<int>(client);
  for (int number = name; !stopping_; number += 1000) {
    Conversation conversation(tenant(name), number, name % 2 == 0 ? objective_ : std::string());
    for (int turn = 0; turn < kTurns && !stopping_; ++turn) {
      ask(client, conversation, /*stream=*/(name + turn) % 2 == 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms(random)));  // The user reads.
    }
  }
}

void Traffic::ask(std::size_t client, Conversation& conversation, bool stream) {
  const auto asked = testing::Clock::now();
  {
    const std::lock_guard lock(mutex_);
    under_way_[client] = asked;
  }
  const Outcome outcome = conversation.ask(port_, stream);
  const std::lock_guard lock(mutex_);
  under_way_[client].reset();
  if (!outcome.endpoint.empty()) {
    Tally& tally = by_endpoint_[outcome.endpoint];
    ++tally.requests;
    tally.last_asked = std::max(tally.last_asked, asked);
    tally.prefix_hit_tokens += outcome.prefix_hit_tokens;
    tally.prompt_tokens += outcome.prompt_tokens;
  }
  if (!outcome.wrong.empty()) {
    ++wrong_;
    last_error_ = outcome.request_id + ": " + outcome.wrong;
  }
}

}  // namespace epp::demo
