#pragma once

#include "support/wait.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace epp::testing {

// A child process whose stdout and stderr are collected together, in memory, so that it never blocks on them. It is
// killed with the object, and by the kernel if the thread that started it ends first. Not thread-safe.
class Process {
 public:
  // Throws std::runtime_error if the program cannot be started. Variables of `environment` ("NAME=value") are added.
  explicit Process(const std::filesystem::path& program, const std::vector<std::string>& arguments = {},
                   const std::vector<std::string>& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t pid() const { return pid_; }

  // The first line of output, past or future, that contains `text`. Throws std::runtime_error with the output so far if
  // the process ends or the deadline passes before.
  std::string wait_for_line(std::string_view text, std::chrono::milliseconds patience = kPatience);

  // Everything written so far.
  std::string output() const;

  bool running();

  void signal(int number) const;

  // SIGTERM, then SIGKILL if it takes too long. Returns the exit code, or 128 + signal.
  int stop(std::chrono::milliseconds patience = std::chrono::seconds(10));

  // Waits for an end by itself; nothing if it still runs at the deadline.
  std::optional<int> wait(std::chrono::milliseconds patience = kPatience);

 private:
  bool reap(int flags);

  std::string name_;
  pid_t pid_ = -1;
  int output_fd_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace epp::testing
