#include "lifecycle/mailbox.h"

namespace epp::lifecycle {

template <class Store>
void Mailbox::put(Store store) {
  std::shared_ptr<Waker> waker;
  {
    const std::lock_guard lock(mutex_);
    if (!waker_) return;
    store();
    waker = waker_;
  }
  waker->wake();
}

void Mailbox::on_completion(std::uint64_t token, plugins::Completion completion) {
  put([&] { completions_.emplace_back(token, std::move(completion)); });
}

void Mailbox::evict(std::string_view reason) {
  put([&] {
    if (!std::exchange(evicted_, true)) eviction_ = reason;
  });
}

void Mailbox::on_admission(AdmissionOutcome outcome) {
  put([&] { admission_ = std::move(outcome); });
}

std::optional<plugins::Completion> Mailbox::take_completion(std::uint64_t token) {
  std::vector<std::pair<std::uint64_t, plugins::Completion>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(completions_);
  }
  for (auto& [of, completion] : all) {
    if (of == token) return std::move(completion);
  }
  return std::nullopt;
}

std::optional<AdmissionOutcome> Mailbox::take_admission() {
  const std::lock_guard lock(mutex_);
  return std::exchange(admission_, std::nullopt);
}

std::optional<std::string> Mailbox::take_eviction() {
  const std::lock_guard lock(mutex_);
  return std::exchange(eviction_, std::nullopt);
}

void Mailbox::close() {
  const std::lock_guard lock(mutex_);
  waker_.reset();
  completions_.clear();
  admission_.reset();
  eviction_.reset();
}

}  // namespace epp::lifecycle
