// Cuts a stream of JSON into the values that matter, as bytes arrive in pieces of any size. Only the value under way is
// held.
//
//   kStream   a watch:      {...}\n{...}\n         every object, whole
//   kList     a list page:  {"kind":...,"metadata":{...},"items":[{...},{...}]}
//                           the metadata, and each element of items; the rest is passed over
//
// The splitter knows JSON's structure, not its scalars: a value that it gives may still be no JSON inside strings and
// numbers. A value above the limit is passed over. In a stream, so is what breaks the structure, up to the next line or
// to the next object at the beginning of a line; a list page that is broken is given up.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace epp::kube {

class JsonSplitter {
 public:
  enum class Shape : std::uint8_t { kStream, kList };

  class Receiver {
   public:
    virtual ~Receiver() = default;
    // An object of the stream, an element of items. False: no more is wanted.
    virtual bool on_value(std::string_view text) = 0;
    // The list's metadata.
    virtual void on_metadata(std::string_view /*text*/) {}
    // Something was passed over; `head` is how it began. Broken text in a stream is told once until the next good
    // value; a broken list page is not told (see broken()).
    virtual void on_skipped(std::string_view head, std::string_view why) = 0;
  };

  JsonSplitter(Shape shape, std::size_t max_value_bytes, Receiver& receiver)
      : shape_(shape), max_value_bytes_(max_value_bytes), receiver_(&receiver) {}

  // False once the receiver wants no more or a list page is broken; further calls do nothing.
  bool feed(std::string_view piece);

  // Nothing is under way: a stream may end here; a list page is complete.
  [[nodiscard]] bool complete() const;
  // A list page is no list.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  static constexpr std::size_t kMaxDepth = 256;
  static constexpr std::size_t kMaxKeyBytes = 16;  // longer keys are none that we look for
  static constexpr std::size_t kMaxHeadBytes = 512;

  // The structure allows next ...
  enum class Expect : std::uint8_t { kDocument, kValue, kValueOrEnd, kKey, kKeyOrEnd, kColon, kCommaOrEnd, kNothing };
  // Inside of ...
  enum class Token : std::uint8_t { kNone, kString, kEscape, kScalar, kSkippedLine };
  enum class Capture : std::uint8_t { kNone, kValue, kMetadata };

  void take(char c, std::size_t position);
  void take_structure(char c, std::size_t position);
  void open(bool object, std::size_t position);
  void close(std::size_t position);
  void begin_value(std::size_t position);
  void end_value(std::size_t end);
  void end_string(std::size_t position);
  void fail(char c, std::size_t position, std::string_view why);
  void keep(std::size_t end);
  void deliver(std::size_t end);
  [[nodiscard]] std::string head() const;

  [[nodiscard]] bool in_object() const { return depth_ > 0 && objects_[depth_ - 1]; }

  const Shape shape_;
  const std::size_t max_value_bytes_;
  Receiver* const receiver_;

  Expect expect_ = Expect::kDocument;
  Token token_ = Token::kNone;
  bool is_key_ = false;      // of a string
  bool line_start_ = true;   // only white space since the last newline
  bool complained_ = false;  // about broken text, since the last good value
  bool broken_ = false;
  bool stopped_ = false;
  std::bitset<kMaxDepth> objects_;  // is the nesting an object?
  std::size_t depth_ = 0;

  std::string key_;  // of the outermost object; shape kList
  bool in_items_ = false;

  Capture capture_ = Capture::kNone;
  std::size_t capture_depth_ = 0;
  bool too_large_ = false;
  std::string_view piece_;  // the one being fed
  std::size_t begin_ = 0;   // where the captured part in piece_ begins
  std::string held_;        // what was captured of earlier pieces
};

}  // namespace epp::kube
