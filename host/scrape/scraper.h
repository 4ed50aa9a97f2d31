// Polls every endpoint and stores what it says in the endpoint table.
//
//   tick --> per endpoint and source: GET
//   tick --> answers that came --> body --> extractors --> EndpointTable::store
//        \-> EndpointTable::publish: one snapshot for them all
//
// Nobody is woken by an answer: it could not be published before the next tick anyway. Names, TLS and redirects go by
// HttpClient instead, whose answers are stored as they come.
//
// An endpoint is polled at once when it appears, then at every base tick; endpoints are spread evenly over the tick. A
// poll has 1 s; a tick that finds the previous poll still running is dropped. Endpoints and sources do not wait for
// each other. A suspended endpoint is not polled; once it is back, at once.
#pragma once

#include "endpoints/endpoint_table.h"
#include "scrape/data_source.h"
#include "scrape/extractor.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epp::net {
class IoPool;
}

namespace epp::scrape {

// What happened, for counters and logs. Called on the scraper's threads and the pool's, concurrently; must not block.
class ScrapeObserver {
 public:
  virtual ~ScrapeObserver() = default;
  virtual void on_polled(std::string_view /*source_type*/, const endpoints::Endpoint& /*endpoint*/) {}
  // No answer, a status other than 200, or an unreadable body.
  virtual void on_poll_error(std::string_view source_type, const endpoints::Endpoint& endpoint,
                             std::string_view text) = 0;
  virtual void on_extract_error(std::string_view source_type, std::string_view extractor_type,
                                const endpoints::Endpoint& endpoint, std::string_view text) = 0;
  // An interval that is no multiple of the base tick and was rounded; once a source, at the start.
  virtual void on_interval_rounded(std::string_view /*source_name*/, std::chrono::nanoseconds /*wanted*/,
                                   std::chrono::nanoseconds /*used*/) {}
};

struct ScrapeSource {
  std::string type;  // e.g. "metrics-data-source"
  std::string name;  // instance name
  DataSourceParameters parameters;
  std::vector<std::shared_ptr<const Extractor>> extractors;
};

struct ScraperOptions {
  static constexpr std::chrono::nanoseconds kMinInterval = std::chrono::milliseconds(50);

  std::chrono::nanoseconds refresh_interval = kMinInterval;  // --refresh-metrics-interval; raised to kMinInterval
  std::chrono::milliseconds poll_timeout{1000};
  std::function<void(std::string_view what)> on_fault;  // of an exception that nobody caught; as IoPool's
};

// The base tick: max(50 ms, min(refresh interval, smallest positive interval of a source)).
[[nodiscard]] std::chrono::nanoseconds base_tick(std::chrono::nanoseconds refresh,
                                                 const std::vector<ScrapeSource>& sources);
// How many base ticks lie between two polls: round(interval / base), at least 1; 1 when interval is 0.
[[nodiscard]] std::uint64_t ticks_between_polls(std::chrono::nanoseconds interval, std::chrono::nanoseconds base);

// How polling one endpoint through one source goes; for state dumps and per-endpoint gauges.
struct PollStatus {
  std::string endpoint_id;
  std::string source_name;
  std::uint64_t polls = 0;
  std::uint64_t consecutive_failures = 0;
  std::int64_t last_success_ns = 0;  // steady clock; 0: never
  std::string last_error;            // of the latest failure; empty once a poll succeeds
};

class Scraper {
 public:
  // `pool` runs what goes by HttpClient; polling has up to as many threads of its own. `observer` may be null; it and
  // `table` outlive the scraper. Throws std::runtime_error for unusable TLS files.
  Scraper(net::IoPool& pool, endpoints::EndpointTable& table, std::vector<ScrapeSource> sources,
          ScrapeObserver* observer, ScraperOptions options = {});
  ~Scraper();  // stop()
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // Registers with the table and begins polling.
  void start();
  // [any thread but the pool's own] Cancels what is in flight; afterwards neither table nor observer is touched.
  void stop();

  [[nodiscard]] std::vector<PollStatus> status() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace epp::scrape
