// How a child process tells its parent what it sees: findings through a pipe, and the current step on a page that both
// see, which outlives a crash.
#pragma once

#include "check/finding.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace epp::check {

// The step under way. Written by the child, read by the parent.
struct StepBoard {
  std::atomic<uint64_t> started_ns{0};  // CLOCK_MONOTONIC; 0: none yet
  char type[128]{};
  char text[384]{};
};
StepBoard* map_step_board();  // shared with children; nullptr on failure
void unmap_step_board(StepBoard* board);

class Channel {
 public:
  Channel(int fd, StepBoard& board) : fd_(fd), board_(board) {}

  // What runs from now on; the time limit starts anew. [one thread]
  void step(std::string_view type, std::string_view text);

  // [any thread] Beyond the first few of a kind, findings are counted only.
  void fail(std::string_view check, std::string_view type, std::string text);
  void warn(std::string_view check, std::string_view type, std::string text);
  void note(std::string_view check, std::string_view type, std::string text);
  void timing(const Timing& timing);
  // How many findings of this check were failures.
  uint64_t failures(std::string_view check) const;
  // The names of the library's types, for the parent.
  void types(const std::string& names);

  // All went to the end: says how many findings were not shown.
  void finish();

 private:
  void add(Finding finding);
  void send(const std::string& line);

  int fd_;
  StepBoard& board_;
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> counts_;  // by check, type and verdict
};

// The parent's side: one line of the pipe.
struct Received {
  std::function<void(Finding)> finding;
  std::function<void(Timing)> timing;
  std::function<void(std::string)> type;
  std::function<void()> finished;
};
void receive(const std::string& line, const Received& to);

}  // namespace epp::check
