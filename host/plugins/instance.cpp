#include "plugins/instance.h"

#include <algorithm>
#include <cstring>

namespace epp::plugins {

std::string_view to_string(ExtensionPoint point) {
  static constexpr std::array<std::string_view, kExtensionPointCount> kNames = {"RequestHeader",
                                                                                "Screener",
                                                                                "DataProducer",
                                                                                "Admission",
                                                                                "ProfilePicker",
                                                                                "Filter",
                                                                                "Scorer",
                                                                                "Picker",
                                                                                "ProcessProfilesResults",
                                                                                "PreRequest",
                                                                                "ResponseReceived",
                                                                                "ResponseStreaming",
                                                                                "ResponseComplete",
                                                                                "SaturationDetector",
                                                                                "Fairness",
                                                                                "Ordering",
                                                                                "UsageLimits",
                                                                                "EvictionFilter",
                                                                                "EvictionOrdering"};
  return kNames[static_cast<size_t>(point)];
}

std::string_view to_string(Fault fault) {
  static constexpr std::array<std::string_view, kFaultCount> kNames = {
      "error", "nan", "out_of_range", "timeout", "scope_read", "scope_write", "late_completion", "bypassed"};
  return kNames[static_cast<size_t>(fault)];
}

namespace {

bool has_bit(const std::vector<uint64_t>& bits, epp_attr attr) {
  const size_t word = attr / 64;
  return word < bits.size() && ((bits[word] >> (attr % 64)) & 1u) != 0;
}

}  // namespace

const AttributeUse* Instance::use_of(epp_attr attr) const {
  const auto at = std::find_if(uses_.begin(), uses_.end(), [attr](const AttributeUse& use) { return use.id == attr; });
  return at != uses_.end() ? &*at : nullptr;
}

bool Instance::may_read(epp_attr attr) const {
  return has_bit(readable_, attr);
}

bool Instance::may_write(epp_attr attr) const {
  return has_bit(writable_, attr);
}

void Instance::count_fault(ExtensionPoint point, Fault fault, std::string_view message) const {
  faults_[static_cast<size_t>(fault)].fetch_add(1, std::memory_order_relaxed);
  if (observer_ != nullptr) observer_->on_fault(*this, point, fault, message);
}

void Instance::refuse_answer(ExtensionPoint point, Fault fault, std::string_view message) const {
  count_fault(point, fault, message);
  if (refused_in_row_.fetch_add(1, std::memory_order_relaxed) + 1 < kBypassAfterFaults) return;
  if (bypassed_.exchange(true, std::memory_order_relaxed)) return;
  count_fault(point, Fault::kBypassed, "bypassed until the next reload after repeated faults");
}

ErrorBuffer::ErrorBuffer() {
  clear();
}

epp_error* ErrorBuffer::clear() {
  error_ = {};
  error_.size = sizeof error_;
  error_.message = message_;
  error_.message_capacity = sizeof message_;
  error_.reason = reason_;
  error_.reason_capacity = sizeof reason_;
  return &error_;
}

std::string_view ErrorBuffer::message() const {
  return {message_, static_cast<size_t>(std::min<uint64_t>(error_.message_size, sizeof message_))};
}

std::string_view ErrorBuffer::reason() const {
  return {reason_, static_cast<size_t>(std::min<uint64_t>(error_.reason_size, sizeof reason_))};
}

void ErrorBuffer::set_message(std::string_view text) {
  error_.message_size = std::min(text.size(), sizeof message_);
  if (error_.message_size != 0) std::memcpy(message_, text.data(), error_.message_size);
}

}  // namespace epp::plugins
