// Where answers from other threads wait for their stream.
#pragma once

#include "flowcontrol/reclaimer.h"
#include "lifecycle/admission.h"
#include "lifecycle/outbox.h"
#include "plugins/completion.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace epp::lifecycle {

/// Shared by a stream and whoever owes it an answer. [any thread] After close() everything that arrives is dropped.
class Mailbox final : public plugins::CompletionReceiver, public flowcontrol::Evictable, public AdmissionReceiver {
 public:
  explicit Mailbox(std::shared_ptr<Waker> waker) : waker_(std::move(waker)) {}

  void on_completion(std::uint64_t token, plugins::Completion completion) override;
  /// Only the first one counts.
  void evict(std::string_view reason) override;
  void on_admission(AdmissionOutcome outcome) override;

  /// The answer for `token`; those for other tokens are dropped.
  std::optional<plugins::Completion> take_completion(std::uint64_t token);
  /// The answer, if it came: a nested optional because "admitted" is an empty outcome.
  std::optional<AdmissionOutcome> take_admission();
  std::optional<std::string> take_eviction();
  void close();

 private:
  template <class Store>
  void put(Store store);

  std::mutex mutex_;
  std::shared_ptr<Waker> waker_;  // null once closed
  std::vector<std::pair<std::uint64_t, plugins::Completion>> completions_;
  std::optional<AdmissionOutcome> admission_;
  std::optional<std::string> eviction_;
  bool evicted_ = false;
};

}  // namespace epp::lifecycle
