#include "app/stop_events.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace epp::app {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t all_signals() {
  sigset_t set = stop_signals();
  sigaddset(&set, SIGHUP);
  return set;
}

int checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return fd;
}

bool readable(const pollfd& entry) {
  return (entry.revents & POLLIN) != 0;
}

}  // namespace

StopEvents::StopEvents() {
  const sigset_t set = all_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = checked(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  requests_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

StopEvents::~StopEvents() {
  if (signals_ >= 0) ::close(signals_);
  if (requests_ >= 0) ::close(requests_);
}

void StopEvents::request(std::string_view why) {
  {
    const std::lock_guard lock(mutex_);
    if (why_) return;
    why_ = why;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(requests_, &one, sizeof one);  // fails only when it is full
}

StopEvents::Cause StopEvents::requested() {
  const std::lock_guard lock(mutex_);
  return {.signal = 0, .why = why_.value_or("")};
}

StopEvents::Cause StopEvents::wait(const std::function<void()>& on_hangup) {
  for (;;) {
    std::array<pollfd, 2> entries{pollfd{signals_, POLLIN, 0}, pollfd{requests_, POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) <= 0) continue;
    signalfd_siginfo info{};
    if (readable(entries[0]) && ::read(signals_, &info, sizeof info) == sizeof info) {
      const auto number = static_cast<int>(info.ssi_signo);
      if (number != SIGHUP) return {.signal = number, .why = {}};
      if (on_hangup) on_hangup();
    }
    if (readable(entries[1])) return requested();
  }
}

std::optional<StopEvents::Cause> StopEvents::wait_for_request(std::chrono::nanoseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd entry{requests_, POLLIN, 0};
    constexpr std::int64_t kHour = 3'600'000;  // a poll takes no more than an int
    if (::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, kHour))) > 0) return requested();
  }
}

void StopEvents::exit_on_signal() {
  for (const int number : {SIGTERM, SIGINT})
    std::signal(number, [](int) { ::_exit(1); });
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace epp::app
