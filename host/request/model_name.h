#pragma once

#include "request/parsed_request.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::request {

/// The body of `request` with its top-level `model` set to `model`, as slices to be concatenated. Every duplicate is
/// replaced, since servers differ in which one they obey; a missing one is inserted right after the opening brace. All
/// other bytes stay. The slices point into the body and `request.arena`. The body must be a JSON object.
std::vector<std::string_view> splice_model(ParsedRequest& request, std::string_view model);

/// The same, printed anew as upstream does: keys sorted, no white space, numbers as doubles (integers beyond 2^53 lose
/// digits), HTML characters escaped.
std::string reserialise_with_model(std::string_view body, std::string_view model);

/// Gives a client the model name it asked for: replaces `"model":"<target>"`, or with one space after the colon, by the
/// incoming name over the chunks of one response. The target is compared decoded, so it is found however the server
/// escaped it.
///
/// A match that straddles chunks is found: the bytes of a possible match at the end of a chunk are held back (at most
/// about six times the length of the name) until the next feed() or finish(). The result does not depend on where the
/// chunks are cut. Owned by one stream; not thread-safe.
class ModelRestorer {
 public:
  /// Does nothing when a name is empty or both are equal.
  ModelRestorer(std::string_view target, std::string_view incoming);

  bool active() const { return !target_.empty(); }

  /// The bytes to pass on for `chunk`; slices of `chunk` and of this object, valid until the next call. As soon as the
  /// form without a space was seen, the other one is left alone: it is more likely a quotation.
  std::span<const std::string_view> feed(std::string_view chunk);

  /// What was held back.
  std::span<const std::string_view> finish();

  /// A whole response at once. Upstream's rule: the form with a space is replaced only if the other does not occur.
  std::span<const std::string_view> restore_all(std::string_view body);

 private:
  enum class Spacing : unsigned char { kNone, kOne };
  enum class Match : unsigned char { kNo, kYes, kNeedMore };

  Match match(std::string_view bytes, Spacing& spacing, std::size_t& length) const;
  void scan(std::string_view bytes, bool final);

  std::string target_;
  std::string compact_;  // replacement of the form without a space
  std::string spaced_;   // and of the one with a space
  bool ignore_spaced_ = false;
  bool replaced_ = false;
  std::string held_;
  std::string joined_;  // held_ + chunk while its slices are in use
  std::vector<std::string_view> out_;
};

}  // namespace epp::request
