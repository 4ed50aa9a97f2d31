#include "request/parser.h"

namespace epp::request {
namespace {

/// Takes any body as it is: no model, no prompt, no usage.
class PassthroughParser final : public Parser {
 public:
  std::string_view type() const override { return "passthrough-parser"; }
  std::span<const std::string_view> claimed_suffixes() const override { return {}; }
  std::span<const std::string_view> protocols() const override { return {}; }

  ParseResult parse(std::string_view, std::string_view body) const override {
    ParsedRequest request;
    request.body = body;
    return request;
  }

  std::unique_ptr<UsageExtractor> make_usage_extractor(ResponseFormat) const override {
    return make_null_usage_extractor();
  }
};

}  // namespace

std::unique_ptr<const Parser> make_passthrough_parser() {
  return std::make_unique<PassthroughParser>();
}

}  // namespace epp::request
