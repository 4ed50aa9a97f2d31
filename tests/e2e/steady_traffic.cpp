#include "steady_traffic.h"

#include "support/http_client.h"

#include <exception>

namespace epp::testing {
namespace {

// Longer than any hang of a test.
constexpr std::chrono::seconds kClientPatience{30};

SteadyAnswer ask(std::uint16_t port, const std::string& id) {
  SteadyAnswer answer{.id = id, .start = Clock::now(), .end = {}, .endpoint = {}, .error = {}};
  try {
    const HttpResponse response = http(port,
                                       {.method = "POST",
                                        .path = "/v1/completions",
                                        .headers = {{"content-type", "application/json"}, {"x-request-id", id}},
                                        .body = R"({"model":"demo","prompt":")" + id + R"(","max_tokens":3})"},
                                       kClientPatience);
    answer.status = response.status;
    answer.endpoint = response.header("x-sim-endpoint");
    if (response.status != 200) answer.error = response.body.substr(0, 200);
  } catch (const std::exception& error) {
    answer.error = error.what();
  }
  answer.end = Clock::now();
  return answer;
}

}  // namespace

SteadyTraffic::SteadyTraffic(std::uint16_t port, unsigned clients, std::chrono::milliseconds pause, Judge judge)
    : port_(port), pause_(pause), judge_(std::move(judge)) {
  for (unsigned client = 0; client < clients; ++client)
    clients_.emplace_back([this, client] { run(client); });
}

SteadyTraffic::~SteadyTraffic() {
  stop();
}

void SteadyTraffic::stop() {
  stopping_ = true;
  for (std::thread& client : clients_)
    client.join();
  clients_.clear();
}

void SteadyTraffic::run(unsigned client) {
  for (std::size_t number = 0; !stopping_; ++number) {
    const SteadyAnswer answer = ask(port_, "steady-" + std::to_string(client) + "-" + std::to_string(number));
    ++answers_;
    {
      const std::lock_guard lock(mutex_);
      judge_(answer);
    }
    std::this_thread::sleep_for(pause_);
  }
}

}  // namespace epp::testing
