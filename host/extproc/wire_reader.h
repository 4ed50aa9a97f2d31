// A cursor over a protobuf message that lies in one or more pieces of memory. It never trusts a length: every read is
// checked against what is left, and a failed read leaves nothing half done that matters.
#pragma once

#include "request/arena.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace epp::extproc {

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5
};

struct Tag {
  std::uint32_t field = 0;
  WireType type = WireType::kVarint;

  bool is(std::uint32_t number, WireType of) const { return field == number && type == of; }
};

/// A value: copying it marks a place. The pieces must outlive it.
class WireReader {
 public:
  explicit WireReader(std::span<const std::string_view> pieces);

  bool at_end() const { return left_ == 0; }
  std::size_t left() const { return left_; }

  bool tag(Tag& tag);
  bool varint(std::uint64_t& value);
  bool boolean(bool& value);
  bool number(double& value);
  /// A length and a reader of exactly that many bytes, which this one then stands behind.
  bool message(WireReader& inner);
  /// A length and that many bytes in one piece: a view of the message, or a copy in `arena` if they straddle pieces.
  bool bytes(std::string_view& value, request::Arena& arena);
  /// Likewise as views of the message, appended to `pieces`.
  bool bytes(std::vector<std::string_view>& pieces);
  /// The value that follows `tag`, of any type.
  bool skip(const Tag& tag);

 private:
  bool skip_bytes(std::uint64_t count);
  bool skip_group(std::uint32_t field);
  bool byte(std::uint8_t& value);
  void settle();

  std::span<const std::string_view> pieces_;
  std::size_t offset_ = 0;  // in pieces_.front()
  std::size_t left_ = 0;
};

}  // namespace epp::extproc
