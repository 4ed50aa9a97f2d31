#pragma once

#include "request/error.h"
#include "request/parsed_request.h"
#include "request/usage.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace epp::request {

using ParseResult = std::variant<ParsedRequest, Error>;

/// Understands the requests and responses of one family of APIs. Immutable; every function may be called by any number
/// of threads at once.
class Parser {
 public:
  virtual ~Parser() = default;

  /// E.g. "openai-parser".
  virtual std::string_view type() const = 0;
  /// Path suffixes it answers for, without a leading slash. None: it is a fallback for every path.
  virtual std::span<const std::string_view> claimed_suffixes() const = 0;
  /// Application protocols its model servers may speak ("http", "kubernetes.io/h2c"); none: any.
  virtual std::span<const std::string_view> protocols() const = 0;
  /// `path` comes from select_path(); `body` must outlive the result.
  virtual ParseResult parse(std::string_view path, std::string_view body) const = 0;
  /// For the response of a request that this parser parsed.
  virtual std::unique_ptr<UsageExtractor> make_usage_extractor(ResponseFormat format) const = 0;
};

/// The parser types of the host: openai-parser, anthropic-parser, vllmhttp-parser, passthrough-parser.
std::unique_ptr<const Parser> make_openai_parser();
std::unique_ptr<const Parser> make_anthropic_parser();
std::unique_ptr<const Parser> make_vllmhttp_parser();
std::unique_ptr<const Parser> make_passthrough_parser();

/// A parser of the host by type; null if there is none.
std::unique_ptr<const Parser> make_parser(std::string_view type);

/// Types used when the configuration lists no parser, in order.
std::span<const std::string_view> default_parser_types();

/// The path that decides: the first of `:path`, `x-original-path`, `x-forwarded-path` that is not empty, without its
/// query; `/v1/completions` if all are empty.
std::string_view select_path(std::string_view path, std::string_view original_path, std::string_view forwarded_path);

struct RegistryOptions {
  /// A claim must start at a path segment: `/v1/mycompletions` is then no completions request. Off: any suffix matches.
  bool strict_suffix_boundary = false;
};

/// The configured parsers. Immutable after construction; resolve() may be called by any number of threads at once.
class ParserRegistry {
 public:
  using Parsers = std::vector<std::shared_ptr<const Parser>>;

  /// Keeps the first parser of each type, in order, up to and including the first one that claims no path.
  explicit ParserRegistry(const Parsers& parsers, RegistryOptions options = {});

  /// The parser with the longest claim that ends `path` (the earlier one of equals), else the fallback; null if there
  /// is none: answer unclaimed_path_error().
  std::shared_ptr<const Parser> resolve(std::string_view path) const;

  const Parsers& parsers() const { return parsers_; }
  /// One sentence for each parser that was left out and why, for the log.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Claim {
    std::string suffix;
    std::shared_ptr<const Parser> parser;
  };

  RegistryOptions options_;
  Parsers parsers_;
  std::vector<Claim> claims_;  // longest first, then by registration
  std::shared_ptr<const Parser> fallback_;
  std::vector<std::string> warnings_;
};

/// BadRequest "no parser registered matching path suffix for: <path>".
Error unclaimed_path_error(std::string_view path);

}  // namespace epp::request
