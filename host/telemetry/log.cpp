#include "telemetry/log.h"

#include "telemetry/log_format.h"
#include "telemetry/log_sampler.h"
#include "telemetry/log_writer.h"

#include <charconv>
#include <memory>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

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

constexpr int kNothing = -1000;  // below every statement, errors included

// spdlog's end of the writer. Lines come formatted.
class WriterSink final : public spdlog::sinks::sink {
 public:
  explicit WriterSink(LogWriter& writer) : writer_(writer) {}
  void log(const spdlog::details::log_msg& message) override {
    writer_.add({message.payload.data(), message.payload.size()}, message.level >= spdlog::level::err);
  }
  void flush() override { writer_.flush(); }
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

 private:
  LogWriter& writer_;
};

}  // namespace

class LogCore {
 public:
  explicit LogCore(LogOptions options)
      : verbosity(options.verbosity),
        format(options.format),
        writer(std::move(options.write), options.queue_lines),
        sampling_(options.sampling),
        logger_("epp", std::make_shared<WriterSink>(writer)) {
    logger_.set_level(spdlog::level::trace);
    logger_.set_error_handler([](const std::string&) {});
  }

  void write(const LogEvent& event, std::initializer_list<LogField> fields) {
    if (sampling_ && (event.is_error || event.verbosity <= 1)) {
      const unsigned stratum = event.is_error ? 2 : event.verbosity == 1 ? 1 : 0;
      if (!sampler_.pass(stratum, event.message, event.time)) return;
    }
    // Grows to the longest line of the thread, and is not allocated again.
    static thread_local std::string line;
    line.clear();
    append_line(line, event, fields, format);
    logger_.log(event.is_error ? spdlog::level::err : spdlog::level::info, spdlog::string_view_t(line));
    if (line.capacity() > kKeptLineBytes) line = {};
  }

  /// Writes what is queued and stops the thread. Later lines go nowhere.
  void close() {
    verbosity.store(kNothing, std::memory_order_relaxed);
    writer.close();
  }

  std::atomic<int> verbosity;
  const LogFormat format;
  LogWriter writer;

 private:
  static constexpr std::size_t kKeptLineBytes = 16 * 1024;

  const bool sampling_;
  LogSampler sampler_;
  spdlog::logger logger_;
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
  return core_->writer.dropped();
}
void Log::flush() {
  core_->writer.flush();
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
