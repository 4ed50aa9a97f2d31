#include "check/supervisor.h"

#include "check/process_state.h"
#include "check/sanitizer.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <string>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace epp::check {

namespace {

constexpr int kPollMs = 20;

struct Board {
  StepBoard* page = map_step_board();
  Board() = default;
  ~Board() {
    if (page != nullptr) unmap_step_board(page);
  }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
};

Channel* g_channel = nullptr;  // of this child

// An exception that nobody can catch: thrown through noexcept, or out of a thread.
[[noreturn]] void on_terminate() {
  std::string what = "something that is no std::exception";
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      what = e.what();
    } catch (...) {
    }
    if (g_channel != nullptr) g_channel->fail("calls.exception", "", "std::terminate was called for: " + what + '.');
  }
  std::abort();
}

[[noreturn]] void be_child(const Job& job, int fd, StepBoard& board) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // What a plugin prints must not end up in the report.
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  Channel channel(fd, board);
  g_channel = &channel;
  std::set_terminate(on_terminate);
  channel.step(job.type, "starting");
  int status = EXIT_SUCCESS;
  try {
    ProcessState before;
    job.body(channel);
    before.compare(job.type, channel);
    channel.finish();
  } catch (const std::exception& e) {
    channel.fail("run.crash", job.type, std::string("The check itself gave up: ") + e.what() + '.');
    status = EXIT_FAILURE;
  }
  // Without destructors and exit handlers: the library may be gone, or wedged.
  ::_exit(status);
}

uint64_t now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::nanoseconds(now).count());
}

// "R", "S", ... of the child's first thread.
char thread_state(pid_t child) {
  std::ifstream file("/proc/" + std::to_string(child) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t at = text.rfind(')');
  return at != std::string::npos && at + 2 < text.size() ? text[at + 2] : '?';
}

// Gives complete lines away.
class LineBuffer {
 public:
  template <typename Fn>
  void add(const char* data, size_t size, Fn&& fn) {
    text_.append(data, size);
    for (size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      fn(text_.substr(0, end));
      text_.erase(0, end + 1);
    }
  }

 private:
  std::string text_;
};

std::string where(const StepBoard& board) {
  return std::string("during ") + board.text;
}

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

// Reads until the child closes its end, which is when it ends. False when it hung and was killed.
bool watch(int fd, pid_t child, const StepBoard& board, const Options& options, const Received& to, Report& report) {
  const auto limit_ns = static_cast<uint64_t>(options.step_seconds * 1e9 * (under_address_sanitizer() ? 4 : 1));
  LineBuffer lines;
  std::array<char, 4096> buffer;
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    const int count = ::poll(&ready, 1, kPollMs);
    if (count > 0) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return true;
      lines.add(buffer.data(), static_cast<size_t>(got), [&](const std::string& line) { receive(line, to); });
      continue;
    }
    const uint64_t started = board.started_ns.load(std::memory_order_acquire);
    if (started == 0 || now_ns() < started + limit_ns) continue;
    const bool busy = thread_state(child) == 'R';
    ::kill(child, SIGKILL);
    report.add({"run.hang", Verdict::kFail, board.type,
                std::string(busy ? "Computed" : "Waited") + " for more than " +
                    std::to_string(limit_ns / 1'000'000'000) + " s " + where(board) + '.'});
    return false;
  }
}

}  // namespace

void run_in_child(const Job& job, const Options& options, Report& report) {
  report.started(job.group);
  const Board board;
  int ends[2];
  if (board.page == nullptr || ::pipe(ends) != 0) {
    report.add({"run.crash", Verdict::kFail, job.type, "No child process can be watched here."});
    report.unfinished(job.group, job.type);
    return;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    be_child(job, ends[1], *board.page);
  }
  ::close(ends[1]);
  bool finished = false;
  bool crash_told = false;
  Received to;
  to.finding = [&](Finding finding) {
    crash_told = crash_told || finding.check == "run.crash";
    report.add(std::move(finding));
  };
  to.timing = [&](Timing timing) { report.add(std::move(timing)); };
  to.type = [&](std::string type) { report.add_type(std::move(type)); };
  to.finished = [&] { finished = true; };
  const bool ended = watch(ends[0], child, *board.page, options, to, report);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (finished) return;
  report.unfinished(job.group, job.type);
  if (!ended) return;
  const std::string type = board.page->type;
  if (WIFSIGNALED(status)) {
    report.add({"run.crash", Verdict::kFail, type, signal_name(WTERMSIG(status)) + ' ' + where(*board.page) + '.'});
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == kSanitizerExit) {
    report.add({"sanitize.errors", Verdict::kFail, type, "Stopped by the sanitizer " + where(*board.page) + '.'});
  } else if (!crash_told) {
    report.add(
        {"run.crash", Verdict::kFail, type,
         "Ended the process with status " + std::to_string(WEXITSTATUS(status)) + ' ' + where(*board.page) + '.'});
  }
}

}  // namespace epp::check
