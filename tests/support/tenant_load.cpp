#include "support/tenant_load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint64_t kExamples = 5;

HttpRequest question(const TenantLoad& load, const std::string& id) {
  HttpRequest request{.method = "POST",
                      .path = "/v1/completions",
                      .headers = {{"content-type", "application/json"},
                                  {"x-request-id", id},
                                  {"x-llm-d-inference-fairness-id", load.tenant}},
                      .body = json({{"model", load.model},
                                    {"prompt", "a question of " + id},
                                    {"max_tokens", load.output_tokens},
                                    {"ignore_eos", true}})
                                  .dump()};
  if (!load.objective.empty()) request.headers["x-llm-d-inference-objective"] = load.objective;
  return request;
}

// What a complete answer cost. Throws std::runtime_error if it is none.
std::uint64_t tokens_of(const HttpResponse& response) {
  if (response.status != 200) throw std::runtime_error(std::to_string(response.status) + " " + response.body);
  return json::parse(response.body).at("usage").at("total_tokens").get<std::uint64_t>();
}

}  // namespace

milliseconds TenantTally::quantile(double q) const {
  if (latencies.empty()) return milliseconds(0);
  std::vector<milliseconds> sorted = latencies;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), at, sorted.end());
  return *at;
}

TenantTraffic::TenantTraffic(std::uint16_t port, const std::vector<TenantLoad>& loads) : port_(port) {
  for (const TenantLoad& load : loads) {
    for (unsigned client = 0; client < load.clients; ++client)
      clients_.emplace_back([this, load, client] { run(load, client); });
  }
}

TenantTraffic::~TenantTraffic() {
  stop();
}

void TenantTraffic::stop() {
  stopping_ = true;
  for (std::thread& client : clients_)
    client.join();
  clients_.clear();
}

std::map<TenantTraffic::Key, TenantTally> TenantTraffic::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tallies_, {});
}

std::string TenantTraffic::examples_of_lost() const {
  const std::lock_guard lock(mutex_);
  return examples_;
}

void TenantTraffic::run(const TenantLoad& load, unsigned client) {
  const std::string name = load.tenant + "-" + load.objective + "-" + std::to_string(client) + "-";
  for (int number = 0; !stopping_; ++number) {
    const std::string id = name + std::to_string(number);
    const auto asked = Clock::now();
    try {
      const std::uint64_t tokens = tokens_of(http(port_, question(load, id), load.patience));
      const auto latency = Clock::now() - asked;
      const std::lock_guard lock(mutex_);
      TenantTally& tally = tallies_[{load.tenant, load.objective}];
      ++tally.answers;
      tally.tokens += tokens;
      tally.waited += latency;
      tally.latencies.push_back(std::chrono::round<milliseconds>(latency));
    } catch (const std::exception& error) {
      lose(id + ": " + error.what());
    }
    if (load.pause.count() > 0) std::this_thread::sleep_for(load.pause);
  }
}

void TenantTraffic::lose(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (++lost_ <= kExamples) examples_ += what + "\n";
}

}  // namespace epp::testing
