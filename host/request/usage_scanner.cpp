#include "request/usage_scanner.h"

#include "request/json_text.h"

namespace epp::request {
void UsageScanner::reset() {
  state_ = State::kValue;
  in_key_ = false;
  nesting_.clear();
  child_scope_ = Scope::kOther;
  pending_ = kSlots;
  kept_ = kSlots;
  for (std::string& value : values_)
    value.clear();
}

void UsageScanner::feed(std::string_view bytes) {
  const char* p = bytes.data();
  const char* end = p + bytes.size();
  kept_from_ = p;
  while (p != end && state_ != State::kFailed)
    p = step(p, end);
  if (kept_ != kSlots) keep(end);
}

bool UsageScanner::complete() const {
  if (nesting_.depth() != 0) return false;
  switch (state_) {
    case State::kAfterValue:
    case State::kZero:
    case State::kInteger:
    case State::kFraction:
    case State::kExponentDigits:
      return true;
    default:
      return false;
  }
}

// Takes at least one byte, or ends a number before it.
const char* UsageScanner::step(const char* p, const char* end) {
  switch (state_) {
    case State::kString:
      return step_string(p, end);
    case State::kEscape:
    case State::kHex:
      step_escape(*p);
      return p + 1;
    case State::kLiteral:
      if (*p != *literal_left_) {
        fail();
      } else if (*++literal_left_ == '\0') {
        end_value(p + 1);
      }
      return p + 1;
    case State::kMinus:
    case State::kZero:
    case State::kInteger:
    case State::kPoint:
    case State::kFraction:
    case State::kExponent:
    case State::kExponentSign:
    case State::kExponentDigits:
      if (step_number(*p)) return p + 1;
      end_value(p);
      return p;
    default:
      break;
  }
  if (!is_json_space(*p)) step_structure(p);
  return p + 1;
}

void UsageScanner::step_structure(const char* p) {
  const char c = *p;
  switch (state_) {
    case State::kValue:
      return begin_value(p);
    case State::kArrayStart:
      return c == ']' ? pop(p) : begin_value(p);
    case State::kObjectStart:
      if (c == '}') return pop(p);
      [[fallthrough]];
    case State::kKey:
      return c == '"' ? begin_key() : fail();
    case State::kColon:
      if (c != ':') return fail();
      state_ = State::kValue;
      return;
    case State::kAfterValue:
      if (nesting_.depth() == 0) return fail();
      if (c == (nesting_.in_object() ? '}' : ']')) return pop(p);
      if (c != ',') return fail();
      state_ = nesting_.in_object() ? State::kKey : State::kValue;
      return;
    default:
      return fail();
  }
}

void UsageScanner::begin_value(const char* p) {
  if (pending_ != kSlots) {
    kept_ = pending_;
    kept_depth_ = nesting_.depth();
    kept_from_ = p;
    values_[kept_].clear();
    pending_ = kSlots;
  }
  const auto literal = [this](const char* rest) {
    literal_left_ = rest;
    state_ = State::kLiteral;
  };
  switch (*p) {
    case '{':
      return push(true);
    case '[':
      return push(false);
    case '"':
      state_ = State::kString;
      return;
    case 't':
      return literal("rue");
    case 'f':
      return literal("alse");
    case 'n':
      return literal("ull");
    case '-':
      state_ = State::kMinus;
      return;
    case '0':
      state_ = State::kZero;
      return;
    default:
      break;
  }
  if (!is_digit(*p)) return fail();
  state_ = State::kInteger;
}

// `p` is where the value ends.
void UsageScanner::end_value(const char* p) {
  state_ = State::kAfterValue;
  if (kept_ == kSlots || nesting_.depth() != kept_depth_) return;
  keep(p);
  kept_ = kSlots;
}

void UsageScanner::keep(const char* end) {
  std::string& value = values_[kept_];
  value.append(kept_from_, end);
  if (value.size() > kMaxValue) fail();
}

const char* UsageScanner::step_string(const char* p, const char* end) {
  bool non_ascii = false;
  const char* run = p;
  p = find_string_special(p, end, non_ascii);
  if (in_key_) add_to_key({run, static_cast<std::size_t>(p - run)});
  if (p == end) return p;
  if (*p == '"') {
    in_key_ ? end_key() : end_value(p + 1);
  } else if (*p == '\\') {
    if (in_key_) {
      add_to_key({p, 1});
      key_escaped_ = true;
    }
    state_ = State::kEscape;
  } else {
    fail();
  }
  return p + 1;
}

void UsageScanner::step_escape(char c) {
  if (in_key_) add_to_key({&c, 1});
  if (state_ == State::kHex) {
    if (!is_hex_digit(c)) return fail();
    if (--hex_left_ == 0) state_ = State::kString;
    return;
  }
  if (is_short_escape(c)) {
    state_ = State::kString;
  } else if (c == 'u') {
    hex_left_ = 4;
    state_ = State::kHex;
  } else {
    fail();
  }
}

// False if `c` does not belong to the number any more.
bool UsageScanner::step_number(char c) {
  const bool digit = is_digit(c);
  const bool exponent = c == 'e' || c == 'E';
  switch (state_) {
    case State::kMinus:
      if (!digit) break;
      state_ = c == '0' ? State::kZero : State::kInteger;
      return true;
    case State::kInteger:
      if (digit) return true;
      [[fallthrough]];
    case State::kZero:
      if (c != '.' && !exponent) return false;
      state_ = exponent ? State::kExponent : State::kPoint;
      return true;
    case State::kPoint:
      if (!digit) break;
      state_ = State::kFraction;
      return true;
    case State::kFraction:
      if (exponent) state_ = State::kExponent;
      return digit || exponent;
    case State::kExponent:
      if (c == '+' || c == '-') {
        state_ = State::kExponentSign;
        return true;
      }
      [[fallthrough]];
    case State::kExponentSign:
      if (!digit) break;
      state_ = State::kExponentDigits;
      return true;
    default:
      return digit;
  }
  fail();
  return true;
}

void UsageScanner::begin_key() {
  in_key_ = true;
  key_.clear();
  key_escaped_ = false;
  state_ = State::kString;
}

void UsageScanner::add_to_key(std::string_view bytes) {
  if (scope() == Scope::kOther) return;
  const std::size_t room = kMaxKey - key_.size();
  key_.append(bytes.substr(0, room));
}

// Decides whether the value of the member is to be kept.
void UsageScanner::end_key() {
  in_key_ = false;
  state_ = State::kColon;
  const Scope where = scope();
  if (where == Scope::kOther) return;
  std::string decoded;
  if (key_escaped_ && key_.size() < kMaxKey) append_decoded(decoded, {.raw = key_, .escaped = true, .non_ascii = true});
  const std::string_view key = key_escaped_ ? decoded : key_;
  if (where != Scope::kRoot) {
    if (key == "usage") pending_ = where == Scope::kResponse ? kResponseUsage : kMessageUsage;
    return;
  }
  child_scope_ = Scope::kOther;
  if (key == "usage") {
    pending_ = kUsage;
  } else if (key == "type") {
    pending_ = kType;
  } else if (key == "response") {
    child_scope_ = Scope::kResponse;
    values_[kResponseUsage].clear();
  } else if (key == "message") {
    child_scope_ = Scope::kMessage;
    values_[kMessageUsage].clear();
  }
}

void UsageScanner::push(bool object) {
  if (!nesting_.push(object)) return fail();
  state_ = object ? State::kObjectStart : State::kArrayStart;
}

void UsageScanner::pop(const char* p) {
  nesting_.pop();
  end_value(p + 1);
}

// Of the innermost object.
UsageScanner::Scope UsageScanner::scope() const {
  if (nesting_.depth() == 1) return Scope::kRoot;
  return nesting_.depth() == 2 ? child_scope_ : Scope::kOther;
}

}  // namespace epp::request
