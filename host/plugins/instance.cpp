#include "plugins/instance.h"

#include <algorithm>
#include <cstring>

namespace epp::plugins {

const AttributeUse* Instance::use_of(epp_attr attr) const {
  const auto at = std::find_if(uses_.begin(), uses_.end(), [attr](const AttributeUse& use) { return use.id == attr; });
  return at != uses_.end() ? &*at : nullptr;
}

bool Instance::may_write(epp_attr attr) const {
  const size_t word = attr / 64;
  return word < writable_.size() && ((writable_[word] >> (attr % 64)) & 1u) != 0;
}

void Instance::count_fault(ExtensionPoint point, Fault fault, std::string_view message) const {
  ledger_.enter(point, fault, message);
  if (observer_ != nullptr) observer_->on_fault(*this, point, fault, message);
}

void Instance::refuse_answer(ExtensionPoint point, Fault fault, std::string_view message) const {
  count_fault(point, fault, message);
  if (ledger_.refuse(point)) count_bypass(point, message);
}

void Instance::count_bypass(ExtensionPoint point, std::string_view why) const {
  count_fault(point, Fault::kBypassed, "bypassed until the next reload: " + std::string(why));
}

void Instance::pass_over(ExtensionPoint point) const {
  ledger_.passed_over();
  if (observer_ != nullptr) observer_->on_passed_over(*this, point);
}

ErrorBuffer::ErrorBuffer() : message_{}, reason_{} {
  clear();
}

epp_error* ErrorBuffer::clear() {
  // A text of another request is not for a plugin that says a size and writes nothing.
  if (!message().empty()) std::memset(message_, 0, message().size());
  if (!reason().empty()) std::memset(reason_, 0, reason().size());
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
