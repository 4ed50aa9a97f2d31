// Width and height of a PNG, JPEG or GIF image in a data URL, from its header bytes only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace epp::builtin {

struct ImageSize {
  uint32_t width;
  uint32_t height;
};

// Random access to the bytes behind standard base64 text without line breaks: byte i needs two characters.
class Base64Bytes {
 public:
  explicit Base64Bytes(std::string_view text) : text_(text) {}

  // nullopt behind the end or at a character that is not base64.
  std::optional<uint8_t> at(size_t i) const {
    const size_t first = i / 3 * 4 + i % 3;
    if (first + 1 >= text_.size()) return std::nullopt;
    const int high = digit(text_[first]);
    const int low = digit(text_[first + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    // Byte 0 of a group: 6+2 bits; byte 1: 4+4; byte 2: 2+6.
    const int shift = 2 * static_cast<int>(i % 3) + 2;
    return static_cast<uint8_t>((high << shift) | (low >> (6 - shift)));
  }

  // Big-endian.
  std::optional<uint32_t> u16(size_t i) const {
    const auto a = at(i);
    const auto b = at(i + 1);
    if (!a || !b) return std::nullopt;
    return (uint32_t{*a} << 8) | *b;
  }
  std::optional<uint32_t> u32(size_t i) const {
    const auto a = u16(i);
    const auto b = u16(i + 2);
    if (!a || !b) return std::nullopt;
    return (*a << 16) | *b;
  }

  bool starts_with(std::string_view bytes) const {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (at(i) != static_cast<uint8_t>(bytes[i])) return false;
    }
    return true;
  }

 private:
  static int digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
  }

  std::string_view text_;
};

// PNG: 8-byte signature, then the IHDR chunk: length, type, width, height.
inline std::optional<ImageSize> png_size(const Base64Bytes& bytes) {
  const auto width = bytes.u32(16);
  const auto height = bytes.u32(20);
  if (!width || !height) return std::nullopt;
  return ImageSize{*width, *height};
}

// GIF: "GIF87a" or "GIF89a", then width and height, little-endian.
inline std::optional<ImageSize> gif_size(const Base64Bytes& bytes) {
  const auto width = bytes.u16(6);
  const auto height = bytes.u16(8);
  if (!width || !height) return std::nullopt;
  const auto swap = [](uint32_t v) { return ((v & 0xff) << 8) | (v >> 8); };
  return ImageSize{swap(*width), swap(*height)};
}

// JPEG: segments FF <marker> <length> ...; a start-of-frame marker's segment holds precision, height, width.
inline std::optional<ImageSize> jpeg_size(const Base64Bytes& bytes) {
  constexpr int kMaxSegments = 1000;
  size_t position = 2;
  for (int segment = 0; segment < kMaxSegments; ++segment) {
    if (bytes.at(position) != 0xff) return std::nullopt;
    const auto marker = bytes.at(position + 1);
    if (!marker) return std::nullopt;
    if (*marker == 0xff) {  // fill byte
      ++position;
      continue;
    }
    const bool without_length = *marker == 0x01 || (*marker >= 0xd0 && *marker <= 0xd7);
    if (without_length) {
      position += 2;
      continue;
    }
    // C4, C8 and CC are tables, not frames.
    const bool frame = *marker >= 0xc0 && *marker <= 0xcf && *marker != 0xc4 && *marker != 0xc8 && *marker != 0xcc;
    if (frame) {
      const auto height = bytes.u16(position + 5);
      const auto width = bytes.u16(position + 7);
      if (!width || !height) return std::nullopt;
      return ImageSize{*width, *height};
    }
    const auto length = bytes.u16(position + 2);
    if (!length || *length < 2) return std::nullopt;
    position += 2 + *length;
  }
  return std::nullopt;
}

// nullopt unless `url` is "data:image/...;base64,<PNG, JPEG or GIF>" with a positive size.
inline std::optional<ImageSize> data_url_image_size(std::string_view url) {
  constexpr std::string_view kBase64 = ";base64,";
  if (!url.starts_with("data:image/")) return std::nullopt;
  const size_t marker = url.find(kBase64);
  if (marker == std::string_view::npos || marker > url.find(',')) return std::nullopt;
  const Base64Bytes bytes(url.substr(marker + kBase64.size()));
  std::optional<ImageSize> size;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) {
    size = png_size(bytes);
  } else if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) {
    size = gif_size(bytes);
  } else if (bytes.starts_with("\xff\xd8")) {
    size = jpeg_size(bytes);
  }
  if (size && (size->width == 0 || size->height == 0)) return std::nullopt;
  return size;
}

}  // namespace epp::builtin
