#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace epp::testing {

// The value of the first sample of a Prometheus page whose line begins with `series`; 0 if there is none.
double sample_value(const std::string& page, const std::string& series);

using Labels = std::map<std::string, std::string>;

struct Sample {
  Labels labels;
  double value = 0;
};

// All samples with exactly this name that carry all of `labels`, whatever else they carry. Label values are taken as
// they are written.
std::vector<Sample> samples_of(const std::string& page, const std::string& name, const Labels& labels = {});

// Their sum; nothing if there are none.
std::optional<double> sample_sum(const std::string& page, const std::string& name, const Labels& labels = {});

}  // namespace epp::testing
