// Structured logs: one JSON object (or one text line) per event on standard error.
//
//   {"level":"info","ts":1700000000.123456,"logger":"setup","caller":"app/app.cpp:42","msg":"Ready","port":9002}
//
// Verbosity decides what is written; a disabled statement costs one relaxed load and evaluates none of its
// arguments:
//
//   EPP_LOG(log, kDebug, "Running plugin", {"plugin", name}, {"candidates", count});
//   EPP_LOG_ERROR(log, error_text, "Failed to process request");
//
// Lines are formatted by the caller and written by one thread behind a bounded queue, so that a slow standard
// error never holds a request. That thread writes the lines of some milliseconds together, but errors at once. When the
// queue is full the oldest line is dropped and counted; destroying the Log writes everything that is still queued.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace epp::telemetry {

/// Verbosity of a statement. It is written when it is <= the configured one.
enum Verbosity : int {
  kInfo = 0,     ///< always of interest to an operator
  kDefault = 2,  ///< the default setting
  kVerbose = 3,
  kDebug = 4,  ///< level text "debug"
  kTrace = 5,  ///< level text "trace"
};

/// Settings below 0: only errors, or nothing at all.
inline constexpr int kErrorsOnly = -1;
inline constexpr int kSilent = -2;

enum class LogFormat { kJson, kText };

/// One key and its value. Refers to the caller's strings: only for the duration of the statement.
struct LogField {
  enum class Kind : std::uint8_t { kString, kInt, kUint, kDouble, kBool, kJson };

  LogField(std::string_view name, std::string_view value) : key(name), kind(Kind::kString), text(value) {}
  LogField(std::string_view name, const char* value)
      : LogField(name, std::string_view(value != nullptr ? value : "")) {}
  LogField(std::string_view name, const std::string& value) : LogField(name, std::string_view(value)) {}
  LogField(std::string_view name, bool value) : key(name), kind(Kind::kBool), integer(value) {}
  template <std::signed_integral T>
  LogField(std::string_view name, T value) : key(name), kind(Kind::kInt), integer(value) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  LogField(std::string_view name, T value) : key(name), kind(Kind::kUint), natural(value) {}
  LogField(std::string_view name, double value) : key(name), kind(Kind::kDouble), real(value) {}
  /// Durations are written as seconds.
  template <class Rep, class Period>
  LogField(std::string_view name, std::chrono::duration<Rep, Period> value)
      : LogField(name, std::chrono::duration<double>(value).count()) {}
  /// Not silently as bool.
  template <class T>
  LogField(std::string_view name, const T* value) = delete;
  /// A value that already is JSON text (an array, say).
  static LogField json(std::string_view name, std::string_view json_text) {
    LogField field(name, json_text);
    field.kind = Kind::kJson;
    return field;
  }

  std::string_view key;
  Kind kind;
  std::string_view text;
  union {
    std::int64_t integer = 0;
    std::uint64_t natural;
    double real;
  };
};

struct LogOptions {
  int verbosity = kDefault;
  LogFormat format = LogFormat::kJson;
  /// Per second and message text the first 100 lines and then each 100th, for verbosity 0, 1 and errors.
  bool sampling = true;
  /// Lines that may wait for the writer, besides those that it is writing.
  std::size_t queue_lines = 4096;
  /// Receives each line with its newline, from one thread. Default: standard error, many lines at a time.
  std::function<void(std::string_view line)> write{};
};

namespace detail {
class LogCore;
struct LogContext;
/// "dir/file.cpp" of a __FILE__.
constexpr const char* short_path(const char* path) {
  const char* last = path;
  const char* previous = path;
  for (const char* p = path; *p != '\0'; ++p) {
    if (*p == '/') {
      previous = last;
      last = p + 1;
    }
  }
  return previous;
}
}  // namespace detail

/// A named logger with bound fields. A value: copying it costs one reference count. Thread-safe. A
/// default-constructed logger writes nothing. Loggers may outlive their Log; they are then silent.
class Logger {
 public:
  Logger() noexcept : verbosity_(&kOff) {}

  /// [any thread] Whether a statement of this verbosity would be written.
  bool enabled(int verbosity) const noexcept { return verbosity <= verbosity_->load(std::memory_order_relaxed); }
  bool errors_enabled() const noexcept { return enabled(kErrorsOnly); }

  /// A logger that adds `fields` to each of its lines, after those already bound.
  Logger with(std::initializer_list<LogField> fields) const;
  /// A logger whose name is `<this name>.<name>`.
  Logger named(std::string_view name) const;

  /// Used by the macros below, which check `enabled` first.
  void write(int verbosity, std::string_view message, std::initializer_list<LogField> fields, const char* file,
             int line) const;
  void write_error(std::string_view error, std::string_view message, std::initializer_list<LogField> fields,
                   const char* file, int line) const;

 private:
  friend class Log;
  explicit Logger(std::shared_ptr<const detail::LogContext> context);

  inline static constinit std::atomic<int> kOff{-1000};
  const std::atomic<int>* verbosity_;
  std::shared_ptr<const detail::LogContext> context_;
};

/// The process's log: owns the writer thread. Construct it first and destroy it last.
class Log {
 public:
  explicit Log(LogOptions options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  Logger logger(std::string_view name = {}) const;

  /// [any thread]
  int verbosity() const;
  void set_verbosity(int verbosity);
  /// Lines lost because the queue was full.
  std::uint64_t dropped() const;
  /// Returns once every line queued before the call is written.
  void flush();

 private:
  std::shared_ptr<detail::LogCore> core_;
};

/// The verbosity meant by `-v` and `--zap-log-level`; the latter wins when given: "debug" (1), "info" (0), "error",
/// "panic", or a positive integer. Empty when it is none of these. A negative `v` means errors only.
std::optional<int> verbosity_from_flags(int v, std::optional<std::string_view> zap_log_level);

}  // namespace epp::telemetry

/// EPP_LOG(logger, kDebug, "message", {"key", value}...): the verbosity is named as in enum Verbosity.
#define EPP_LOG(logger, level, message, ...)                                                                  \
  do {                                                                                                        \
    using enum ::epp::telemetry::Verbosity;                                                                   \
    if (const auto& epp_log_target = (logger); epp_log_target.enabled(level))                                 \
      epp_log_target.write((level), (message), {__VA_ARGS__}, ::epp::telemetry::detail::short_path(__FILE__), \
                           __LINE__);                                                                         \
  } while (false)

/// EPP_LOG_ERROR(logger, error_text, "message", {"key", value}...)
#define EPP_LOG_ERROR(logger, error, message, ...)                                                                  \
  do {                                                                                                              \
    if (const auto& epp_log_target = (logger); epp_log_target.errors_enabled())                                     \
      epp_log_target.write_error((error), (message), {__VA_ARGS__}, ::epp::telemetry::detail::short_path(__FILE__), \
                                 __LINE__);                                                                         \
  } while (false)
