#include "telemetry/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <unistd.h>

namespace epp::telemetry::detail {
namespace {

// A batch's memory beyond this is given back once it was written.
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;

void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody can be told
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void LogWriter::Batch::drop_oldest() {
  ++first;
  if (first < 64 || first * 2 < ends.size()) return;
  const std::size_t gone = begin();
  text.erase(0, gone);
  ends.erase(ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(first));
  for (std::size_t& end : ends)
    end -= gone;
  first = 0;
}

void LogWriter::Batch::clear() {
  if (text.capacity() > kKeptBytes) text = {};
  text.clear();
  ends.clear();
  first = 0;
}

LogWriter::LogWriter(Write write, std::size_t max_lines)
    : write_(std::move(write)), max_lines_(std::max<std::size_t>(max_lines, 1)), thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  close();
}

void LogWriter::add(std::string_view line, bool urgent) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    if (pending_.lines() == max_lines_) {
      pending_.drop_oldest();
      dropped_.fetch_add(1, std::memory_order_relaxed);
      ++settled_;
    }
    pending_.text.append(line);
    pending_.ends.push_back(pending_.text.size());
    ++added_;
    wake = std::exchange(idle_, false);
    // Half full is as urgent: a burst must not lose lines to the wait.
    if (!urgent_ && (urgent || pending_.lines() >= max_lines_ / 2)) wake = urgent_ = true;
  }
  if (wake) wake_.notify_one();
}

void LogWriter::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t until = added_;
  urgent_ = true;
  wake_.notify_one();
  settled_changed_.wait(lock, [&] { return settled_ >= until; });
}

void LogWriter::close() {
  std::call_once(closed_, [this] {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
  });
}

void LogWriter::run() {
  Batch batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    idle_ = true;
    wake_.wait(lock, [&] { return pending_.lines() != 0 || closing_; });
    idle_ = false;
    if (pending_.lines() == 0) return;
    wake_.wait_for(lock, kGather, [&] { return urgent_ || closing_; });
    std::swap(batch, pending_);
    urgent_ = false;
    lock.unlock();
    write(batch);
    const std::size_t count = batch.lines();
    batch.clear();
    lock.lock();
    settled_ += count;
    settled_changed_.notify_all();
  }
}

void LogWriter::write(const Batch& batch) const {
  if (!write_) return write_to_stderr(std::string_view(batch.text).substr(batch.begin()));
  std::size_t begin = batch.begin();
  for (std::size_t i = batch.first; i < batch.ends.size(); ++i) {
    write_(std::string_view(batch.text).substr(begin, batch.ends[i] - begin));
    begin = batch.ends[i];
  }
}

}  // namespace epp::telemetry::detail
