#include "check/process_state.h"

#include "check/sanitizer.h"

#include <algorithm>
#include <atomic>
#include <clocale>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>

#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace epp::check {

namespace {

std::atomic<uint64_t> g_forks{0};

uint64_t forks() {
  [[maybe_unused]] static const int kRegistered = ::pthread_atfork([] { g_forks.fetch_add(1); }, nullptr, nullptr);
  return g_forks.load();
}

std::string bytes_of(const void* data, size_t size) {
  return {static_cast<const char*>(data), size};
}

std::vector<std::string> signal_actions() {
  std::vector<std::string> result;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    const bool known = ::sigaction(number, nullptr, &action) == 0;
    const auto handler = action.sa_handler;
    result.push_back(known ? bytes_of(&handler, sizeof handler) : std::string());
  }
  return result;
}

std::string signal_mask() {
  sigset_t mask;
  sigemptyset(&mask);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  std::string text;
  for (int number = 1; number < NSIG; ++number)
    text += sigismember(&mask, number) == 1 ? '1' : '0';
  return text;
}

std::string locale() {
  const char* name = std::setlocale(LC_ALL, nullptr);
  return std::string(name != nullptr ? name : "") + (::uselocale(nullptr) == LC_GLOBAL_LOCALE ? "" : " of the thread");
}

std::string directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

std::vector<std::string> environment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    result.emplace_back(*entry);
  std::sort(result.begin(), result.end());
  return result;
}

unsigned current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

size_t entries_of(const char* folder) {
  std::error_code error;
  const std::filesystem::directory_iterator listing(folder, error);
  return error ? 0 : static_cast<size_t>(std::distance(begin(listing), std::filesystem::directory_iterator{}));
}

}  // namespace

uint32_t floating_point_control() {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr() & ~0x3Fu;
#elif defined(__aarch64__)
  uint64_t control = 0;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return static_cast<uint32_t>(control);
#else
  return 0;
#endif
}

ProcessState::ProcessState()
    : floating_point_(floating_point_control()),
      signals_(signal_actions()),
      mask_(signal_mask()),
      locale_(locale()),
      directory_(directory()),
      environment_(environment()),
      umask_(current_umask()),
      forks_(forks()) {}

void ProcessState::compare(const std::string& type, Channel& channel) const {
  const ProcessState now;
  if (now.floating_point_ != floating_point_) {
    channel.fail("process.floating-point", type, "Changed the floating-point control of the thread that loaded it.");
  }
  for (size_t i = 0; i < signals_.size(); ++i) {
    if (now.signals_[i] == signals_[i]) continue;
    const char* name = ::sigabbrev_np(static_cast<int>(i) + 1);
    channel.fail("process.signals", type,
                 std::string("Changed the action of SIG") + (name != nullptr ? name : "?") + '.');
  }
  if (now.mask_ != mask_) channel.fail("process.signals", type, "Changed the signal mask.");
  if (now.locale_ != locale_)
    channel.fail("process.locale", type, "Changed it from " + locale_ + " to " + now.locale_ + '.');
  if (now.directory_ != directory_) channel.fail("process.directory", type, "Changed it to " + now.directory_ + '.');
  if (now.environment_ != environment_) {
    std::vector<std::string> different;
    std::set_symmetric_difference(environment_.begin(), environment_.end(), now.environment_.begin(),
                                  now.environment_.end(), std::back_inserter(different));
    const std::string name = different.empty() ? "" : different.front().substr(0, different.front().find('='));
    channel.fail("process.environment", type, "Changed " + name + '.');
  }
  if (now.umask_ != umask_) channel.fail("process.umask", type, "Changed it.");
  if (now.forks_ != forks_) channel.fail("process.fork", type, "Forked.");
}

size_t open_descriptors() {
  return entries_of("/proc/self/fd");
}

size_t running_threads() {
  return entries_of("/proc/self/task");
}

size_t heap_in_use() {
  if (under_address_sanitizer()) return sanitizer_allocated();
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace epp::check
