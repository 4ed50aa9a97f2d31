// How full the pool is, as a whole and by stage.
#pragma once

#include "flowcontrol/item.h"

#include <algorithm>
#include <optional>

namespace epp::flowcontrol {

// 1.0 and more is saturated. A stage without endpoints has no value.
struct Saturation {
  double effective = 1;
  std::optional<double> prefill;
  std::optional<double> decode;

  // What a request with these needs waits for. A stage that the pool lacks holds nobody up.
  double of(Needs needs) const {
    switch (needs) {
      case Needs::kPrefill:
        return prefill.value_or(effective);
      case Needs::kDecode:
        return decode.value_or(effective);
      case Needs::kBoth:
        break;
    }
    return effective;
  }
};

}  // namespace epp::flowcontrol
