#include "churn.h"

#include "deployment.h"

#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

// Longer than any hang of a test.
constexpr std::chrono::seconds kClientPatience{30};
// Slow enough for the EPP's list of recent decisions to be followed.
constexpr std::chrono::milliseconds kPace{15};

ChurnRequest send_one(std::uint16_t port, const std::string& id, bool stream) {
  ChurnRequest request{.id = id, .start = Clock::now(), .end = {}, .error = {}};
  try {
    const HttpResponse response = http(port,
                                       {.method = "POST",
                                        .path = "/v1/chat/completions",
                                        .headers = {{"content-type", "application/json"}, {"x-request-id", id}},
                                        .body = chat_body(id, stream)},
                                       kClientPatience);
    request.status = response.status;
    request.error = response.body.substr(0, 200);
    if (response.status == 200 && chat_text(response) != chat_answer(id)) request.status = 0;
  } catch (const std::exception& error) {
    request.status = 0;
    request.error = error.what();
  }
  request.end = Clock::now();
  return request;
}

}  // namespace

ChurnTraffic::ChurnTraffic(std::uint16_t port) : port_(port), pacer_([this] { pace(); }) {}

ChurnTraffic::~ChurnTraffic() {
  stop();
}

const std::vector<ChurnRequest>& ChurnTraffic::stop() {
  stopping_ = true;
  if (pacer_.joinable()) pacer_.join();
  for (std::thread& sender : senders_)
    sender.join();
  senders_.clear();
  return requests_;
}

void ChurnTraffic::pace() {
  auto next = Clock::now();
  for (int number = 0; !stopping_; ++number) {
    senders_.emplace_back([this, number] { send(number); });
    next += kPace;
    std::this_thread::sleep_until(next);
  }
}

void ChurnTraffic::send(int number) {
  ChurnRequest request = send_one(port_, "churn-" + std::to_string(number), number % 2 == 0);
  const std::lock_guard lock(mutex_);
  requests_.push_back(std::move(request));
}

DecisionFollower::DecisionFollower(EppServer& epp) : epp_(epp) {
  epp_.decisions();  // The first look starts the recording.
  thread_ = std::thread([this] { run(); });
}

DecisionFollower::~DecisionFollower() {
  stopping_ = true;
  thread_.join();
}

std::string DecisionFollower::target(const std::string& request_id) {
  const std::lock_guard lock(mutex_);
  const auto it = targets_.find(request_id);
  return it == targets_.end() ? std::string() : it->second;
}

std::size_t DecisionFollower::picks_of(const std::string& address) {
  const std::lock_guard lock(mutex_);
  return picks_[address];
}

std::size_t DecisionFollower::decisions() {
  const std::lock_guard lock(mutex_);
  return targets_.size();
}

void DecisionFollower::run() {
  while (!stopping_) {
    const nlohmann::json recent = epp_.decisions();
    {
      const std::lock_guard lock(mutex_);
      for (const auto& decision : recent) {
        const std::string target = decision["target"];
        if (targets_.try_emplace(decision["request_id"], target).second) ++picks_[target];
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace epp::testing
