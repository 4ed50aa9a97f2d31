// A plugin instance as the host calls it: resolved extension tables, fault accounting, declared attributes.
//
// Instances are made by factory.h and held by shared_ptr: pipelines, requests with per-request state and pending tokens
// keep one (and its library) alive. Everything here is [concurrent] once the instance is made.
#pragma once

#include "plugins/fault.h"
#include "plugins/fault_ledger.h"

#include <epp/abi.h>
#include <epp/ext/eviction.h>
#include <epp/ext/fairness.h>
#include <epp/ext/filter.h>
#include <epp/ext/lifecycle.h>
#include <epp/ext/ordering.h>
#include <epp/ext/picker.h>
#include <epp/ext/producer.h>
#include <epp/ext/profile_handler.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/ext/saturation_detector.h>
#include <epp/ext/scorer.h>
#include <epp/ext/usage_limits.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::plugins {

// Observes calls and faults; implemented by telemetry's adapter in app/. [concurrent]
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void on_call(const class Instance& instance, ExtensionPoint point, uint64_t duration_ns) = 0;
  virtual void on_fault(const class Instance& instance, ExtensionPoint point, Fault fault,
                        std::string_view message) = 0;
  // The instance is out of service: its neutral answer was taken without a call.
  virtual void on_passed_over(const class Instance& /*instance*/, ExtensionPoint /*point*/) {}
};

struct AttributeUse {
  epp_attr id = EPP_ATTR_NONE;
  std::string key;
  uint32_t type = 0;
  uint32_t scope = 0;   // EPP_SCOPE_*
  uint32_t access = 0;  // EPP_ACCESS_*
  uint32_t kind = 0;    // EPP_COLUMN_*, of produced endpoint columns
};

inline constexpr uint64_t kDefaultProducerLimitNs = 400'000'000;

class Instance : public std::enable_shared_from_this<Instance> {
 public:
  Instance() = default;
  virtual ~Instance() = default;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const std::string& name() const { return name_; }
  const std::string& type() const { return type_; }
  const epp_instance* raw() const { return raw_; }
  const std::vector<AttributeUse>& uses() const { return uses_; }
  // Declared under any access; nullptr when it was not.
  const AttributeUse* use_of(epp_attr attr) const;
  // The type that it was declared with for reading (EPP_TYPE_*); 0 when it was not.
  uint32_t read_type(epp_attr attr) const { return attr < read_types_.size() ? read_types_[attr] : 0; }
  bool may_write(epp_attr attr) const;
  OnFault on_fault() const { return on_fault_; }

  // Extension tables; nullptr where the instance does not serve the point.
  const epp_filter* filter = nullptr;
  const epp_filter* screener = nullptr;
  const epp_scorer* scorer = nullptr;
  const epp_picker* picker = nullptr;
  const epp_producer* producer = nullptr;
  const epp_request_header* request_header = nullptr;
  const epp_admitter* admitter = nullptr;
  const epp_pre_request* pre_request = nullptr;
  const epp_response_header* response_header = nullptr;
  const epp_response_body* response_body = nullptr;
  const epp_response_complete* response_complete = nullptr;
  const epp_profile_handler* profile_handler = nullptr;
  const epp_saturation_detector* detector = nullptr;
  const epp_fairness* fairness = nullptr;
  const epp_ordering* ordering = nullptr;
  const epp_usage_limits* usage_limits = nullptr;
  const epp_eviction_filter* eviction_filter = nullptr;
  const epp_eviction_ordering* eviction_ordering = nullptr;
  const epp_endpoint_events* endpoint_events = nullptr;
  const epp_state_dump* state_dump = nullptr;
  const epp_readiness* readiness = nullptr;

  // Index into a request's per-instance state table; dense, never reused while requests run.
  uint32_t state_index() const { return state_index_; }
  CallObserver* observer() const { return observer_; }

  // Where it comes from; empty for libraries linked into the program.
  const std::string& library_path() const { return library_path_; }
  const std::string& library_sha256() const { return library_sha256_; }

  // What it said once, after its creation.
  uint64_t producer_limit_ns() const { return producer_limit_ns_; }             // of a producer
  std::optional<uint64_t> believed_age_ns() const { return believed_age_ns_; }  // of a detector that says so

  // ---- faults ----
  // What a call of it may take; 0: as long as it likes.
  uint64_t call_budget_ns() const { return call_budget_ns_; }
  // False: its neutral answer is to be taken without a call.
  bool in_service() const { return ledger_.in_service(); }
  bool bypassed() const { return ledger_.bypassed(); }
  FaultLedger& ledger() const { return ledger_; }
  uint64_t faults(Fault fault) const { return ledger_.count(fault); }

  // Counts a fault and tells the observer.
  void count_fault(ExtensionPoint point, Fault fault, std::string_view message) const;
  // The same for an answer that was replaced: enough of them in a row and the instance is bypassed.
  void refuse_answer(ExtensionPoint point, Fault fault, std::string_view message) const;
  void accept_answer(ExtensionPoint point) const { ledger_.accept(point); }
  void count_bypass(ExtensionPoint point, std::string_view why) const;
  // Counts an answer that was taken without a call.
  void pass_over(ExtensionPoint point) const;

  // The last answer of the readiness extension.
  bool was_ready() const { return was_ready_.load(std::memory_order_relaxed); }
  void set_ready(bool ready) const { was_ready_.store(ready, std::memory_order_relaxed); }

 protected:
  std::string name_;
  std::string type_;
  const epp_instance* raw_ = nullptr;
  std::vector<AttributeUse> uses_;
  std::vector<uint8_t> read_types_;  // by attribute id
  std::vector<uint64_t> writable_;   // a bit set
  OnFault on_fault_ = OnFault::kReject;
  uint32_t state_index_ = 0;
  CallObserver* observer_ = nullptr;
  uint64_t call_budget_ns_ = 0;
  uint64_t producer_limit_ns_ = kDefaultProducerLimitNs;
  std::optional<uint64_t> believed_age_ns_;
  std::string library_path_;
  std::string library_sha256_;

 private:
  mutable FaultLedger ledger_;
  mutable std::atomic<bool> was_ready_{false};
};

using InstancePtr = std::shared_ptr<Instance>;

// The buffers behind an epp_error, for one call.
class ErrorBuffer {
 public:
  ErrorBuffer();
  ErrorBuffer(const ErrorBuffer&) = delete;
  ErrorBuffer& operator=(const ErrorBuffer&) = delete;
  // Empty again, for the next call.
  epp_error* clear();
  epp_error* abi() { return &error_; }
  // Cut to what the buffers hold, whatever sizes the plugin wrote.
  std::string_view message() const;
  std::string_view reason() const;
  void set_message(std::string_view text);

 private:
  epp_error error_{};
  char message_[512];
  char reason_[64];
};

}  // namespace epp::plugins
