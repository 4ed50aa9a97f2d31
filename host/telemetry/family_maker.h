// Families of the endpoint picker's own metrics, with their deprecated twins; internal to the room.
#pragma once

#include "telemetry/metrics.h"

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::telemetry::detail {

using Labels = std::vector<std::string>;

/// A deprecated name, whole, and its labels.
struct Old {
  std::string name;
  Labels labels;
  Labels sources{};  ///< where renamed labels come from
};

inline FamilySpec spec(std::string_view name, std::string_view help, Labels labels, std::optional<Old> old = {},
                       bool hot = false) {
  FamilySpec result{.name = std::string("llm_d_epp_").append(name),
                    .help = alpha_help(help),
                    .labels = std::move(labels),
                    .hot = hot};
  if (old) {
    result.twin = TwinSpec{std::move(old->name), deprecated_help(result.name, help), std::move(old->labels),
                           std::move(old->sources)};
  }
  return result;
}

inline Old extension(std::string_view name, Labels labels) {
  return {std::string("inference_extension_").append(name), std::move(labels)};
}

/// Makes families, or throws std::logic_error: a taken name is a mistake of the program.
class Maker {
 public:
  explicit Maker(Registry& registry) : registry_(registry) {}
  CounterFamily* counter(const FamilySpec& s) { return checked(registry_.counter(s, &error_)); }
  GaugeFamily* gauge(const FamilySpec& s) { return checked(registry_.gauge(s, &error_)); }
  HistogramFamily* histogram(const FamilySpec& s, std::span<const double> bounds) {
    return checked(registry_.histogram(s, bounds, &error_));
  }

 private:
  template <class T>
  T* checked(T* family) {
    if (family == nullptr) throw std::logic_error(error_);
    return family;
  }
  Registry& registry_;
  std::string error_;
};

}  // namespace epp::telemetry::detail
