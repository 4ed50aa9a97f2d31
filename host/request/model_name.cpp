#include "request/model_name.h"

#include "request/json_canonical.h"
#include "request/json_text.h"

#include <cstring>

namespace epp::request {
namespace {

constexpr std::string_view kMember = "\"model\":";

std::size_t find_member(std::string_view bytes, std::size_t from) {
  const void* at = memmem(bytes.data() + from, bytes.size() - from, kMember.data(), kMember.size());
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - bytes.data());
}

// Start of the longest end of `bytes`, not before `from`, with which kMember may begin.
std::size_t find_partial_member(std::string_view bytes, std::size_t from) {
  const std::size_t longest = std::min(bytes.size() - from, kMember.size() - 1);
  for (std::size_t size = longest; size > 0; --size) {
    if (kMember.starts_with(bytes.substr(bytes.size() - size))) return bytes.size() - size;
  }
  return bytes.size();
}

bool is_high_surrogate(std::string_view escape) {
  return (escape[2] == 'd' || escape[2] == 'D') && std::string_view("89abAB").find(escape[3]) != std::string_view::npos;
}

// Bytes of the escape that `rest` begins with; 0 if more are needed to tell, npos if it is none.
std::size_t escape_size(std::string_view rest) {
  if (rest.size() < 2) return 0;
  if (std::string_view("\"\\/bfnrt").find(rest[1]) != std::string_view::npos) return 2;
  if (rest[1] != 'u') return std::string_view::npos;
  if (rest.size() < 6) return 0;
  if (rest.substr(2, 4).find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
    return std::string_view::npos;
  }
  if (!is_high_surrogate(rest)) return 6;
  if (rest.size() < 12) return 0;
  const bool pair = rest[6] == '\\' && rest[7] == 'u' &&
                    rest.substr(8, 4).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  return pair ? 12 : 6;
}

void add(std::vector<std::string_view>& slices, std::string_view slice) {
  if (!slice.empty()) slices.push_back(slice);
}

}  // namespace

std::vector<std::string_view> splice_model(ParsedRequest& request, std::string_view model) {
  std::string literal;
  append_json_string(literal, model, HtmlEscape::kNo);
  std::vector<std::string_view> slices;
  if (request.model_values.empty()) {
    const std::string member = std::string(kMember) + literal + (request.empty_object ? "" : ",");
    slices.push_back(request.body.substr(0, request.model_insert_offset));
    slices.push_back(request.arena.copy(member));
    slices.push_back(request.body.substr(request.model_insert_offset));
    return slices;
  }
  const std::string_view value = request.arena.copy(literal);
  std::size_t from = 0;
  for (const ByteRange& range : request.model_values) {
    slices.push_back(request.body.substr(from, range.offset - from));
    slices.push_back(value);
    from = range.offset + range.length;
  }
  slices.push_back(request.body.substr(from));
  return slices;
}

std::string reserialise_with_model(std::string_view body, std::string_view model) {
  std::string out;
  append_canonical_with(out, body, "model", model);
  return out;
}

ModelRestorer::ModelRestorer(std::string_view target, std::string_view incoming) {
  if (target.empty() || incoming.empty() || target == incoming) return;
  target_ = target;
  compact_ = kMember;
  append_json_string(compact_, incoming, HtmlEscape::kNo);
  spaced_ = kMember;
  spaced_ += ' ';
  append_json_string(spaced_, incoming, HtmlEscape::kNo);
}

// Does the member at the start of `bytes`, which begins with kMember, hold the target?
ModelRestorer::Match ModelRestorer::match(std::string_view bytes, Spacing& spacing, std::size_t& length) const {
  std::size_t at = kMember.size();
  spacing = at < bytes.size() && bytes[at] == ' ' ? Spacing::kOne : Spacing::kNone;
  if (spacing == Spacing::kOne) ++at;
  if (at >= bytes.size()) return Match::kNeedMore;
  if (bytes[at++] != '"') return Match::kNo;
  std::string_view wanted = target_;
  while (at < bytes.size()) {
    const char c = bytes[at];
    if (c == '"') {
      length = at + 1;
      return wanted.empty() ? Match::kYes : Match::kNo;
    }
    if (c != '\\') {
      if (wanted.empty() || c != wanted.front()) return Match::kNo;
      wanted.remove_prefix(1);
      ++at;
      continue;
    }
    const std::size_t size = escape_size(bytes.substr(at));
    if (size == 0) return Match::kNeedMore;
    if (size == std::string_view::npos) return Match::kNo;
    std::string decoded;
    append_decoded(decoded, {.raw = bytes.substr(at, size), .escaped = true, .non_ascii = false});
    if (!wanted.starts_with(decoded)) return Match::kNo;
    wanted.remove_prefix(decoded.size());
    at += size;
  }
  return Match::kNeedMore;
}

void ModelRestorer::scan(std::string_view bytes, bool final) {
  out_.clear();
  std::size_t passed = 0;
  std::size_t from = 0;
  std::size_t keep_from = bytes.size();
  for (;;) {
    const std::size_t at = find_member(bytes, from);
    if (at == std::string_view::npos) {
      if (!final) keep_from = find_partial_member(bytes, from);
      break;
    }
    Spacing spacing{};
    std::size_t length = 0;
    const Match found = match(bytes.substr(at), spacing, length);
    if (found == Match::kNeedMore && !final) {
      keep_from = at;
      break;
    }
    if (found != Match::kYes || (spacing == Spacing::kOne && ignore_spaced_)) {
      from = at + 1;
      continue;
    }
    add(out_, bytes.substr(passed, at - passed));
    out_.push_back(spacing == Spacing::kOne ? spaced_ : compact_);
    if (spacing == Spacing::kNone) ignore_spaced_ = true;
    replaced_ = true;
    passed = from = at + length;
  }
  add(out_, bytes.substr(passed, keep_from - passed));
  held_ = bytes.substr(keep_from);
}

std::span<const std::string_view> ModelRestorer::feed(std::string_view chunk) {
  if (!active()) {
    out_.clear();
    add(out_, chunk);
  } else if (held_.empty()) {
    scan(chunk, false);
  } else {
    joined_ = held_;
    joined_ += chunk;
    scan(joined_, false);
  }
  return out_;
}

std::span<const std::string_view> ModelRestorer::finish() {
  joined_ = held_;
  scan(joined_, true);
  return out_;
}

std::span<const std::string_view> ModelRestorer::restore_all(std::string_view body) {
  if (!active()) return feed(body);
  ignore_spaced_ = true;
  replaced_ = false;
  scan(body, true);
  if (!replaced_) {
    ignore_spaced_ = false;
    scan(body, true);
  }
  return out_;
}

}  // namespace epp::request
