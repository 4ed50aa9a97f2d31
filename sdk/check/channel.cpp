#include "check/channel.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

namespace epp::check {

namespace {

constexpr uint64_t kShown = 3;  // of a check, type and verdict

void write_text(char* to, size_t capacity, std::string_view text) {
  const size_t size = std::min(text.size(), capacity - 1);
  std::memcpy(to, text.data(), size);
  to[size] = '\0';
}

std::string dump(const nlohmann::json& value) {
  // Texts come from plugins: they need not be UTF-8.
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

StepBoard* map_step_board() {
  void* page = ::mmap(nullptr, sizeof(StepBoard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page != MAP_FAILED ? new (page) StepBoard : nullptr;
}

void unmap_step_board(StepBoard* board) {
  board->~StepBoard();
  ::munmap(board, sizeof(StepBoard));
}

void Channel::step(std::string_view type, std::string_view text) {
  write_text(board_.type, sizeof board_.type, type);
  write_text(board_.text, sizeof board_.text, text);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  board_.started_ns.store(static_cast<uint64_t>(std::chrono::nanoseconds(now).count()), std::memory_order_release);
}

void Channel::fail(std::string_view check, std::string_view type, std::string text) {
  add({std::string(check), Verdict::kFail, std::string(type), std::move(text)});
}

void Channel::warn(std::string_view check, std::string_view type, std::string text) {
  add({std::string(check), Verdict::kWarning, std::string(type), std::move(text)});
}

void Channel::note(std::string_view check, std::string_view type, std::string text) {
  add({std::string(check), Verdict::kOk, std::string(type), std::move(text)});
}

void Channel::add(Finding finding) {
  const std::scoped_lock lock(mutex_);
  const std::string kind = std::string(to_string(finding.verdict)) + ' ' + finding.check + ' ' + finding.type;
  if (++counts_[kind] > kShown) return;
  send(dump({{"check", finding.check},
             {"verdict", static_cast<int>(finding.verdict)},
             {"type", finding.type},
             {"text", finding.text}}));
}

uint64_t Channel::failures(std::string_view check) const {
  const std::scoped_lock lock(mutex_);
  const std::string prefix = std::string(to_string(Verdict::kFail)) + ' ' + std::string(check) + ' ';
  uint64_t sum = 0;
  for (const auto& [kind, count] : counts_)
    if (kind.starts_with(prefix)) sum += count;
  return sum;
}

void Channel::timing(const Timing& timing) {
  const std::scoped_lock lock(mutex_);
  send(dump({{"timing", timing.point},
             {"type", timing.type},
             {"endpoints", timing.endpoints},
             {"calls", timing.calls},
             {"p50", timing.p50_us},
             {"p99", timing.p99_us},
             {"max", timing.max_us}}));
}

void Channel::types(const std::string& names) {
  const std::scoped_lock lock(mutex_);
  send(dump({{"library_type", names}}));
}

void Channel::finish() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [kind, count] : counts_) {
    if (count <= kShown) continue;
    const size_t first = kind.find(' ');
    const size_t second = kind.find(' ', first + 1);
    const std::string verdict = kind.substr(0, first);
    const Verdict as = verdict == to_string(Verdict::kFail)      ? Verdict::kFail
                       : verdict == to_string(Verdict::kWarning) ? Verdict::kWarning
                                                                 : Verdict::kOk;
    send(dump({{"check", kind.substr(first + 1, second - first - 1)},
               {"verdict", static_cast<int>(as)},
               {"type", kind.substr(second + 1)},
               {"text", std::to_string(count - kShown) + " more of the kind."}}));
  }
  send(dump({{"finished", true}}));
}

void Channel::send(const std::string& line) {
  const char* data = line.data();
  size_t left = line.size();
  while (left != 0) {
    const ssize_t written = ::write(fd_, data, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the parent is gone, and this process soon is
    data += written;
    left -= static_cast<size_t>(written);
  }
}

void receive(const std::string& line, const Received& to) {
  const auto value = nlohmann::json::parse(line, nullptr, false);
  if (value.is_discarded() || !value.is_object()) return;
  if (value.contains("finished")) {
    to.finished();
  } else if (value.contains("library_type")) {
    to.type(value.at("library_type"));
  } else if (value.contains("timing")) {
    to.timing({value.at("type"), value.at("timing"), value.at("endpoints"), value.at("calls"), value.at("p50"),
               value.at("p99"), value.at("max")});
  } else if (value.contains("check")) {
    to.finding(
        {value.at("check"), static_cast<Verdict>(value.at("verdict").get<int>()), value.at("type"), value.at("text")});
  }
}

}  // namespace epp::check
