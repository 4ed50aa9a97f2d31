// A model server that has nothing but /metrics and does as it is told.
#pragma once

#include "endpoints/endpoint.h"
#include "net/http_server.h"
#include "net/io_pool.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace epp::testing {

class FakeModelServer {
 public:
  using Behaviour = std::function<void(const std::shared_ptr<net::HttpExchange>&)>;

  explicit FakeModelServer(net::IoPool& pool, std::string path = "/metrics") : server_(pool, {}) {
    server_.route(std::move(path), [this](std::shared_ptr<net::HttpExchange> exchange) {
      ++hits;
      Behaviour behaviour;
      {
        std::lock_guard lock(mutex_);
        behaviour = behaviour_;
      }
      behaviour(exchange);
    });
    serve("");
    server_.start();
  }

  void act(Behaviour behaviour) {
    std::lock_guard lock(mutex_);
    behaviour_ = std::move(behaviour);
  }
  void serve(std::string body, unsigned status = 200) {
    act([body = std::move(body), status](const auto& exchange) {
      net::HttpResponse response;
      response.status = status;
      response.body = body;
      exchange->respond(std::move(response));
    });
  }
  // Takes requests and never answers them.
  void hang() {
    act([this](const auto& exchange) {
      std::lock_guard lock(mutex_);
      held_.push_back(exchange);
    });
  }
  void queue(double waiting) { serve(page(waiting)); }

  static std::string page(double waiting) {
    return "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting " + std::to_string(waiting) +
           "\n# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 2\n"
           "# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc 0.5\n"
           "# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"9\"} 1\n";
  }

  endpoints::EndpointSpec spec(const std::string& name) const {
    endpoints::EndpointSpec spec;
    spec.name = name;
    spec.address = "127.0.0.1";
    spec.port = std::to_string(server_.port());
    return spec;
  }
  std::size_t connections() const { return server_.connections(); }

  std::atomic<int> hits{0};

 private:
  std::mutex mutex_;
  Behaviour behaviour_;
  std::vector<std::shared_ptr<net::HttpExchange>> held_;
  net::HttpServer server_;
};

}  // namespace epp::testing
