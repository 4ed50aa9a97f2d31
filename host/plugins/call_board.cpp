#include "plugins/call_board.h"

#include "plugins/watchdog.h"

#include <algorithm>

#include <pthread.h>
#include <unistd.h>

namespace epp::plugins {

namespace {

thread_local constinit bool t_ended = false;

}  // namespace

// Takes the thread's record off the board when the thread ends.
struct CallBoard::Membership {
  CallRecord* record = nullptr;
  ~Membership() {
    t_ended = true;
    mine_ = nullptr;
    CallBoard& board = get();
    const std::scoped_lock lock(board.mutex_);
    // A call that was seen has returned, though no look came since.
    if (board.watchdog_ != nullptr) board.watchdog_->let_go(*record);
    std::erase_if(board.records_, [&](const auto& kept) { return kept.get() == record; });
  }
};

CallBoard& CallBoard::get() {
  // Never destroyed: threads may outlive static objects.
  static auto* const board = new CallBoard;
  return *board;
}

CallRecord* CallBoard::join() {
  if (t_ended) return nullptr;
  auto record = std::make_unique<CallRecord>();
  record->thread_id = ::gettid();
  ::pthread_getcpuclockid(::pthread_self(), &record->cpu_clock);
  mine_ = record.get();
  thread_local Membership membership;
  membership.record = mine_;
  CallBoard& board = get();
  const std::scoped_lock lock(board.mutex_);
  board.records_.push_back(std::move(record));
  return mine_;
}

void CallBoard::forget(const Instance& instance) {
  const std::scoped_lock lock(mutex_);
  for (const auto& record : records_) {
    if (watchdog_ != nullptr && record->watched.instance == &instance) watchdog_->let_go(*record);
  }
}

void CallBoard::watched_by(Watchdog* watchdog) {
  const std::scoped_lock lock(mutex_);
  watchdog_ = watchdog;
}

}  // namespace epp::plugins
