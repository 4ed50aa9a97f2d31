#include "kube/json_splitter.h"

#include <string>

namespace epp::kube {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool begins_scalar(char c) {
  return c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n';
}

bool continues_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20;
}

}  // namespace

bool JsonSplitter::feed(std::string_view piece) {
  piece_ = piece;
  begin_ = 0;
  for (std::size_t i = 0; i < piece.size() && !stopped_; ++i) {
    if (token_ == Token::kString) {
      // Most of a document is inside strings.
      while (i < piece.size() && piece[i] != '"' && piece[i] != '\\' && !is_control(piece[i])) {
        if (is_key_ && depth_ == 1 && key_.size() < kMaxKeyBytes) key_ += piece[i];
        ++i;
      }
      if (i == piece.size()) break;
    }
    take(piece[i], i);
  }
  if (capture_ != Capture::kNone) keep(piece.size());
  piece_ = {};
  return !stopped_;
}

bool JsonSplitter::complete() const {
  const bool at_rest = token_ == Token::kNone && depth_ == 0;
  return at_rest && !broken_ && expect_ == (shape_ == Shape::kStream ? Expect::kDocument : Expect::kNothing);
}

void JsonSplitter::take(char c, std::size_t position) {
  switch (token_) {
    case Token::kString:
      if (c == '"') {
        end_string(position);
      } else if (c == '\\') {
        token_ = Token::kEscape;
      } else {
        fail(c, position, "a control character in a string");
      }
      return;
    case Token::kEscape:
      if (is_control(c)) return fail(c, position, "a control character in a string");
      token_ = Token::kString;
      // No key that we look for has an escape.
      if (is_key_ && depth_ == 1) key_.assign(kMaxKeyBytes, '\\');
      return;
    case Token::kScalar:
      if (continues_scalar(c)) return;
      token_ = Token::kNone;
      end_value(position);
      break;
    case Token::kSkippedLine:
      if (c == '\n') {
        token_ = Token::kNone;
        line_start_ = true;
      }
      return;
    case Token::kNone:
      break;
  }
  if (!stopped_) take_structure(c, position);
}

void JsonSplitter::take_structure(char c, std::size_t position) {
  if (is_space(c)) {
    if (c == '\n') line_start_ = true;
    return;
  }
  const bool value_fits = expect_ == Expect::kValue || expect_ == Expect::kValueOrEnd;
  const bool key_fits = expect_ == Expect::kKey || expect_ == Expect::kKeyOrEnd;
  const bool may_go_on = expect_ == Expect::kCommaOrEnd;
  const bool may_end = may_go_on || expect_ == (in_object() ? Expect::kKeyOrEnd : Expect::kValueOrEnd);
  if (c == '{' && (value_fits || expect_ == Expect::kDocument)) {
    open(true, position);
  } else if (c == '[' && value_fits) {
    open(false, position);
  } else if (c == '"' && (value_fits || key_fits)) {
    is_key_ = key_fits;
    token_ = Token::kString;
    if (!is_key_) begin_value(position);
    if (is_key_ && depth_ == 1) key_.clear();
  } else if (value_fits && begins_scalar(c)) {
    token_ = Token::kScalar;
    begin_value(position);
  } else if (c == ':' && expect_ == Expect::kColon) {
    expect_ = Expect::kValue;
  } else if (c == ',' && may_go_on) {
    expect_ = in_object() ? Expect::kKey : Expect::kValue;
  } else if (c == (in_object() ? '}' : ']') && may_end) {
    close(position);
  } else {
    return fail(c, position, "no JSON");
  }
  line_start_ = false;
}

void JsonSplitter::open(bool object, std::size_t position) {
  if (depth_ == kMaxDepth) return fail(object ? '{' : '[', position, "nested too deep");
  begin_value(position);
  if (shape_ == Shape::kList && depth_ == 1 && key_ == "items") {
    if (object) return fail('{', position, "items is no array");
    in_items_ = true;
  }
  objects_[depth_++] = object;
  expect_ = object ? Expect::kKeyOrEnd : Expect::kValueOrEnd;
}

void JsonSplitter::close(std::size_t position) {
  --depth_;
  if (depth_ == 1) in_items_ = false;
  end_value(position + 1);
}

void JsonSplitter::begin_value(std::size_t position) {
  if (capture_ != Capture::kNone) return;
  if (shape_ == Shape::kStream) {
    if (depth_ == 0) capture_ = Capture::kValue;
  } else if (in_items_ && depth_ == 2) {
    capture_ = Capture::kValue;
  } else if (depth_ == 1 && key_ == "metadata") {
    capture_ = Capture::kMetadata;
  }
  if (capture_ == Capture::kNone) return;
  capture_depth_ = depth_;
  begin_ = position;
  held_.clear();
  too_large_ = false;
}

void JsonSplitter::end_value(std::size_t end) {
  if (capture_ != Capture::kNone && depth_ == capture_depth_) deliver(end);
  if (depth_ > 0) {
    expect_ = Expect::kCommaOrEnd;
  } else {
    expect_ = shape_ == Shape::kStream ? Expect::kDocument : Expect::kNothing;
  }
}

void JsonSplitter::end_string(std::size_t position) {
  token_ = Token::kNone;
  if (is_key_) {
    expect_ = Expect::kColon;
  } else {
    end_value(position + 1);
  }
}

// Moves what was captured of this piece into held_; of a value that is too large only the head stays.
void JsonSplitter::keep(std::size_t end) {
  const std::string_view part = piece_.substr(begin_, end - begin_);
  begin_ = end;
  if (!too_large_ && held_.size() + part.size() > max_value_bytes_) too_large_ = true;
  if (!too_large_) {
    held_ += part;
  } else if (held_.size() < kMaxHeadBytes) {
    held_ += part.substr(0, kMaxHeadBytes - held_.size());
  }
}

std::string JsonSplitter::head() const {
  return held_.substr(0, kMaxHeadBytes);
}

void JsonSplitter::deliver(std::size_t end) {
  const Capture what = capture_;
  capture_ = Capture::kNone;
  std::string_view text = piece_.substr(begin_, end - begin_);
  if (!held_.empty() || too_large_ || text.size() > max_value_bytes_) {
    keep(end);
    text = held_;
  }
  complained_ = false;
  if (too_large_) {
    receiver_->on_skipped(head(), "larger than " + std::to_string(max_value_bytes_) + " bytes");
  } else if (what == Capture::kMetadata) {
    receiver_->on_metadata(text);
  } else if (!receiver_->on_value(text)) {
    stopped_ = true;
  }
  // One large object must not hold its memory for ever.
  if (held_.capacity() > (64u << 10)) std::string().swap(held_);
  held_.clear();
}

void JsonSplitter::fail(char c, std::size_t position, std::string_view why) {
  if (shape_ == Shape::kList) {
    capture_ = Capture::kNone;
    broken_ = stopped_ = true;
    return;
  }
  if (capture_ != Capture::kNone) {
    keep(position);
  } else {
    const std::string_view rest = piece_.substr(position, kMaxHeadBytes);
    held_ = rest.substr(0, rest.find('\n'));
  }
  if (!complained_) receiver_->on_skipped(head(), why);
  complained_ = true;
  capture_ = Capture::kNone;
  held_.clear();
  depth_ = 0;
  expect_ = Expect::kDocument;
  token_ = Token::kNone;
  if (c == '\n') {
    line_start_ = true;
  } else if (c == '{' && line_start_) {
    open(true, position);
    line_start_ = false;
  } else {
    token_ = Token::kSkippedLine;
  }
}

}  // namespace epp::kube
