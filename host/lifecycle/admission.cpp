#include "lifecycle/admission.h"

namespace epp::lifecycle {

Admission::Answer SheddingAdmission::admit(const AdmissionRequest& request, Done /*done*/) {
  Answer answer;
  if (request.priority < 0 && request.saturation() >= 1.0) {
    answer.outcome =
        request::Error{request::ErrorCode::kResourceExhausted, "system saturated, sheddable request dropped", {}};
  }
  return answer;
}

}  // namespace epp::lifecycle
