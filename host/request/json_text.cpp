#include "request/json_text.h"

#include <bit>
#include <charconv>
#include <limits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace epp::request {
namespace {

constexpr char32_t kReplacement = 0xfffd;
constexpr char kHex[] = "0123456789abcdef";

bool is_special(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

struct Rune {
  char32_t value;
  std::size_t size;  // bytes; 1 with value kReplacement for an invalid byte
};

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// First code point of `text`, which is not empty.
Rune decode_rune(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {kReplacement, 1};
  char32_t value = lead & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return {kReplacement, 1};
    value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3fu);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (overlong || surrogate || value > 0x10ffff) return {kReplacement, 1};
  return {value, size};
}

// Writes `value`, a code point that is no surrogate.
char* encode_rune(char* to, char32_t value) {
  if (value < 0x80) {
    *to++ = static_cast<char>(value);
    return to;
  }
  if (value < 0x800) {
    *to++ = static_cast<char>(0xc0 | (value >> 6));
  } else {
    if (value < 0x10000) {
      *to++ = static_cast<char>(0xe0 | (value >> 12));
    } else {
      *to++ = static_cast<char>(0xf0 | (value >> 18));
      *to++ = static_cast<char>(0x80 | ((value >> 12) & 0x3f));
    }
    *to++ = static_cast<char>(0x80 | ((value >> 6) & 0x3f));
  }
  *to++ = static_cast<char>(0x80 | (value & 0x3f));
  return to;
}

char32_t hex4(const char* p) {
  char32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

// A \uXXXX escape at `p` (or two that make a pair); moves `p` behind it. The string has been validated.
char32_t decode_unicode_escape(const char*& p, const char* end) {
  const char32_t first = hex4(p + 2);
  p += 6;
  if (first < 0xd800 || first >= 0xe000) return first;
  if (first < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
    const char32_t second = hex4(p + 2);
    if (second >= 0xdc00 && second < 0xe000) {
      p += 6;
      return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    }
  }
  return kReplacement;
}

char unescape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// Decodes into `to`, which has room for worst_case(raw). Returns the end.
char* decode_into(char* to, std::string_view raw) {
  const char* p = raw.data();
  const char* end = p + raw.size();
  while (p != end) {
    bool non_ascii = false;
    const char* run = p;
    p = find_string_special(p, end, non_ascii);
    const std::string_view plain(run, static_cast<std::size_t>(p - run));
    if (!non_ascii || is_valid_utf8(plain)) {
      if (!plain.empty()) std::memcpy(to, plain.data(), plain.size());
      to += plain.size();
    } else {
      for (std::size_t i = 0; i < plain.size();) {
        const Rune rune = decode_rune(plain.substr(i));
        to = encode_rune(to, rune.value);
        i += rune.size;
      }
    }
    if (p == end) break;
    if (p[1] == 'u') {
      to = encode_rune(to, decode_unicode_escape(p, end));
    } else {
      *to++ = unescape(p[1]);
      p += 2;
    }
  }
  return to;
}

// An invalid byte grows to the three bytes of U+FFFD; escapes only shrink.
std::size_t worst_case(const JsonString& string) {
  return string.raw.size() * (string.non_ascii ? 3 : 1);
}

bool is_raw_already(const JsonString& string) {
  return !string.escaped && (!string.non_ascii || is_valid_utf8(string.raw));
}

void append_hex_escape(std::string& out, char32_t value) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4)
    out += kHex[(value >> shift) & 15];
}

// Appends a character that may not stand as it is in a string literal; false if it may.
bool append_escaped(std::string& out, char32_t c, HtmlEscape html) {
  switch (c) {
    case '"':
      out += "\\\"";
      return true;
    case '\\':
      out += "\\\\";
      return true;
    case '\b':
      out += "\\b";
      return true;
    case '\f':
      out += "\\f";
      return true;
    case '\n':
      out += "\\n";
      return true;
    case '\r':
      out += "\\r";
      return true;
    case '\t':
      out += "\\t";
      return true;
    case '<':
    case '>':
    case '&':
    case 0x2028:
    case 0x2029:
      if (html == HtmlEscape::kNo) return false;
      append_hex_escape(out, c);
      return true;
    default:
      break;
  }
  if (c >= 0x20) return false;
  append_hex_escape(out, c);
  return true;
}

}  // namespace

const char* find_string_special(const char* p, const char* end, bool& non_ascii) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  unsigned high = 0;
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                                         _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(special));
    const auto signs = static_cast<unsigned>(_mm_movemask_epi8(bytes));
    if (hits != 0) {
      const int index = std::countr_zero(hits);
      high |= signs & ((1u << index) - 1);
      non_ascii = non_ascii || high != 0;
      return p + index;
    }
    high |= signs;
    p += 16;
  }
  non_ascii = non_ascii || high != 0;
#endif
  for (; p != end && !is_special(*p); ++p)
    non_ascii = non_ascii || static_cast<unsigned char>(*p) >= 0x80;
  return p;
}

bool is_valid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t word = 0;
    if (text.size() - i >= sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const Rune rune = decode_rune(text.substr(i));
    if (rune.value == kReplacement && rune.size == 1) return false;
    i += rune.size;
  }
  return true;
}

std::string_view decode_string(const JsonString& string, Arena& arena) {
  if (is_raw_already(string)) return string.raw;
  char* to = arena.allocate(worst_case(string));
  return {to, static_cast<std::size_t>(decode_into(to, string.raw) - to)};
}

void append_decoded(std::string& out, const JsonString& string) {
  if (is_raw_already(string)) {
    out += string.raw;
    return;
  }
  const std::size_t start = out.size();
  out.resize(start + worst_case(string));
  const char* end = decode_into(out.data() + start, string.raw);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

void append_json_string(std::string& out, std::string_view text, HtmlEscape html) {
  out += '"';
  std::size_t clean = 0;  // start of what can be copied as it is
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&') {
      ++i;  // plain ASCII; bytes of longer code points are negative
      continue;
    }
    const Rune rune = decode_rune(text.substr(i));
    const bool invalid = rune.value == kReplacement && rune.size == 1;
    if (invalid || rune.value < 0x20 || rune.value == '"' || rune.value == '\\' ||
        (html == HtmlEscape::kYes && (rune.value == '<' || rune.value == '>' || rune.value == '&' ||
                                      rune.value == 0x2028 || rune.value == 0x2029))) {
      out += text.substr(clean, i - clean);
      if (invalid) {
        append_hex_escape(out, kReplacement);
      } else {
        append_escaped(out, rune.value, html);
      }
      clean = i + rune.size;
    }
    i += rune.size;
  }
  out += text.substr(clean);
  out += '"';
}

double parse_double(std::string_view literal) {
  double value = 0;
  const auto [end, error] = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  // Too large or too small? The decimal exponent of the first significant digit tells.
  const bool negative = literal.front() == '-';
  std::int64_t exponent = 0;
  if (const auto e = literal.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view digits = literal.substr(e + 1);
    if (digits.front() == '+') digits.remove_prefix(1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (parsed.ec == std::errc::result_out_of_range) {
      exponent =
          digits.front() == '-' ? std::numeric_limits<std::int32_t>::min() : std::numeric_limits<std::int32_t>::max();
    }
    literal = literal.substr(0, e);
  }
  const std::size_t point = std::min(literal.find('.'), literal.size());
  const std::size_t first = literal.find_first_not_of("-0.");
  const auto before = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  const double magnitude = before + exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -magnitude : magnitude;
}

void append_double(std::string& out, double value) {
  char buffer[40];
  const auto scientific = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<std::size_t>(scientific.ptr - buffer));
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  int exponent = 0;
  const bool negative_exponent = text[e + 1] == '-';
  std::from_chars(text.data() + e + 2, text.data() + text.size(), exponent);
  if (negative_exponent) exponent = -exponent;
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);

  if (value != 0 && (exponent < -6 || exponent >= 21)) {
    out += digits[0];
    if (digits.size() > 1) out.append(1, '.').append(digits, 1);
    out += negative_exponent ? "e-" : "e+";
    out += std::to_string(negative_exponent ? -exponent : exponent);
    return;
  }
  if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent) - 1, '0').append(digits);
    return;
  }
  const std::size_t whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    out.append(digits).append(whole - digits.size(), '0');
  } else {
    out.append(digits, 0, whole).append(1, '.').append(digits, whole);
  }
}

bool key_matches(std::string_view key, std::string_view name) {
  if (key == name) return true;
  std::size_t i = 0;
  for (char expected : name) {
    if (i == key.size()) return false;
    const std::string_view rest = key.substr(i);
    char c = rest[0];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (c == expected) {
      i += 1;
    } else if (expected == 's' && rest.starts_with("\xc5\xbf")) {
      i += 2;
    } else if (expected == 'k' && rest.starts_with("\xe2\x84\xaa")) {
      i += 3;
    } else {
      return false;
    }
  }
  return i == key.size();
}

}  // namespace epp::request
