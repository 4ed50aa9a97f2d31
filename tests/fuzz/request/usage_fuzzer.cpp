// What a response says about usage does not depend on where it is cut.
#include "fuzz/request/fuzz_input.h"
#include "request/usage.h"

namespace epp::request {
namespace {

void check(std::uint8_t choice, std::uint8_t seed, std::string_view response) {
  const ResponseFormat format = choice % 2 == 0 ? ResponseFormat::kJson : ResponseFormat::kEventStream;
  const auto make = choice % 4 < 2 ? make_openai_usage_extractor : make_anthropic_usage_extractor;
  const auto whole = make(format);
  bool whole_observed = whole->feed(response);
  whole_observed = whole->finish() || whole_observed;
  require(whole_observed == whole->usage().has_value());

  const auto cut = make(format);
  bool cut_observed = false;
  for (std::string_view chunk : chunks_of(response, seed))
    cut_observed = cut->feed(chunk) || cut_observed;
  cut_observed = cut->finish() || cut_observed;
  require(cut_observed == whole_observed);
  require(cut->usage() == whole->usage());
  require(cut->streamed_events() == whole->streamed_events());
}

}  // namespace
}  // namespace epp::request

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  epp::request::FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  const std::uint8_t seed = input.byte();
  epp::request::check(choice, seed, input.rest());
  return 0;
}
