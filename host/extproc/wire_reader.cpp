#include "extproc/wire_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace epp::extproc {
namespace {

constexpr unsigned kMaxGroupDepth = 100;

}  // namespace

WireReader::WireReader(std::span<const std::string_view> pieces) : pieces_(pieces) {
  for (std::string_view piece : pieces)
    left_ += piece.size();
  settle();
}

// Stands on a byte, unless at the end.
void WireReader::settle() {
  while (left_ != 0 && offset_ == pieces_.front().size()) {
    pieces_ = pieces_.subspan(1);
    offset_ = 0;
  }
}

bool WireReader::byte(std::uint8_t& value) {
  if (left_ == 0) return false;
  value = static_cast<std::uint8_t>(pieces_.front()[offset_++]);
  --left_;
  settle();
  return true;
}

bool WireReader::varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    std::uint8_t next = 0;
    if (!byte(next)) return false;
    if (shift < 64) value |= std::uint64_t{next & 0x7fu} << shift;
    if ((next & 0x80) == 0) return true;
  }
  return false;
}

bool WireReader::boolean(bool& value) {
  std::uint64_t raw = 0;
  if (!varint(raw)) return false;
  value = raw != 0;
  return true;
}

bool WireReader::number(double& value) {
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    std::uint8_t next = 0;
    if (!byte(next)) return false;
    bits |= std::uint64_t{next} << shift;
  }
  value = std::bit_cast<double>(bits);
  return true;
}

bool WireReader::tag(Tag& tag) {
  std::uint64_t raw = 0;
  if (!varint(raw) || raw > 0xffffffffu || (raw & 7) > 5) return false;
  tag.field = static_cast<std::uint32_t>(raw >> 3);
  tag.type = static_cast<WireType>(raw & 7);
  return tag.field != 0;
}

bool WireReader::message(WireReader& inner) {
  std::uint64_t length = 0;
  if (!varint(length) || length > left_) return false;
  inner = *this;
  inner.left_ = static_cast<std::size_t>(length);
  return skip_bytes(length);
}

bool WireReader::bytes(std::string_view& value, request::Arena& arena) {
  std::uint64_t length = 0;
  if (!varint(length) || length > left_) return false;
  const auto size = static_cast<std::size_t>(length);
  if (size == 0) {
    value = {};
    return true;
  }
  if (const std::string_view here = pieces_.front().substr(offset_); here.size() >= size) {
    value = here.substr(0, size);
    return skip_bytes(size);
  }
  char* to = arena.allocate(size);
  value = {to, size};
  for (std::size_t done = 0; done < size;) {
    const std::string_view part = pieces_.front().substr(offset_, size - done);
    std::memcpy(to + done, part.data(), part.size());
    done += part.size();
    skip_bytes(part.size());
  }
  return true;
}

bool WireReader::bytes(std::vector<std::string_view>& pieces) {
  std::uint64_t length = 0;
  if (!varint(length) || length > left_) return false;
  while (length > 0) {
    const std::string_view part = pieces_.front().substr(offset_, static_cast<std::size_t>(length));
    pieces.push_back(part);
    length -= part.size();
    skip_bytes(part.size());
  }
  return true;
}

bool WireReader::skip_bytes(std::uint64_t count) {
  if (count > left_) return false;
  auto rest = static_cast<std::size_t>(count);
  while (rest > 0) {
    const std::size_t step = std::min(rest, pieces_.front().size() - offset_);
    offset_ += step;
    left_ -= step;
    rest -= step;
    settle();
  }
  return true;
}

bool WireReader::skip(const Tag& tag) {
  std::uint64_t value = 0;
  switch (tag.type) {
    case WireType::kVarint:
      return varint(value);
    case WireType::kFixed64:
      return skip_bytes(8);
    case WireType::kFixed32:
      return skip_bytes(4);
    case WireType::kBytes:
      return varint(value) && skip_bytes(value);
    case WireType::kStartGroup:
      return skip_group(tag.field);
    case WireType::kEndGroup:
      return false;
  }
  return false;
}

bool WireReader::skip_group(std::uint32_t field) {
  std::vector<std::uint32_t> open{field};
  while (!open.empty()) {
    Tag inner;
    if (!tag(inner)) return false;
    if (inner.type == WireType::kEndGroup) {
      if (inner.field != open.back()) return false;
      open.pop_back();
    } else if (inner.type == WireType::kStartGroup) {
      if (open.size() == kMaxGroupDepth) return false;
      open.push_back(inner.field);
    } else if (!skip(inner)) {
      return false;
    }
  }
  return true;
}

}  // namespace epp::extproc
