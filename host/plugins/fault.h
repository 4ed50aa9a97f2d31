// The ways in which a plugin can fail, and the places where it can, as metrics, logs and documents name them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace epp::plugins {

// Where a plugin is called. The first kHookCount answer requests and serve flow control; calls of these are timed.
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
  // Surroundings.
  kProducerCancel,
  kStateDrop,  // what an instance kept for a request is dropped
  kEndpointEvents,
  kStateDump,
  kReadiness,
  kTimer,
  // While pipelines are built and torn down: these may take longer.
  kCreate,
  kBind,
  kDestroy,
};
inline constexpr size_t kHookCount = 19;
inline constexpr size_t kExtensionPointCount = 28;
std::string_view to_string(ExtensionPoint point);  // "Scorer", ...

// Made by the main thread, one at a time: such a call is given at least kMainCallBudgetNs, and names its plugin when it
// hangs, but takes nothing out of service.
constexpr bool is_main_call(ExtensionPoint point) {
  return point >= ExtensionPoint::kCreate;
}

// Why an answer was not used.
enum class Fault : uint8_t {
  kError,           // a status below 0
  kNotANumber,      // a NaN score or saturation; the value reads as 0
  kOutOfRange,      // a slot or position that was not given, given twice, or none where one is due
  kTimeout,         // a pending producer that was not waited for any longer
  kScopeRead,       // read what it had not declared: read as missing
  kScopeWrite,      // wrote what it had not declared: not written
  kLateCompletion,  // completed a token that nobody waits for
  kException,       // an exception left the library
  kHung,            // a call took longer than its budget
  kBypassed,        // too many of these: not called any more
};
inline constexpr size_t kFaultCount = 10;
std::string_view to_string(Fault fault);  // "error", "nan", "out_of_range", ...

// What happens when a filter, screener or admitter fails.
enum class OnFault : uint8_t { kReject, kIgnore };

}  // namespace epp::plugins
