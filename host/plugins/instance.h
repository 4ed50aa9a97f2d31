// A plugin instance as the host calls it: resolved extension tables, fault accounting, declared attributes.
//
// Instances are made by factory.h and held by shared_ptr: pipelines, requests with per-request state and pending tokens
// keep one (and its library) alive. Everything here is [concurrent] once the instance is made.
#pragma once

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

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epp::plugins {

// Extension points, as metric labels name them.
enum class ExtensionPoint : uint8_t {
  kRequestHeader,
  kScreener,
  kDataProducer,
  kAdmission,
  kProfilePicker,
  kFilter,
  kScorer,
  kPicker,
  kProcessProfilesResults,
  kPreRequest,
  kResponseReceived,
  kResponseStreaming,
  kResponseComplete,
  kSaturation,
  kFairness,
  kOrdering,
  kUsageLimits,
  kEvictionFilter,
  kEvictionOrdering,
};
inline constexpr size_t kExtensionPointCount = 19;
std::string_view to_string(ExtensionPoint point);  // "Scorer", ...

// Why an answer was not used.
enum class Fault : uint8_t {
  kError,           // a status below 0
  kNotANumber,      // a NaN score or saturation; the value reads as 0
  kOutOfRange,      // a slot or position that was not given, given twice, or none where one is due
  kTimeout,         // a pending producer that was not waited for any longer
  kScopeRead,       // read what it had not declared: read as missing
  kScopeWrite,      // wrote what it had not declared: not written
  kLateCompletion,  // completed a token that nobody waits for
  kBypassed,        // this many faults in a row: not called any more
};
inline constexpr size_t kFaultCount = 8;
std::string_view to_string(Fault fault);  // "error", "nan", "out_of_range", ...

// What happens when a filter, screener or admitter fails.
enum class OnFault : uint8_t { kReject, kIgnore };

// Observes calls and faults; implemented by telemetry's adapter in app/. [concurrent]
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void on_call(const class Instance& instance, ExtensionPoint point, uint64_t duration_ns) = 0;
  virtual void on_fault(const class Instance& instance, ExtensionPoint point, Fault fault,
                        std::string_view message) = 0;
};

struct AttributeUse {
  epp_attr id = EPP_ATTR_NONE;
  std::string key;
  uint32_t type = 0;
  uint32_t scope = 0;   // EPP_SCOPE_*
  uint32_t access = 0;  // EPP_ACCESS_*
  uint32_t kind = 0;    // EPP_COLUMN_*, of produced endpoint columns
};

// After this many calls in a row whose answer could not be used, an instance is bypassed: its neutral answer is taken
// without calling it, until the next reload builds a new one. Answers that are policy (a denial, a handler's complaint,
// a producer that could not reach its service) never count towards it.
inline constexpr uint32_t kBypassAfterFaults = 100;

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
  bool may_read(epp_attr attr) const;
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

  // ---- fault accounting ----
  // Counts a fault and tells the observer.
  void count_fault(ExtensionPoint point, Fault fault, std::string_view message) const;
  // The same for an answer that was replaced: enough of them in a row and the instance is bypassed.
  void refuse_answer(ExtensionPoint point, Fault fault, std::string_view message) const;
  void accept_answer() const {
    if (refused_in_row_.load(std::memory_order_relaxed) != 0) refused_in_row_.store(0, std::memory_order_relaxed);
  }
  bool bypassed() const { return bypassed_.load(std::memory_order_relaxed); }
  uint64_t faults(Fault fault) const { return faults_[static_cast<size_t>(fault)].load(std::memory_order_relaxed); }

 protected:
  std::string name_;
  std::string type_;
  const epp_instance* raw_ = nullptr;
  std::vector<AttributeUse> uses_;
  std::vector<uint64_t> readable_;  // bit sets by attribute id
  std::vector<uint64_t> writable_;
  OnFault on_fault_ = OnFault::kReject;
  uint32_t state_index_ = 0;
  CallObserver* observer_ = nullptr;

 private:
  mutable std::array<std::atomic<uint64_t>, kFaultCount> faults_{};
  mutable std::atomic<uint32_t> refused_in_row_{0};
  mutable std::atomic<bool> bypassed_{false};
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
