#include "traffic.h"

#include <chrono>
#include <random>

namespace epp::demo {
namespace {

constexpr int kTenants = 4;
constexpr int kTurns = 8;

}  // namespace

std::string tenant(int number) {
  return std::string("tenant-") + static_cast<char>('a' + number % kTenants);
}

Traffic::Traffic(std::uint16_t port, int clients) : port_(port) {
  for (int client = 0; client < clients; ++client)
    threads_.emplace_back([this, client] { run(client); });
}

Traffic::~Traffic() {
  stopping_ = true;
  for (std::thread& thread : threads_)
    thread.join();
}

std::map<std::string, Tally> Traffic::by_endpoint() const {
  const std::lock_guard lock(mutex_);
  return by_endpoint_;
}

std::uint64_t Traffic::wrong_answers() const {
  const std::lock_guard lock(mutex_);
  return wrong_;
}

std::string Traffic::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

void Traffic::run(int client) {
  std::minstd_rand random(static_cast<std::uint32_t>(client) + 1);
  std::uniform_int_distribution<int> pause_ms(20, 400);
  for (int number = client; !stopping_; number += 1000) {
    Conversation conversation(tenant(client), number);
    for (int turn = 0; turn < kTurns && !stopping_; ++turn) {
      count(conversation.ask(port_, /*stream=*/(client + turn) % 2 == 0));
      std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms(random)));  // The user reads.
    }
  }
}

void Traffic::count(const Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  if (!outcome.endpoint.empty()) {
    Tally& tally = by_endpoint_[outcome.endpoint];
    ++tally.requests;
    tally.prefix_hit_tokens += outcome.prefix_hit_tokens;
    tally.prompt_tokens += outcome.prompt_tokens;
  }
  if (!outcome.wrong.empty()) {
    ++wrong_;
    last_error_ = outcome.request_id + ": " + outcome.wrong;
  }
}

}  // namespace epp::demo
