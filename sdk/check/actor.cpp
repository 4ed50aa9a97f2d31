#include "check/actor.h"

#include "check/known_points.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace epp::check {

std::string describe(const Scene& scene) {
  return std::to_string(scene.endpoints) + " endpoints, " + std::string(to_string(scene.values)) + " values, " +
         std::string(to_string(scene.shape));
}

void Mailbox::on_completion(uint64_t token, plugins::Completion completion) {
  const std::scoped_lock lock(mutex_);
  arrived_.emplace(token, std::move(completion));
  changed_.notify_all();
}

std::optional<plugins::Completion> Mailbox::wait(uint64_t token, uint64_t limit_ns) {
  std::unique_lock lock(mutex_);
  const auto limit = std::chrono::nanoseconds(limit_ns);
  if (!changed_.wait_for(lock, limit, [&] { return arrived_.contains(token); })) return std::nullopt;
  auto node = arrived_.extract(token);
  return std::move(node.mapped());
}

Actor::Actor(Stage& stage, plugins::InstancePtr instance, std::vector<std::string> words, uint64_t seed)
    : stage_(stage),
      instance_(std::move(instance)),
      decider_(table_of<epp_decider>(*instance_, EPP_EXT_DECIDER)),
      words_(std::move(words)),
      random_(seed),
      meter_(stage.channel(), stage.type(), stage.options().budget_ms) {
  for (const std::string& word : words_)
    if (!word.empty() && word.size() < 64 && profiles_.size() < 4) profiles_.push_back(word);
}

// ---- the stage of one request ----

void Actor::begin(const Scene& scene) {
  meter_.scene(scene.endpoints, describe(scene));
  snapshot_ = stage_.table().snapshot();
  choose(scene.endpoints);
  request_.make(scene.shape, number_++, words_, random_);
  request_.context().snapshot = snapshot_;
  request_.context().table = &stage_.table();
  request_.fill(*instance_, scene.values, random_);
}

void Actor::choose(uint32_t count) {
  const auto all = snapshot_->slots();
  slots_.assign(all.begin(), all.end());
  // Not the order of the slots, so that a slot taken for a position shows.
  if (slots_.size() > 1) {
    const size_t turn = random_.below(slots_.size());
    std::rotate(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(turn), slots_.end());
  }
  if (slots_.size() > count) slots_.resize(count);
  slots_before_ = slots_;
  candidates_ = {};
  candidates_.size = sizeof candidates_;
  candidates_.count = static_cast<uint32_t>(slots_.size());
  candidates_.slots = slots_.data();
  candidates_.endpoints = snapshot_->endpoints().data();
  candidates_.slot_limit = snapshot_->slot_limit();
  candidates_.snapshot = snapshot_.get();
}

bool Actor::inputs_intact() const {
  return slots_ == slots_before_ && candidates_.slots == slots_.data() && candidates_.count == slots_.size();
}

void Actor::require_intact(Function function) {
  if (!inputs_intact()) {
    meter_.fail("calls.bounds", function, "wrote into its candidates");
    slots_ = slots_before_;
    candidates_.slots = slots_.data();
    candidates_.count = static_cast<uint32_t>(slots_.size());
  }
  if (!indexes_.intact() || !numbers_.intact()) {
    meter_.fail("calls.bounds", function, "wrote beyond the array that it was given");
  }
}

void Actor::live(const Scene& scene) {
  begin(scene);
  const plugins::Instance& plugin = *instance_;
  if (plugin.request_header != nullptr) header_hook();
  if (plugin.screener != nullptr) screen_or_filter(*plugin.screener, {EPP_EXT_SCREENER " filter"});
  if (plugin.producer != nullptr) produce();
  if (plugin.admitter != nullptr) admit();
  if (plugin.filter != nullptr) screen_or_filter(*plugin.filter, {EPP_EXT_FILTER " filter"});
  if (plugin.scorer != nullptr) score();
  if (plugin.picker != nullptr) pick();
  if (plugin.profile_handler != nullptr) handle_profiles();
  if (decider_ != nullptr) decide();
  // Without an endpoint to go to a request ends here.
  if (candidates_.count != 0) {
    fill_results(true);
    if (plugin.pre_request != nullptr) pre_request();
    respond();
  }
  request_.end();
}

}  // namespace epp::check
