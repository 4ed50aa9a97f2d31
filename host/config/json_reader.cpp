// JSON -> tree by nlohmann's event parser, which reports no positions: the bytes it has taken are counted, and the
// beginning of a token is found backwards from its end.
#include "config/document.h"
#include "config/tree_builder.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::config {
namespace {

using Json = nlohmann::ordered_json;

// An input iterator that tells how far it has come.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* consumed) : at_(at), consumed_(consumed) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*consumed_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* consumed_;
};

class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(std::string_view text, std::string_view prefix, Json& tree, SourceMap& source, Diagnostics& diagnostics)
      : text_(text), prefix_(prefix), source_(source), diagnostics_(diagnostics), builder_(tree, source) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_ends_.push_back(i);
    }
  }

  std::size_t* consumed() { return &consumed_; }

  bool null() override { return add(nullptr, word_start()); }
  bool boolean(bool value) override { return add(value, word_start()); }
  bool number_integer(number_integer_t value) override { return add(value, word_start()); }
  bool number_unsigned(number_unsigned_t value) override { return add(value, word_start()); }
  bool number_float(number_float_t value, const string_t&) override { return add(value, word_start()); }
  bool string(string_t& value) override { return add(std::move(value), string_start()); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    const Position position = position_at(string_start());
    if (!builder_.key(name) && !inside_parameters()) {
      const std::string pointer = builder_.next_pointer();
      source_.record(pointer, position);
      diagnostics_.error(std::string(prefix_) + "strict decoding error: duplicate field \"" + path() + name + "\"",
                         pointer, "each field once");
    }
    return true;
  }

  bool parse_error(std::size_t offset, const std::string&, const nlohmann::detail::exception& error) override {
    source_.record("", position_at(std::min(offset == 0 ? 0 : offset - 1, text_.size())));
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..." without what we say ourselves.
    std::string what = error.what();
    if (const auto colon = what.find(": "); colon != std::string::npos) what.erase(0, colon + 2);
    diagnostics_.error(std::string(prefix_) + "couldn't get version/kind; json parse error: " + what);
    return false;
  }

 private:
  bool add(Json value, std::size_t start) {
    if (++nodes_ > kMaxNodes) return refuse("too many values");
    builder_.value(std::move(value), position_at(start));
    return true;
  }
  bool open(Json container) {
    if (++nodes_ > kMaxNodes) return refuse("too many values");
    if (builder_.depth() >= kMaxDepth) return refuse("nested deeper than " + std::to_string(kMaxDepth) + " levels");
    builder_.begin(std::move(container), position_at(consumed_ - 1));
    return true;
  }
  bool close() {
    builder_.end();
    return true;
  }
  bool refuse(const std::string& why) {
    source_.record("", position_at(consumed_ - 1));
    diagnostics_.error(std::string(prefix_) + "couldn't get version/kind; json parse error: " + why);
    return false;
  }

  // /plugins/<n>/parameters and below.
  bool inside_parameters() const {
    static constexpr std::string_view kPlugins = "/plugins/";
    const std::string_view pointer = builder_.open_pointer();
    if (!pointer.starts_with(kPlugins)) return false;
    const auto slash = pointer.find('/', kPlugins.size());
    if (slash == std::string_view::npos) return false;
    const auto rest = pointer.substr(slash);
    return rest == "/parameters" || rest.starts_with("/parameters/");
  }

  // The open object as upstream writes it before a field's name: `plugins[0].`
  std::string path() const {
    std::string result;
    std::string_view pointer = builder_.open_pointer();
    while (!pointer.empty()) {
      pointer.remove_prefix(1);
      const auto length = std::min(pointer.find('/'), pointer.size());
      const std::string token(pointer.substr(0, length));
      pointer.remove_prefix(length);
      const bool index =
          !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (index) {
        result += "[" + token + "]";
      } else {
        result += (result.empty() ? "" : ".") + token;
      }
    }
    return result.empty() ? result : result + ".";
  }

  // The opening quote: the first unescaped one before the closing quote that was taken last.
  std::size_t string_start() const {
    std::size_t at = consumed_ - 1;
    while (at > 0) {
      --at;
      if (text_[at] != '"') continue;
      std::size_t backslashes = 0;
      while (backslashes < at && text_[at - 1 - backslashes] == '\\')
        ++backslashes;
      if (backslashes % 2 == 0) break;
    }
    return at;
  }
  // The first byte of a number or literal, of which at most one byte more has been taken.
  std::size_t word_start() const {
    const auto part_of_word = [this](std::size_t i) {
      const char c = text_[i];
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.';
    };
    std::size_t end = std::min(consumed_, text_.size());
    while (end > 0 && !part_of_word(end - 1))
      --end;
    while (end > 0 && part_of_word(end - 1))
      --end;
    return end;
  }

  Position position_at(std::size_t offset) const {
    const auto line = std::lower_bound(line_ends_.begin(), line_ends_.end(), offset) - line_ends_.begin();
    const std::size_t begin = line == 0 ? 0 : line_ends_[static_cast<std::size_t>(line - 1)] + 1;
    return {static_cast<std::uint32_t>(line + 1), static_cast<std::uint32_t>(offset - begin + 1)};
  }

  std::string_view text_;
  std::string_view prefix_;
  SourceMap& source_;
  Diagnostics& diagnostics_;
  TreeBuilder builder_;
  std::vector<std::size_t> line_ends_;
  std::size_t consumed_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

bool read_json(std::string_view text, std::string_view prefix, Json& tree, SourceMap& source,
               Diagnostics& diagnostics) {
  tree = nullptr;
  Reader reader(text, prefix, tree, source, diagnostics);
  const CountingIterator begin(text.data(), reader.consumed());
  const CountingIterator end(text.data() + text.size(), reader.consumed());
  return Json::sax_parse(begin, end, &reader);
}

}  // namespace epp::config
