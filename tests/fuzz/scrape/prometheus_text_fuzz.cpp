// Any page: no crash; the strict and the tolerant reader agree where the strict one accepts; reading only some families
// accepts and refuses the same pages as reading all.
#include "scrape/prometheus_text.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace epp::scrape;

struct Result {
  std::vector<std::string> samples;
  bool failed = false;
};

Result read(PrometheusReader& reader, std::string_view page, const FamilySelection* wanted, ParseMode mode) {
  Result result;
  reader.start(page, wanted, mode);
  while (const Sample* sample = reader.next()) {
    std::string text(sample->name);
    for (LabelCursor labels(sample->labels); labels.next();) {
      text.append("|").append(labels.name()).append("=").append(unescape_label_value(labels.raw_value()));
      if (!find_label(sample->labels, labels.name())) std::abort();
    }
    text += std::isnan(sample->value) ? "nan" : std::to_string(sample->value);
    text += std::to_string(sample->timestamp_ms);
    result.samples.push_back(std::move(text));
  }
  result.failed = reader.error().has_value();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static PrometheusReader reader;
  // A copy of exactly this size, so that a read beyond the end is seen.
  const std::vector<char> exact(data, data + size);
  const std::string_view page(exact.data(), exact.size());
  const Result strict = read(reader, page, nullptr, ParseMode::kStrict);
  const Result tolerant = read(reader, page, nullptr, ParseMode::kTolerant);
  if (!strict.failed && strict.samples != tolerant.samples) std::abort();
  if (reader.error()) std::abort();
  FamilySelection wanted;
  wanted.add("a");
  wanted.add("vllm:num_requests_waiting");
  if (read(reader, page, &wanted, ParseMode::kStrict).failed != strict.failed) std::abort();
  return 0;
}
