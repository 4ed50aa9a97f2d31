// build-marker: says which build of it runs. EPP_TEST_BUILD is "one" or "two". It prefers the endpoints whose label
// `build` is its own build's (or `prefer`), names its build on responses and counts those that it saw to the end.
#include <epp/plugin.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view kBuild = EPP_TEST_BUILD;

class BuildMarker {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;

  explicit BuildMarker(epp::sdk::Context& context)
      : prefer_(context.parameters().text("/prefer", std::string(kBuild))),
        completions_(context.host()
                         .counter("epp_test_completions_total", "Responses seen to their end.", {"build"})
                         .series({kBuild})) {}

  void score(const epp::sdk::Request&, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    for (uint32_t i = 0; i < candidates.size(); ++i)
      scores[i] = epp::sdk::label(candidates.endpoint(i), "build") == prefer_ ? 1 : 0;
  }

  void on_response_header(const epp::sdk::Request& request, const epp_response&) const {
    request.set_response_header("x-build", kBuild);
  }

  void on_response_complete(const epp::sdk::Request&, const epp_response&, uint32_t) const { completions_.add(1); }

 private:
  std::string prefer_;
  epp::sdk::Series completions_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<BuildMarker>(
    {.name = "build-marker", .description = "Says which build of it runs", .parameters_schema = R"json({
      "type": "object", "additionalProperties": false, "properties": {"prefer": {"type": "string"}}})json"}))
