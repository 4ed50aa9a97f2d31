#include "scrape/prometheus_text.h"

#define XXH_INLINE_ALL
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <xxhash.h>

namespace epp::scrape {
namespace {

constexpr std::size_t kFirstFamilies = 512;
constexpr std::size_t kKeptFamilies = 64u << 10;  // a table grown beyond this is given back

enum CharClass : std::uint8_t { kNameStart = 1, kNameRest = 2, kLabelRest = 4, kPlainValue = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    std::uint8_t bits = 0;
    if (letter || c == ':') bits |= kNameStart;
    if (letter || digit || c == ':') bits |= kNameRest;
    if (letter || digit) bits |= kLabelRest;
    if (c != '"' && c != '\\' && c != '\n' && c < 0x80) bits |= kPlainValue;
    classes[c] = bits;
  }
  return classes;
}
constexpr auto kClasses = make_classes();

bool is(char c, CharClass wanted) {
  return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::uint64_t hash_of(std::string_view name) {
  return XXH3_64bits(name.data(), name.size());
}

bool same_text(std::string_view a, std::string_view lower_case) {
  return std::equal(a.begin(), a.end(), lower_case.begin(), lower_case.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
    if (size == 0 || size > text.size() - i) return false;
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    const auto second = size > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool surrogate = lead == 0xed && second >= 0xa0;
    if (overlong || surrogate || (lead == 0xf4 && second >= 0x90)) return false;
    i += size;
  }
  return true;
}

constexpr std::array<double, 20> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                                 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};

// A plain decimal such as 12 or -0.25. Returns its end, or nullptr when the general reader must look. Exact: mantissa
// and power are both exactly representable.
const char* read_plain_decimal(const char* at, const char* end, double& value) {
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  std::uint64_t mantissa = 0;
  const char* digits = at;
  while (at != end && is_digit(*at))
    mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
  std::ptrdiff_t count = at - digits;
  std::ptrdiff_t decimals = 0;
  if (at != end && *at == '.') {
    const char* fraction = ++at;
    while (at != end && is_digit(*at))
      mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
    decimals = at - fraction;
    count += decimals;
  }
  if (count == 0 || count > 15) return nullptr;
  const double magnitude = static_cast<double>(mantissa) / kPowersOfTen[static_cast<std::size_t>(decimals)];
  value = negative ? -magnitude : magnitude;
  return at;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 64;
  return '"' + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "...\"" : "\"");
}

}  // namespace

std::uint32_t FamilySelection::add(std::string_view name) {
  if (const std::uint32_t known = find(name); known != kNone) return known;
  names_.emplace_back(name);
  hashes_.push_back(hash_of(name));
  return static_cast<std::uint32_t>(names_.size() - 1);
}

std::uint32_t FamilySelection::find(std::string_view name) const {
  return find(hash_of(name), name);
}

std::uint32_t FamilySelection::find(std::uint64_t hash, std::string_view name) const {
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    if (hashes_[i] == hash && names_[i] == name) return static_cast<std::uint32_t>(i);
  }
  return kNone;
}

bool LabelCursor::next() {
  const auto start = rest_.find_first_not_of(" \t,");
  if (start == std::string_view::npos) return false;
  rest_.remove_prefix(start);
  std::size_t name_end = 0;
  while (name_end < rest_.size() && is(rest_[name_end], kLabelRest))
    ++name_end;
  name_ = rest_.substr(0, name_end);
  const auto quote = rest_.find('"', name_end);
  if (quote == std::string_view::npos) return false;
  std::size_t close = quote + 1;
  while (close < rest_.size() && rest_[close] != '"')
    close += rest_[close] == '\\' ? 2 : 1;
  if (close >= rest_.size()) return false;
  raw_value_ = rest_.substr(quote + 1, close - quote - 1);
  rest_.remove_prefix(close + 1);
  return true;
}

std::string unescape_label_value(std::string_view raw) {
  std::string value;
  value.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      value += raw[i];
    } else {
      ++i;
      value += raw[i] == 'n' ? '\n' : raw[i];
    }
  }
  return value;
}

bool label_value_is(std::string_view raw, std::string_view value) {
  if (raw.find('\\') == std::string_view::npos) return raw == value;
  return unescape_label_value(raw) == value;
}

std::optional<std::string_view> find_label(std::string_view labels, std::string_view name) {
  for (LabelCursor cursor(labels); cursor.next();) {
    if (cursor.name() == name) return cursor.raw_value();
  }
  return std::nullopt;
}

std::optional<double> parse_float(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const char* const end_of_text = text.data() + text.size();
  double plain = 0;
  if (!text.empty() && read_plain_decimal(text.data(), end_of_text, plain) == end_of_text) return plain;
  if (same_text(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (same_text(text, "inf") || same_text(text, "infinity")) return negative ? -kInfinity : kInfinity;
  if (text.empty() || !(is_digit(text.front()) || text.front() == '.')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large is no number, too small is zero; strtod tells them apart.
    value = std::strtod(std::string(text).c_str(), nullptr);
    if (std::isinf(value)) return std::nullopt;
  }
  return negative ? -value : value;
}

void PrometheusReader::start(std::string_view page, const FamilySelection* wanted, ParseMode mode) {
  wanted_ = wanted;
  mode_ = mode;
  page_ = page;
  error_.reset();
  bad_lines_ = 0;
  family_count_ = 0;
  if (++page_number_ == 0 || families_.empty() || families_.size() > kKeptFamilies) {
    families_.assign(kFirstFamilies, Family{});
    families_.shrink_to_fit();
    page_number_ = 1;
  }
  in_tail_ = false;
  if (mode == ParseMode::kTolerant && !page.empty() && page.back() != '\n') {
    const auto last = page.rfind('\n');
    const std::size_t whole = last == std::string_view::npos ? 0 : last + 1;
    tail_.assign(page.substr(whole)).push_back('\n');
    begin_text(page.substr(0, whole));
  } else {
    tail_.clear();
    begin_text(page);
  }
}

void PrometheusReader::begin_text(std::string_view text) {
  at_ = text.data();
  end_ = text.data() + text.size();
  last_name_ = {};
  label_count_ = 0;
}

const Sample* PrometheusReader::next() {
  for (;;) {
    while (at_ != end_) {
      const char* const line = at_;
      const Line kind = read_line();
      if (kind == Line::kSample) return &sample_;
      if (kind == Line::kNothing) continue;
      last_name_ = {};
      label_count_ = 0;
      if (mode_ == ParseMode::kStrict) {
        finish_with_error(line);
        return nullptr;
      }
      ++bad_lines_;
      const auto* newline = static_cast<const char*>(std::memchr(line, '\n', static_cast<std::size_t>(end_ - line)));
      at_ = newline == nullptr ? end_ : newline + 1;
    }
    if (tail_.empty() || in_tail_) return nullptr;
    in_tail_ = true;
    begin_text(tail_);
  }
}

void PrometheusReader::finish_with_error(const char* line) {
  const auto lines = std::count(page_.data(), line, '\n');
  error_ = ParseError{static_cast<std::size_t>(lines) + 1, std::move(message_)};
  at_ = end_;
}

PrometheusReader::Line PrometheusReader::bad(std::string message) {
  message_ = std::move(message);
  return Line::kBad;
}

const char* PrometheusReader::fail(std::string message) {
  message_ = std::move(message);
  return nullptr;
}

PrometheusReader::Line PrometheusReader::read_line() {
  const char* at = at_;
  while (at != end_ && is_blank(*at))
    ++at;
  if (at == end_) {
    // Blanks after the last newline are the one thing that may stand there.
    at_ = end_;
    return Line::kNothing;
  }
  if (*at == '\n') {
    at_ = at + 1;
    return Line::kNothing;
  }
  return *at == '#' ? read_comment(at + 1) : read_sample(at);
}

PrometheusReader::Line PrometheusReader::read_comment(const char* at) {
  const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end_ - at)));
  if (newline == nullptr) return bad("unexpected end of input stream");
  while (is_blank(*at))
    ++at;
  const char* word = at;
  while (!is_blank(*at) && *at != '\n')
    ++at;
  const std::string_view keyword(word, static_cast<std::size_t>(at - word));
  if (*at != '\n' && (keyword == "TYPE" || keyword == "HELP")) {
    const Line kind = read_declaration(keyword, at, newline);
    if (kind == Line::kBad) return kind;
  }
  at_ = newline + 1;
  return Line::kNothing;
}

PrometheusReader::Line PrometheusReader::read_declaration(std::string_view keyword, const char* at, const char* end) {
  while (is_blank(*at))
    ++at;
  const char* name = at;
  if (is(*at, kNameStart)) {
    while (is(*at, kNameRest))
      ++at;
  }
  if (at == end) return Line::kNothing;
  if (!is_blank(*at) || at == name) return bad("invalid metric name in comment");
  Family& family = resolve({name, static_cast<std::size_t>(at - name)});
  while (is_blank(*at))
    ++at;
  if (at == end) return Line::kNothing;
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  const std::string_view shown(family.name, family.name_size);

  if (keyword == "HELP") {
    if (std::exchange(family.has_help, true)) return bad("second HELP line for metric name " + quoted(shown));
    for (auto slash = rest.find('\\'); slash != std::string_view::npos; slash = rest.find('\\', slash + 2)) {
      const char escaped = slash + 1 < rest.size() ? rest[slash + 1] : '\0';
      if (escaped != '\\' && escaped != 'n' && escaped != '"') return bad("invalid escape sequence in HELP text");
    }
    return Line::kNothing;
  }
  if (std::exchange(family.has_type, true)) {
    return bad("second TYPE line for metric name " + quoted(shown) + ", or TYPE reported after samples");
  }
  if (same_text(rest, "gauge")) {
    family.type = FamilyType::kGauge;
  } else if (same_text(rest, "counter")) {
    family.type = FamilyType::kCounter;
  } else if (same_text(rest, "histogram") || same_text(rest, "gauge_histogram")) {
    family.type = FamilyType::kHistogram;
  } else if (same_text(rest, "summary")) {
    family.type = FamilyType::kSummary;
  } else if (!same_text(rest, "untyped") && mode_ == ParseMode::kStrict) {
    return bad("unknown metric type " + quoted(rest));
  }
  return Line::kNothing;
}

PrometheusReader::Line PrometheusReader::read_sample(const char* at) {
  const std::size_t left = static_cast<std::size_t>(end_ - at);
  const std::size_t known = last_name_.size();
  if (known != 0 && known < left && !is(at[known], kNameRest) && std::memcmp(at, last_name_.data(), known) == 0) {
    last_name_ = {at, known};
    at += known;
  } else {
    const char* name = at;
    if (!is(*at, kNameStart)) return bad("invalid metric name");
    while (at != end_ && is(*at, kNameRest))
      ++at;
    const std::string_view text(name, static_cast<std::size_t>(at - name));
    Family& family = resolve(text);
    family.has_type = true;
    last_name_ = text;
    last_family_ = static_cast<std::uint32_t>(&family - families_.data());
  }
  while (at != end_ && is_blank(*at))
    ++at;
  sample_.labels = {};
  if (at != end_ && *at == '{') {
    const char* const open = ++at;
    at = read_labels(at);
    if (at == nullptr) return Line::kBad;
    sample_.labels = {open, static_cast<std::size_t>(at - open - 1)};
    while (at != end_ && is_blank(*at))
      ++at;
  }
  at = read_value(at);
  if (at == nullptr) return Line::kBad;
  sample_.has_timestamp = false;
  sample_.timestamp_ms = 0;
  while (at != end_ && is_blank(*at))
    ++at;
  if (at != end_ && *at != '\n') {
    at = read_timestamp(at);
    if (at == nullptr) return Line::kBad;
  }
  if (at == end_) return bad("unexpected end of input stream");
  at_ = at + 1;

  const Family& family = families_[last_family_];
  if (family.reported_as == FamilySelection::kNone) return Line::kNothing;
  sample_.family = family.reported_as;
  sample_.type = family.type;
  sample_.name = last_name_;
  return Line::kSample;
}

// From behind the opening brace to behind the closing one.
const char* PrometheusReader::read_labels(const char* at) {
  const FamilyType type = families_[last_family_].type;
  const std::string_view numeric = type == FamilyType::kHistogram ? "le"
                                   : type == FamilyType::kSummary ? "quantile"
                                                                  : std::string_view();
  bool names_as_before = true;
  std::size_t count = 0;
  for (;;) {
    while (at != end_ && is_blank(*at))
      ++at;
    if (at == end_) return fail("unexpected end of input stream");
    if (*at == '}') break;
    if (count == kMaxLabels) return fail("too many labels");

    LabelSpan& span = labels_[count];
    const bool had_one = count < label_count_;
    const std::size_t left = static_cast<std::size_t>(end_ - at);
    if (had_one && span.size < left && std::memcmp(at, span.begin, span.size) == 0) {
      span.begin = at;
      at += span.size;
    } else {
      const LabelSpan before = had_one ? span : LabelSpan{};
      at = read_label(at, span);
      if (at == nullptr) return nullptr;
      names_as_before = names_as_before && before.name_size == span.name_size &&
                        std::memcmp(before.begin, span.begin, span.name_size) == 0;
    }
    if (!numeric.empty() && numeric == std::string_view(span.begin, span.name_size)) {
      const char* const close = span.begin + span.size - 1;
      const char* open = close;
      while (open[-1] != '"')
        --open;
      const std::string_view value(open, static_cast<std::size_t>(close - open));
      if (!parse_float(value)) {
        return fail("expected float as value for '" + std::string(numeric) + "' label, got " + quoted(value));
      }
    }
    ++count;
    while (at != end_ && is_blank(*at))
      ++at;
    if (at == end_) return fail("unexpected end of input stream");
    if (*at == ',') {
      ++at;
    } else if (*at != '}') {
      return fail("unexpected end of label value");
    }
  }
  label_count_ = std::max(count, names_as_before ? label_count_ : 0);
  if (!names_as_before) {
    for (std::size_t i = 1; i < count; ++i) {
      const std::string_view name(labels_[i].begin, labels_[i].name_size);
      for (std::size_t k = 0; k < i; ++k) {
        if (name == std::string_view(labels_[k].begin, labels_[k].name_size)) {
          return fail("duplicate label name " + quoted(name) + " in one sample");
        }
      }
    }
  }
  return at + 1;
}

// One name="value"; leaves its extent in `span`.
const char* PrometheusReader::read_label(const char* at, LabelSpan& span) {
  const char* const begin = at;
  if (!is(*at, kLabelRest) || is_digit(*at)) return fail("invalid label name");
  while (at != end_ && is(*at, kLabelRest))
    ++at;
  const std::string_view name(begin, static_cast<std::size_t>(at - begin));
  if (name == "__name__") return fail("label name \"__name__\" is reserved");
  while (at != end_ && is_blank(*at))
    ++at;
  if (at == end_ || *at != '=') return fail("expected '=' after label name " + quoted(name));
  ++at;
  while (at != end_ && is_blank(*at))
    ++at;
  if (at == end_ || *at != '"') return fail("expected '\"' at start of the value of label " + quoted(name));
  const char* const value = ++at;
  bool ascii = true;
  for (;;) {
    while (at != end_ && is(*at, kPlainValue))
      ++at;
    if (at == end_) return fail("unexpected end of input stream");
    if (*at == '"') break;
    if (*at == '\n') return fail("label value contains unescaped new-line");
    if (*at == '\\') {
      if (++at == end_) return fail("unexpected end of input stream");
      if (*at != '\\' && *at != '"' && *at != 'n') return fail("invalid escape sequence in a label value");
    } else {
      ascii = false;
    }
    ++at;
  }
  if (!ascii && !is_utf8({value, static_cast<std::size_t>(at - value)})) return fail("invalid UTF-8 in a label value");
  ++at;
  span = {begin, static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(at - begin)};
  return at;
}

const char* PrometheusReader::read_value(const char* at) {
  const char* const after = read_plain_decimal(at, end_, sample_.value);
  if (after != nullptr && after != end_ && (is_blank(*after) || *after == '\n')) return after;
  const char* const begin = at;
  while (at != end_ && !is_blank(*at) && *at != '\n')
    ++at;
  if (at == end_) return fail("unexpected end of input stream");
  const std::string_view text(begin, static_cast<std::size_t>(at - begin));
  const auto value = parse_float(text);
  if (!value) return fail("expected float as value, got " + quoted(text));
  sample_.value = *value;
  return at;
}

// From the first character after the value to the newline.
const char* PrometheusReader::read_timestamp(const char* at) {
  const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end_ - at)));
  if (newline == nullptr) return fail("unexpected end of input stream");
  const bool tolerant = mode_ == ParseMode::kTolerant;
  const char* const begin = at;
  while (at != newline && !is_blank(*at) && !(tolerant && *at == '#'))
    ++at;
  std::string_view text(begin, static_cast<std::size_t>(at - begin));
  if (!text.empty()) {
    std::string_view number = text;
    if (number.starts_with('+')) number.remove_prefix(1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), sample_.timestamp_ms);
    if (error == std::errc() && end == number.data() + number.size() && (number == text || is_digit(number.front()))) {
      sample_.has_timestamp = true;
    } else if (const auto seconds = tolerant ? parse_float(text) : std::nullopt; seconds && std::abs(*seconds) < 9e15) {
      sample_.timestamp_ms = static_cast<std::int64_t>(*seconds * 1000);
      sample_.has_timestamp = true;
    } else {
      return fail("expected integer as timestamp, got " + quoted(text));
    }
  }
  if (tolerant) {
    while (at != newline && is_blank(*at))
      ++at;
    if (at != newline && *at == '#') at = newline;
  }
  if (at != newline) return fail("spurious string after timestamp");
  return at;
}

PrometheusReader::Family* PrometheusReader::lookup(std::uint64_t hash, std::string_view name) {
  const std::size_t mask = families_.size() - 1;
  for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
    Family& family = families_[i];
    if (family.page != page_number_) return nullptr;
    if (family.hash == hash && std::string_view(family.name, family.name_size) == name) return &family;
  }
}

PrometheusReader::Family& PrometheusReader::insert(std::uint64_t hash, std::string_view name) {
  if (family_count_ * 2 >= families_.size()) grow();
  const std::size_t mask = families_.size() - 1;
  std::size_t i = hash & mask;
  while (families_[i].page == page_number_)
    i = (i + 1) & mask;
  Family& family = families_[i];
  family = {name.data(), static_cast<std::uint32_t>(name.size()), page_number_, hash, 0, FamilyType::kUntyped, false,
            false};
  family.reported_as = wanted_ ? wanted_->find(hash, name) : static_cast<std::uint32_t>(family_count_);
  ++family_count_;
  return family;
}

void PrometheusReader::grow() {
  last_name_ = {};  // its family moves
  std::vector<Family> old(families_.size() * 2);
  old.swap(families_);
  const std::size_t mask = families_.size() - 1;
  for (const Family& family : old) {
    if (family.page != page_number_) continue;
    std::size_t i = family.hash & mask;
    while (families_[i].page == page_number_)
      i = (i + 1) & mask;
    families_[i] = family;
  }
}

PrometheusReader::Family* PrometheusReader::base_family(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix) || name.size() == suffix.size()) return nullptr;
  const std::string_view base = name.substr(0, name.size() - suffix.size());
  return lookup(hash_of(base), base);
}

// The family that a name belongs to: itself, else the histogram or summary it is a part of, else a new one.
PrometheusReader::Family& PrometheusReader::resolve(std::string_view name) {
  const std::uint64_t hash = hash_of(name);
  if (Family* exact = lookup(hash, name)) return *exact;
  for (const std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    Family* base = base_family(name, suffix);
    if (base == nullptr) continue;
    if (base->type == FamilyType::kHistogram) return *base;
    if (base->type == FamilyType::kSummary && suffix != "_bucket") return *base;
  }
  Family& family = insert(hash, name);
  if (mode_ == ParseMode::kTolerant) {
    // OpenMetrics declares the counter x and writes x_total.
    const Family* base = base_family(name, "_total");
    if (base != nullptr && base->type == FamilyType::kCounter) family.type = FamilyType::kCounter;
  }
  return family;
}

}  // namespace epp::scrape
