// The writing end of the log: one thread that takes the lines which gathered meanwhile; internal to the room.
//
// Who logs only copies a line into a buffer. The thread is woken by the first line of a batch, waits a moment for those
// that follow, and writes them together, so that a busy log costs a few hundred wake-ups and writes a second instead of
// one a line. An urgent line, a flush and the end are not waited with.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace epp::telemetry::detail {

/// All members are [any thread].
class LogWriter {
 public:
  using Write = std::function<void(std::string_view line)>;

  /// How long the lines behind a batch's first are waited for.
  static constexpr std::chrono::milliseconds kGather{5};

  /// `write` gets each line from the writer's thread; empty: standard error gets whole batches. At most `max_lines`
  /// (>= 1) wait; then the oldest goes.
  LogWriter(Write write, std::size_t max_lines);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// `line` ends with its newline. Never waits for what is being written.
  void add(std::string_view line, bool urgent);
  /// Returns once every line added before was written or dropped.
  void flush();
  /// Writes what waits and ends the thread; later lines are ignored. Idempotent.
  void close();
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  // Lines in one piece of memory.
  struct Batch {
    std::string text;
    std::vector<std::size_t> ends;  // of the lines, in text
    std::size_t first = 0;          // lines before it were dropped

    std::size_t lines() const { return ends.size() - first; }
    std::size_t begin() const { return first == 0 ? 0 : ends[first - 1]; }
    void drop_oldest();
    void clear();
  };

  void run();
  void write(const Batch& batch) const;

  const Write write_;
  const std::size_t max_lines_;
  std::atomic<std::uint64_t> dropped_{0};

  std::mutex mutex_;  // guards the rest
  std::condition_variable wake_;
  std::condition_variable settled_changed_;
  Batch pending_;
  bool idle_ = false;    // the thread waits for a first line
  bool urgent_ = false;  // it is not to wait for more
  bool closing_ = false;
  std::uint64_t added_ = 0;
  std::uint64_t settled_ = 0;  // written or dropped

  std::once_flag closed_;
  std::thread thread_;
};

}  // namespace epp::telemetry::detail
