#include "flowcontrol/outcome.h"

#include <array>

namespace epp::flowcontrol {

std::string_view to_string(Outcome outcome) {
  static constexpr std::array<std::string_view, kOutcomeCount> kNames = {
      "NotYetFinalized", "Dispatched",         "RejectedCapacity",        "RejectedNoEndpoints", "RejectedOther",
      "EvictedTTL",      "EvictedNoEndpoints", "EvictedContextCancelled", "EvictedOther"};
  return kNames[static_cast<std::size_t>(outcome)];
}

}  // namespace epp::flowcontrol
