#include "conformance/engine.h"

#include "net/http_server.h"
#include "net/io_pool.h"
#include "support/wait.h"

#include <algorithm>
#include <mutex>
#include <sstream>
#include <stdexcept>

namespace epp::conformance {

using testing::Clock;

struct Engine::Impl {
  Impl(const std::string& address, std::uint16_t port) {
    net::HttpServerOptions options;
    options.address = address;
    options.port = port;
    server = std::make_unique<net::HttpServer>(pool, std::move(options));
  }

  std::mutex mutex;
  net::HttpResponse response;
  std::vector<Clock::time_point> scrapes;
  net::IoPool pool{1};
  std::unique_ptr<net::HttpServer> server;
};

std::string vllm_page(double waiting, double running, double kv_usage) {
  std::ostringstream page;
  page << "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting " << waiting
       << "\n# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running " << running
       << "\n# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc " << kv_usage << "\n";
  return page.str();
}

Engine::Engine(const std::string& page, const std::string& address, std::uint16_t port)
    : impl_(std::make_unique<Impl>(address, port)) {
  serve(page);
  impl_->server->route("/metrics", [this](const std::shared_ptr<net::HttpExchange>& exchange) {
    const std::lock_guard lock(impl_->mutex);
    impl_->scrapes.push_back(Clock::now());
    exchange->respond(impl_->response);
  });
  impl_->server->start();
}

Engine::~Engine() {
  impl_->server->stop();
}

std::uint16_t Engine::port() const {
  return impl_->server->port();
}

void Engine::serve(std::string page, unsigned status) {
  const std::lock_guard lock(impl_->mutex);
  impl_->response.status = status;
  impl_->response.body = std::move(page);
}

std::size_t Engine::scrapes() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->scrapes.size();
}

std::chrono::milliseconds Engine::scrape_interval(std::size_t count, double quantile) const {
  const std::size_t first = scrapes();
  if (!testing::wait_until([&] { return scrapes() > first + count; })) throw std::runtime_error("no longer scraped");
  const std::lock_guard lock(impl_->mutex);
  std::vector<Clock::duration> gaps;
  for (std::size_t i = first; i < first + count; ++i) {
    gaps.push_back(impl_->scrapes[i + 1] - impl_->scrapes[i]);
  }
  std::sort(gaps.begin(), gaps.end());
  return std::chrono::round<std::chrono::milliseconds>(
      gaps[static_cast<std::size_t>(quantile * static_cast<double>(count))]);
}

bool Engine::is_scraped_every(std::chrono::milliseconds expected) const {
  return testing::wait_until([&] { return std::chrono::abs(scrape_interval(15) - expected) <= expected / 10; });
}

}  // namespace epp::conformance
