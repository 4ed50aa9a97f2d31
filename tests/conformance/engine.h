// Stands in for a model server that is only scraped.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace epp::conformance {

// What a vLLM server would say.
std::string vllm_page(double waiting, double running = 0, double kv_usage = 0);

// Answers GET /metrics, and counts.
class Engine {
 public:
  // Port 0: any free one.
  explicit Engine(const std::string& page = vllm_page(0), const std::string& address = "127.0.0.1",
                  std::uint16_t port = 0);
  ~Engine();

  std::uint16_t port() const;
  void serve(std::string page, unsigned status = 200);

  std::size_t scrapes() const;
  // The time between one scrape and the next, over `count` scrapes that are yet to come: the median, or another
  // quantile.
  std::chrono::milliseconds scrape_interval(std::size_t count, double quantile = 0.5) const;
  // Whether the median interval is found to be within a tenth of `expected`. On a busy machine some windows are not.
  bool is_scraped_every(std::chrono::milliseconds expected) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::conformance
