#include "scrape/scraper.h"

#define XXH_INLINE_ALL
#include "net/http_client.h"
#include "net/http_poll.h"
#include "net/io_pool.h"
#include "net/timer.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include <xxhash.h>

namespace epp::scrape {
namespace {

using Clock = std::chrono::steady_clock;
using endpoints::EndpointPtr;
using endpoints::ScrapedValues;

constexpr std::chrono::nanoseconds kLongestStep = std::chrono::milliseconds(20);
constexpr std::chrono::milliseconds kLookAgain{1};
constexpr std::size_t kShare = 128;  // endpoints that a lane gets at a time
constexpr std::size_t kKeptBufferBytes = 1u << 20;
constexpr unsigned kMaxRedirects = 10;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

std::chrono::nanoseconds base_tick(std::chrono::nanoseconds refresh, const std::vector<ScrapeSource>& sources) {
  std::chrono::nanoseconds base = refresh;
  for (const auto& source : sources) {
    if (source.parameters.interval.count() > 0) base = std::min(base, source.parameters.interval);
  }
  return std::max(base, ScraperOptions::kMinInterval);
}

std::uint64_t ticks_between_polls(std::chrono::nanoseconds interval, std::chrono::nanoseconds base) {
  if (interval.count() <= 0) return 1;
  const double ticks = std::round(static_cast<double>(interval.count()) / static_cast<double>(base.count()));
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(ticks));
}

class Scraper::Core : public endpoints::EndpointListener, public std::enable_shared_from_this<Scraper::Core> {
 public:
  Core(net::IoPool& pool, endpoints::EndpointTable& table, std::vector<ScrapeSource> sources, ScrapeObserver* observer,
       ScraperOptions options)
      : table_(table),
        observer_(observer),
        options_(std::move(options)),
        base_(base_tick(options_.refresh_interval, sources)) {
    for (auto& source : sources)
      sources_.push_back(make_source(pool, std::move(source)));
    // Enough steps that load is even and a stored value is published soon.
    const auto steps = std::max<std::int64_t>(5, (base_ + kLongestStep - std::chrono::nanoseconds(1)) / kLongestStep);
    step_ = base_ / steps;
    for (unsigned i = 0; i < pool.threads(); ++i) {
      lanes_.push_back(std::make_unique<Lane>());
      lanes_.back()->buckets.resize(static_cast<std::size_t>(steps));
    }
  }

  void start() {
    for (const auto& source : sources_) {
      const auto used = base_ * static_cast<std::int64_t>(source->every);
      const auto wanted = source->config.parameters.interval;
      if (observer_ && wanted.count() > 0 && used != wanted) {
        observer_->on_interval_rounded(source->config.name, wanted, used);
      }
    }
    table_.add_listener(this);
    begin(*lanes_.front());  // which publishes
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    table_.remove_listener(this);
    for (const auto& lane : lanes_) {
      if (lane->thread != nullptr) lane->thread->stop();
    }
    std::vector<UnitPtr> units;
    {
      std::lock_guard lock(mutex_);
      for (auto& [uid, target] : targets_)
        units.insert(units.end(), target.units.begin(), target.units.end());
      targets_.clear();
      for (const auto& lane : lanes_) {
        lane->asked.clear();
        for (auto& bucket : lane->buckets)
          bucket.clear();
      }
    }
    for (const auto& unit : units)
      end(*unit);
    // Waits for the callbacks that are past their check.
    std::unique_lock gate(gate_);
    open_ = false;
  }

  void on_endpoint_added(const EndpointPtr& endpoint) override {
    std::vector<UnitPtr> due;
    {
      std::lock_guard lock(mutex_);
      Target& target = targets_[endpoint->uid()];
      if (target.units.empty()) make_units(target);
      const bool back = !target.polled;
      if (back) {
        target.polled = true;
        auto& bucket = target.lane->buckets[target.bucket];
        bucket.insert(bucket.end(), target.units.begin(), target.units.end());
        due = target.units;
      }
      // The first poll comes now; a turn that is less than half a tick away is left out.
      const std::size_t steps = target.lane->buckets.size();
      const std::size_t ahead = (target.bucket + steps - target.lane->position % steps) % steps;
      for (const auto& unit : target.units) {
        std::lock_guard unit_lock(unit->mutex);
        if (back) unit->left_out = ahead < steps / 2 ? 1 : 0;
        unit->idle = false;
        unit->endpoint = endpoint;
        aim(*unit);
        unit->body_hash.reset();  // labels may have changed, and with them the engine
      }
    }
    for (const auto& unit : due)
      poll(unit);
  }

  // What is in flight may end: a late answer is still an answer.
  void on_endpoint_suspended(const EndpointPtr& endpoint) override {
    std::lock_guard lock(mutex_);
    const auto found = targets_.find(endpoint->uid());
    if (found == targets_.end()) return;
    leave_bucket(found->second);
    for (const auto& unit : found->second.units) {
      std::lock_guard unit_lock(unit->mutex);
      unit->idle = true;
    }
  }

  void on_endpoint_removed(const EndpointPtr& endpoint) override {
    std::vector<UnitPtr> units;
    {
      std::lock_guard lock(mutex_);
      const auto found = targets_.find(endpoint->uid());
      if (found == targets_.end()) return;
      leave_bucket(found->second);
      units = std::move(found->second.units);
      targets_.erase(found);
    }
    for (const auto& unit : units)
      end(*unit);
  }

  std::vector<PollStatus> status() const {
    std::vector<PollStatus> all;
    std::lock_guard lock(mutex_);
    for (const auto& [uid, target] : targets_) {
      if (!target.polled) continue;
      for (const auto& unit : target.units) {
        std::lock_guard unit_lock(unit->mutex);
        PollStatus status = unit->status;
        status.endpoint_id = unit->endpoint->id();
        status.source_name = unit->source->config.name;
        all.push_back(std::move(status));
      }
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return std::tie(a.endpoint_id, a.source_name) < std::tie(b.endpoint_id, b.source_name);
    });
    return all;
  }

 private:
  struct Source {
    ScrapeSource config;
    std::uint64_t every = 1;  // base ticks
    std::string path;
    std::unique_ptr<net::HttpClient> client;
  };

  struct Lane;

  // One endpoint polled through one source.
  struct Unit {
    Source* source = nullptr;
    Lane* lane = nullptr;

    std::mutex mutex;  // guards the rest
    EndpointPtr endpoint;
    std::optional<net::Origin> target;
    std::unique_ptr<net::HttpPoll> poll;   // of an address without TLS;
    std::optional<net::Origin> polled_at;  // that one
    net::HttpCall call;                    // of all others
    bool in_flight = false;
    std::int64_t asked_ns = 0;  // when the poll in flight began
    bool idle = false;          // its endpoint is suspended
    bool ended = false;
    bool redirected = false;                 // the client follows
    std::uint64_t ticks_left = 0;            // until the next poll
    std::uint64_t left_out = 0;              // extra ticks before the second poll
    std::optional<std::uint64_t> body_hash;  // of the last body, when its extraction left no error
    PollStatus status;
  };

  using UnitPtr = std::shared_ptr<Unit>;

  struct Target {
    Lane* lane = nullptr;
    std::size_t bucket = 0;
    std::vector<UnitPtr> units;
    bool polled = false;  // the units stand in the bucket
  };

  // A share of the endpoints, with the thread that asks and reads them. Lanes are taken into use one after the other:
  // for a few endpoints a second thread costs more than it brings.
  struct Lane {
    // Guarded by the core's mutex.
    std::vector<std::vector<UnitPtr>> buckets;  // by step
    std::size_t position = 0;
    std::vector<UnitPtr> asked;  // answers are due

    // Scratch of the lane's thread.
    std::vector<UnitPtr> due;
    std::vector<UnitPtr> looked_at;
    net::HttpResult answer;

    // Its own, since a loop that others share wakes another thread with every callback. Not there until begin().
    std::unique_ptr<net::IoPool> thread;
    std::optional<net::Timer> look_again;
    std::optional<net::Timer> timer;
  };

  void make_units(Target& target) {
    const std::size_t place = next_place_++;
    target.lane = lanes_[place / kShare % lanes_.size()].get();
    target.bucket = place % target.lane->buckets.size();
    begin(*target.lane);
    for (const auto& source : sources_) {
      target.units.push_back(std::make_shared<Unit>());
      target.units.back()->source = source.get();
      target.units.back()->lane = target.lane;
    }
  }

  // [under the mutex, or before there are endpoints]
  void begin(Lane& lane) {
    if (lane.thread != nullptr) return;
    lane.thread = std::make_unique<net::IoPool>(1, "scrape", options_.on_fault);
    lane.look_again.emplace(*lane.thread);
    lane.timer.emplace(*lane.thread);
    lane.timer->every(step_, [weak = weak_from_this(), &lane] {
      if (const auto core = weak.lock()) core->step(lane);
    });
  }

  void leave_bucket(Target& target) {
    if (!std::exchange(target.polled, false)) return;
    std::erase_if(target.lane->buckets[target.bucket], [&](const auto& unit) {
      return std::find(target.units.begin(), target.units.end(), unit) != target.units.end();
    });
  }

  std::unique_ptr<Source> make_source(net::IoPool& pool, ScrapeSource config) const {
    auto source = std::make_unique<Source>();
    const DataSourceParameters& parameters = config.parameters;
    source->every = ticks_between_polls(parameters.interval, base_);
    source->path = net::escape_path(parameters.path);
    if (!source->path.starts_with('/')) source->path.insert(0, "/");
    net::HttpClientOptions options;
    if (parameters.scheme == "https") {
      net::TlsClientOptions tls;
      tls.insecure_skip_verify = parameters.insecure_skip_verify;
      tls.ca_file = parameters.ca_file;
      tls.cert_file = parameters.client_cert_file;
      tls.key_file = parameters.client_key_file;
      options.tls = std::move(tls);
    }
    source->client = std::make_unique<net::HttpClient>(pool, std::move(options));
    source->config = std::move(config);
    return source;
  }

  // Where the unit's polls go to, after its endpoint changed.
  void aim(Unit& unit) const {
    const DataSourceParameters& parameters = unit.source->config.parameters;
    std::optional<net::Origin> target = poll_target(parameters, *unit.endpoint);
    if (target == unit.target) return;
    unit.target = std::move(target);
    unit.redirected = false;
  }

  static net::HttpRequest request_of(const Source& source) {
    net::HttpRequest request;
    request.target = source.path;
    request.headers.add("Accept", "text/plain;version=0.0.4, */*;q=0.1");
    return request;
  }

  // Takes what came since the last step, then asks those whose turn it is.
  void step(Lane& lane) {
    look(lane);
    if (&lane == lanes_.front().get()) table_.publish();
    {
      std::lock_guard lock(mutex_);
      const auto& bucket = lane.buckets[lane.position++ % lane.buckets.size()];
      lane.due.assign(bucket.begin(), bucket.end());
    }
    for (const auto& unit : lane.due) {
      {
        std::lock_guard lock(unit->mutex);
        if (unit->ticks_left > 1) {
          --unit->ticks_left;
          continue;
        }
      }
      poll(unit);
    }
    lane.due.clear();
  }

  // Answers that are there in part are looked for again before the next step.
  void look(Lane& lane) {
    std::shared_lock gate(gate_);
    if (!open_) return;
    {
      std::lock_guard lock(mutex_);
      lane.looked_at.swap(lane.asked);
    }
    const Clock::time_point now = Clock::now();
    bool partial = false;
    std::erase_if(lane.looked_at, [&](const UnitPtr& unit) {
      std::unique_lock lock(unit->mutex);
      if (unit->ended || unit->poll == nullptr || !unit->poll->pending()) return true;
      if (unit->poll->look(now, lane.answer)) {
        take(unit, std::move(lock), lane.answer);
        return true;
      }
      partial = partial || unit->poll->partial();
      return false;
    });
    if (!lane.looked_at.empty()) {
      std::lock_guard lock(mutex_);
      lane.asked.insert(lane.asked.end(), lane.looked_at.begin(), lane.looked_at.end());
      lane.looked_at.clear();
    }
    if (partial) {
      lane.look_again->once(kLookAgain, [weak = weak_from_this(), &lane] {
        if (const auto core = weak.lock()) core->look(lane);
      });
    }
  }

  void poll(const UnitPtr& unit) {
    const Source& source = *unit->source;
    std::unique_lock lock(unit->mutex);
    if (unit->ended || unit->idle || unit->in_flight) return;
    unit->ticks_left = source.every + std::exchange(unit->left_out, 0);
    ++unit->status.polls;
    if (!unit->target) {
      failed(*unit, lock, "metrics host \"" + unit->endpoint->metrics_host() + "\" is not host:port");
      return;
    }
    unit->in_flight = true;
    unit->asked_ns = now_ns();
    if (unit->polled_at != unit->target) {
      unit->poll = !net::HttpPoll::suits(*unit->target)
                       ? nullptr
                       : std::make_unique<net::HttpPoll>(*unit->target, request_of(source),
                                                         source.config.parameters.max_body_bytes);
      unit->polled_at = unit->target;
    }
    if (unit->redirected || unit->poll == nullptr) return ask_by_client(unit);
    unit->poll->send(Clock::now() + options_.poll_timeout, take_buffer());
    lock.unlock();
    std::lock_guard all(mutex_);
    unit->lane->asked.push_back(unit);
  }

  // Names, TLS and redirects. [under the unit's mutex]
  void ask_by_client(const UnitPtr& unit) {
    const Source& source = *unit->source;
    net::HttpCallOptions call;
    call.timeout = options_.poll_timeout;
    call.max_body_bytes = source.config.parameters.max_body_bytes;
    call.max_redirects = kMaxRedirects;
    call.body_buffer = take_buffer();
    unit->call = source.client->send(*unit->target, request_of(source), std::move(call),
                                     [self = shared_from_this(), unit](net::HttpResult result) {
                                       std::shared_lock gate(self->gate_);
                                       if (self->open_) self->polled(*unit, std::unique_lock(unit->mutex), result);
                                     });
  }

  // The answer of unit->poll.
  void take(const UnitPtr& unit, std::unique_lock<std::mutex> lock, net::HttpResult& answer) {
    if (answer.ok() && answer.response.status / 100 == 3 && !unit->idle) {
      give_buffer(std::move(answer.response.body));
      if (unit->polled_at == unit->target) {
        unit->redirected = true;
        ask_by_client(unit);
      } else {
        unit->in_flight = false;  // it is elsewhere by now, and asked there when it is its turn
      }
      return;
    }
    polled(*unit, std::move(lock), answer);
  }

  void polled(Unit& unit, std::unique_lock<std::mutex> lock, net::HttpResult& result) {
    unit.in_flight = false;
    const bool good = result.ok() && result.response.status == 200;
    // That a suspended endpoint does not answer is no news.
    if (!unit.ended && (good || !unit.idle)) {
      if (!result.ok()) {
        failed(unit, lock, result.message);
      } else if (result.response.status != 200) {
        failed(unit, lock, "unexpected status code: " + std::to_string(result.response.status));
      } else {
        read(unit, lock, result.response.body);
      }
    }
    if (lock.owns_lock()) lock.unlock();
    give_buffer(std::move(result.response.body));
  }

  // Leaves the lock released: the observer is not called under it.
  void failed(Unit& unit, std::unique_lock<std::mutex>& lock, const std::string& text) {
    ++unit.status.consecutive_failures;
    unit.status.last_error = text;
    unit.body_hash.reset();
    const EndpointPtr endpoint = unit.endpoint;
    lock.unlock();
    if (observer_) observer_->on_poll_error(unit.source->config.type, *endpoint, text);
  }

  void read(Unit& unit, std::unique_lock<std::mutex>& lock, const std::string& body) {
    static thread_local PrometheusReader reader;
    static thread_local ScrapedValues values;
    values.clear();
    const ScrapeSource& source = unit.source->config;
    const EndpointPtr endpoint = unit.endpoint;
    const std::uint64_t hash = XXH3_64bits(body.data(), body.size());
    const std::int64_t now = now_ns();

    std::string unreadable;
    std::vector<std::pair<const Extractor*, std::string>> errors;
    const bool unchanged = unit.body_hash == hash;
    bool all_updated = true;
    for (const auto& extractor : source.extractors) {
      Extraction extraction;
      if (unchanged) {
        extraction.updated = true;  // what it said is stored already
      } else {
        try {
          extraction = extractor->extract(*endpoint, body, source.parameters.parse_mode, reader, values);
        } catch (const std::exception& fault) {
          extraction = {{}, fault.what(), false};
        }
      }
      if (!extraction.unreadable.empty()) {
        unreadable = std::move(extraction.unreadable);
        break;
      }
      if (!extraction.errors.empty()) errors.emplace_back(extractor.get(), std::move(extraction.errors));
      all_updated = all_updated && extraction.updated;
      if (!extraction.updated) continue;
      const Extractor::Times times = extractor->times();
      if (times.update != EPP_ATTR_NONE) values.set(times.update, now);
      if (times.asked != EPP_ATTR_NONE) values.set(times.asked, unit.asked_ns);
    }
    if (!unreadable.empty()) return failed(unit, lock, unreadable);

    // A body that left errors is read again, so that they are counted again.
    unit.body_hash = errors.empty() && all_updated ? std::optional(hash) : std::nullopt;
    unit.status.consecutive_failures = 0;
    unit.status.last_success_ns = now;
    unit.status.last_error.clear();
    table_.store(*endpoint, values);
    lock.unlock();
    if (!observer_) return;
    observer_->on_polled(source.type, *endpoint);
    for (const auto& [extractor, text] : errors) {
      observer_->on_extract_error(source.type, extractor->type(), *endpoint, text);
    }
  }

  static void end(Unit& unit) {
    std::lock_guard lock(unit.mutex);
    unit.ended = true;
    unit.poll.reset();
    unit.call.cancel();
  }

  std::string take_buffer() {
    std::lock_guard lock(buffers_mutex_);
    if (buffers_.empty()) return {};
    std::string buffer = std::move(buffers_.back());
    buffers_.pop_back();
    return buffer;
  }

  void give_buffer(std::string buffer) {
    if (buffer.capacity() > kKeptBufferBytes) return;
    std::lock_guard lock(buffers_mutex_);
    if (buffers_.size() < 64) buffers_.push_back(std::move(buffer));
  }

  endpoints::EndpointTable& table_;
  ScrapeObserver* observer_;
  const ScraperOptions options_;
  const std::chrono::nanoseconds base_;
  std::chrono::nanoseconds step_{0};
  std::vector<std::unique_ptr<Source>> sources_;
  bool stopped_ = false;

  mutable std::mutex mutex_;                           // guards the next two and lanes; taken before a unit's
  std::unordered_map<std::uint64_t, Target> targets_;  // by uid
  std::size_t next_place_ = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;  // as such unchanged

  std::mutex buffers_mutex_;
  std::vector<std::string> buffers_;

  std::shared_mutex gate_;
  bool open_ = true;
};

Scraper::Scraper(net::IoPool& pool, endpoints::EndpointTable& table, std::vector<ScrapeSource> sources,
                 ScrapeObserver* observer, ScraperOptions options)
    : core_(std::make_shared<Core>(pool, table, std::move(sources), observer, std::move(options))) {}

Scraper::~Scraper() {
  stop();
}

void Scraper::start() {
  core_->start();
}

void Scraper::stop() {
  core_->stop();
}

std::vector<PollStatus> Scraper::status() const {
  return core_->status();
}

}  // namespace epp::scrape
