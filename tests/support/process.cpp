#include "support/process.h"

#include <csignal>
#include <stdexcept>
#include <utility>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace epp::testing {
namespace {

using std::chrono::milliseconds;

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Process::Process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment)
    : name_(program.filename().string()) {
  std::vector<std::string> argument_text{program.string()};
  argument_text.insert(argument_text.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment_text = environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    environment_text.emplace_back(*variable);
  const std::vector<char*> argv = pointers(argument_text);
  const std::vector<char*> envp = pointers(environment_text);

  if (access(program.c_str(), X_OK) != 0) throw std::runtime_error("not an executable file: " + program.string());
  output_fd_ = memfd_create("output", MFD_CLOEXEC);
  if (output_fd_ < 0) throw std::runtime_error("memfd_create failed");
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // Between fork and exec only async-signal-safe calls.
    setpgid(0, 0);  // Ctrl-C in a terminal is for the parent alone.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    dup2(output_fd_, STDOUT_FILENO);
    dup2(output_fd_, STDERR_FILENO);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  if (pid_ < 0) {
    close(output_fd_);
    throw std::runtime_error("fork failed");
  }
}

Process::Process(Process&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, -1)),
      output_fd_(std::exchange(other.output_fd_, -1)),
      exit_code_(other.exit_code_) {}

Process::~Process() {
  if (pid_ > 0 && !exit_code_) {
    kill(pid_, SIGKILL);
    reap(0);
  }
  if (output_fd_ >= 0) close(output_fd_);
}

std::string Process::wait_for_line(std::string_view text, milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  for (;;) {
    const bool last_look = !running() || Clock::now() >= deadline;
    const std::string said = output();
    if (const std::size_t at = said.find(text); at != std::string::npos) {
      const std::size_t start = said.rfind('\n', at) + 1;
      const std::size_t end = said.find('\n', at);
      if (end != std::string::npos) return said.substr(start, end - start);
    }
    if (last_look) throw std::runtime_error(name_ + " did not say '" + std::string(text) + "' but:\n" + said);
    std::this_thread::sleep_for(milliseconds(2));
  }
}

std::string Process::output() const {
  struct stat file {};
  if (fstat(output_fd_, &file) != 0) return {};
  std::string text(static_cast<std::size_t>(file.st_size), '\0');
  const ssize_t size = pread(output_fd_, text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

bool Process::running() {
  return !exit_code_ && !reap(WNOHANG);
}

void Process::signal(int number) const {
  if (pid_ > 0 && !exit_code_) kill(pid_, number);
}

int Process::stop(milliseconds patience) {
  signal(SIGTERM);
  if (const auto code = wait(patience)) return *code;
  signal(SIGKILL);
  reap(0);
  return *exit_code_;
}

std::optional<int> Process::wait(milliseconds patience) {
  wait_until([this] { return !running(); }, patience);
  return exit_code_;
}

bool Process::reap(int flags) {
  int status = 0;
  if (waitpid(pid_, &status, flags) != pid_) return false;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

}  // namespace epp::testing
