#include "request/parser.h"

#include <algorithm>
#include <array>

namespace epp::request {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kDefaultPath = "/v1/completions";

constexpr std::array<std::string_view, 4> kDefaultTypes = {"openai-parser", "anthropic-parser", "vllmhttp-parser",
                                                           "passthrough-parser"};

std::string_view trim(std::string_view text, std::string_view unwanted) {
  const std::size_t first = text.find_first_not_of(unwanted);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(unwanted) - first + 1);
}

bool claims(std::string_view path, std::string_view suffix, bool at_segment) {
  if (!path.ends_with(suffix)) return false;
  const std::size_t before = path.size() - suffix.size();
  return !at_segment || before == 0 || path[before - 1] == '/';
}

}  // namespace

std::unique_ptr<const Parser> make_parser(std::string_view type) {
  if (type == "openai-parser") return make_openai_parser();
  if (type == "anthropic-parser") return make_anthropic_parser();
  if (type == "vllmhttp-parser") return make_vllmhttp_parser();
  if (type == "passthrough-parser") return make_passthrough_parser();
  return nullptr;
}

std::span<const std::string_view> default_parser_types() {
  return kDefaultTypes;
}

std::string_view select_path(std::string_view path, std::string_view original_path, std::string_view forwarded_path) {
  for (std::string_view candidate : {path, original_path, forwarded_path}) {
    if (!candidate.empty()) return candidate.substr(0, candidate.find('?'));
  }
  return kDefaultPath;
}

ParserRegistry::ParserRegistry(const Parsers& parsers, RegistryOptions options) : options_(options) {
  for (const auto& parser : parsers) {
    const std::string name(parser->type());
    if (fallback_) {
      warnings_.push_back("parser " + name + " skipped: it follows " + std::string(fallback_->type()) +
                          ", which takes every path");
      continue;
    }
    const auto same_type = [&](const auto& earlier) { return earlier->type() == parser->type(); };
    if (std::any_of(parsers_.begin(), parsers_.end(), same_type)) {
      warnings_.push_back("parser " + name + " skipped: there is already one of this type");
      continue;
    }
    parsers_.push_back(parser);
    if (parser->claimed_suffixes().empty()) fallback_ = parser;
    for (std::string_view suffix : parser->claimed_suffixes()) {
      claims_.push_back({std::string(trim(trim(suffix, kSpace), "/")), parser});
    }
  }
  std::stable_sort(claims_.begin(), claims_.end(),
                   [](const Claim& a, const Claim& b) { return a.suffix.size() > b.suffix.size(); });
}

std::shared_ptr<const Parser> ParserRegistry::resolve(std::string_view path) const {
  path = trim(path, kSpace);
  if (path.ends_with('/')) path.remove_suffix(1);
  for (const Claim& claim : claims_) {
    if (claims(path, claim.suffix, options_.strict_suffix_boundary)) return claim.parser;
  }
  return fallback_;
}

Error unclaimed_path_error(std::string_view path) {
  return {ErrorCode::kBadRequest, "no parser registered matching path suffix for: " + std::string(path), {}};
}

}  // namespace epp::request
