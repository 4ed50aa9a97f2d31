#include "telemetry/log.h"

#include "telemetry/log_format.h"
#include "telemetry/log_sampler.h"

#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <mutex>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

namespace epp::telemetry {
namespace detail {

bool LogSampler::pass(unsigned stratum, std::string_view message, std::chrono::system_clock::time_point now) {
  Slot& slot = slots_[stratum][std::hash<std::string_view>{}(message) % kSlots];
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  auto seen = slot.second.load(std::memory_order_relaxed);
  if (seen != second && slot.second.compare_exchange_strong(seen, second, std::memory_order_relaxed)) {
    slot.count.store(0, std::memory_order_relaxed);
  }
  const auto n = slot.count.fetch_add(1, std::memory_order_relaxed) + 1;
  return n <= kFirst || (n - kFirst) % kThereafter == 0;
}

namespace {

// spdlog's end of the queue: its thread calls it.
class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

  /// Waits until `done(lines written)`; asked after each line.
  template <class Done>
  void wait(Done done) {
    std::unique_lock lock(mutex_of_count_);
    changed_.wait(lock, [&] { return done(written_); });
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    write_(std::string_view(message.payload.data(), message.payload.size()));
    std::lock_guard lock(mutex_of_count_);
    ++written_;
    changed_.notify_all();
  }
  void flush_() override {}

  const std::function<void(std::string_view)> write_;
  std::mutex mutex_of_count_;
  std::condition_variable changed_;
  std::uint64_t written_ = 0;
};

constexpr int kNothing = -1000;  // below every statement, errors included

void write_to_stderr(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

class LogCore {
 public:
  explicit LogCore(LogOptions options)
      : verbosity(options.verbosity),
        format(options.format),
        sampling_(options.sampling),
        sink_(std::make_shared<WriterSink>(options.write ? std::move(options.write) : write_to_stderr)),
        pool_(std::make_shared<spdlog::details::thread_pool>(std::max<std::size_t>(options.queue_lines, 1), 1)),
        logger_(std::make_shared<spdlog::async_logger>("epp", sink_, pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_level(spdlog::level::trace);
    logger_->set_error_handler([](const std::string&) {});
  }

  void write(const LogEvent& event, std::initializer_list<LogField> fields) {
    if (sampling_ && (event.is_error || event.verbosity <= 1)) {
      const unsigned stratum = event.is_error ? 2 : event.verbosity == 1 ? 1 : 0;
      if (!sampler_.pass(stratum, event.message, event.time)) return;
    }
    accepted_.fetch_add(1, std::memory_order_relaxed);
    logger_->log(spdlog::level::info, spdlog::string_view_t(format_line(event, fields, format)));
  }

  std::uint64_t dropped() const { return pool_->overrun_counter(); }

  // spdlog's own flush message could be overrun like any line, so lines are counted instead.
  void flush() {
    const auto accepted = accepted_.load(std::memory_order_relaxed);
    sink_->wait([&](std::uint64_t written) { return written + dropped() >= accepted; });
  }

  /// Writes what is queued and stops the thread. Later lines go nowhere.
  void close() {
    verbosity.store(kNothing, std::memory_order_relaxed);
    pool_.reset();
  }

  std::atomic<int> verbosity;
  const LogFormat format;

 private:
  const bool sampling_;
  LogSampler sampler_;
  std::atomic<std::uint64_t> accepted_{0};
  std::shared_ptr<WriterSink> sink_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;  // holds the pool weakly
};

struct LogContext {
  std::shared_ptr<LogCore> core;
  std::string name;
  std::string bound;  // fields in the core's format
};

}  // namespace detail

Logger::Logger(std::shared_ptr<const detail::LogContext> context)
    : verbosity_(&context->core->verbosity), context_(std::move(context)) {}

Logger Logger::with(std::initializer_list<LogField> fields) const {
  if (!context_) return {};
  auto context = std::make_shared<detail::LogContext>(*context_);
  detail::append_fields(context->bound, fields, context->core->format);
  return Logger(std::move(context));
}

Logger Logger::named(std::string_view name) const {
  if (!context_) return {};
  auto context = std::make_shared<detail::LogContext>(*context_);
  if (!context->name.empty() && !name.empty()) context->name += '.';
  context->name += name;
  return Logger(std::move(context));
}

void Logger::write(int verbosity, std::string_view message, std::initializer_list<LogField> fields, const char* file,
                   int line) const {
  if (!context_) return;
  context_->core->write({.verbosity = verbosity,
                         .time = std::chrono::system_clock::now(),
                         .logger = context_->name,
                         .file = file,
                         .line = line,
                         .message = message,
                         .error = {},
                         .bound = context_->bound},
                        fields);
}

void Logger::write_error(std::string_view error, std::string_view message, std::initializer_list<LogField> fields,
                         const char* file, int line) const {
  if (!context_) return;
  context_->core->write({.is_error = true,
                         .time = std::chrono::system_clock::now(),
                         .logger = context_->name,
                         .file = file,
                         .line = line,
                         .message = message,
                         .error = error,
                         .bound = context_->bound},
                        fields);
}

Log::Log(LogOptions options) : core_(std::make_shared<detail::LogCore>(std::move(options))) {}
Log::~Log() {
  core_->close();
}

Logger Log::logger(std::string_view name) const {
  return Logger(std::make_shared<const detail::LogContext>(detail::LogContext{core_, std::string(name), {}}));
}

int Log::verbosity() const {
  return core_->verbosity.load(std::memory_order_relaxed);
}
void Log::set_verbosity(int verbosity) {
  core_->verbosity.store(verbosity, std::memory_order_relaxed);
}
std::uint64_t Log::dropped() const {
  return core_->dropped();
}
void Log::flush() {
  core_->flush();
}

std::optional<int> verbosity_from_flags(int v, std::optional<std::string_view> zap_log_level) {
  if (!zap_log_level) return v < 0 ? kErrorsOnly : v;
  const std::string_view level = *zap_log_level;
  if (level == "debug") return 1;
  if (level == "info") return 0;
  if (level == "error") return kErrorsOnly;
  if (level == "panic") return kSilent;
  int number = 0;
  const auto [end, failure] = std::from_chars(level.data(), level.data() + level.size(), number);
  if (failure != std::errc() || end != level.data() + level.size() || number <= 0) return std::nullopt;
  return number;
}

}  // namespace epp::telemetry
