#include "lifecycle/admission.h"

#include <algorithm>

namespace epp::lifecycle {
namespace {

constexpr std::int64_t kMaxOutputEstimate = std::int64_t{128} << 10;
constexpr std::uint64_t kBytesPerToken = 4;

}  // namespace

std::int64_t estimated_tokens(std::uint64_t body_bytes, std::int64_t max_output_tokens) {
  const auto prompt = static_cast<std::int64_t>(std::min<std::uint64_t>(body_bytes / kBytesPerToken, INT32_MAX));
  return std::max<std::int64_t>(1, prompt + std::clamp<std::int64_t>(max_output_tokens, 0, kMaxOutputEstimate));
}

Admission::Answer SheddingAdmission::admit(const AdmissionRequest& request, const AdmissionReceiverPtr& /*receiver*/) {
  Answer answer;
  if (request.priority < 0 && request.saturation() >= 1.0) {
    answer.outcome =
        request::Error{request::ErrorCode::kResourceExhausted, "system saturated, sheddable request dropped", {}};
  }
  return answer;
}

}  // namespace epp::lifecycle
