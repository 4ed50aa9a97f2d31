// What a proxy tells us about one HTTP exchange and what we answer, as plain data. No protocol is named here: an
// adapter (ext-proc, the embedded gateway) turns bytes into these and back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::lifecycle {

enum class Direction : std::uint8_t { kRequest, kResponse };

struct HeaderField {
  std::string_view key;
  std::string_view value;
};

struct MetadataField;

/// A JSON-like value. Strings are views into whatever the value was read from.
struct MetadataValue {
  enum class Kind : std::uint8_t { kNull, kNumber, kString, kBool, kList, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0;
  std::string_view text;
  std::vector<MetadataValue> list;
  std::vector<MetadataField> fields;  ///< of an object; the last of equal keys counts

  /// Field of an object; nullptr when absent or when this is no object.
  const MetadataValue* find(std::string_view key) const;
  /// The field, added (as null) when absent; makes this an object.
  MetadataValue& field(std::string_view key);

  static MetadataValue of(std::string_view text);
  static MetadataValue of(double number);
};

struct MetadataField {
  std::string_view key;
  MetadataValue value;
};

/// One message from the proxy. Views are valid during the call that delivers it; body pieces live as long as
/// `body_owner`, if there is one.
struct Inbound {
  enum class Kind : std::uint8_t {
    kNone,
    kRequestHeaders,
    kRequestBody,
    kRequestTrailers,
    kResponseHeaders,
    kResponseBody,
    kResponseTrailers,
  };

  Kind kind = Kind::kNone;
  bool end_of_stream = false;          ///< headers and bodies
  std::vector<HeaderField> headers;    ///< keys as received; order and repetitions kept
  std::vector<std::string_view> body;  ///< pieces, to be concatenated
  std::shared_ptr<const void> body_owner;
  MetadataValue metadata;  ///< namespaces -> objects; null when the message had none

  std::size_t body_size() const;
  void clear();
};

/// Answers. Everything in them is valid during the call that hands them over, except that body pieces with an owner may
/// be kept instead of copied.
struct HeadersReply {
  Direction direction = Direction::kRequest;
  std::span<const HeaderField> set_headers;  ///< each replaces every value of its name
  std::span<const std::string_view> remove_headers;
  bool clear_route_cache = false;
  const MetadataValue* dynamic_metadata = nullptr;
};

struct BodyReply {
  Direction direction = Direction::kRequest;
  std::span<const std::string_view> pieces;  ///< at most request::kMaxBodyChunk bytes together
  bool end_of_stream = false;
  std::shared_ptr<const void> owner;  ///< of all pieces; null: copy them
  const MetadataValue* dynamic_metadata = nullptr;
};

struct TrailersReply {
  Direction direction = Direction::kRequest;
  const MetadataValue* dynamic_metadata = nullptr;
};

/// An answer to the client in place of the model server's.
struct ImmediateReply {
  int status = 0;  ///< HTTP
  std::string_view body;
  std::span<const HeaderField> headers;
};

/// How the stream ends for the proxy.
struct StreamStatus {
  enum class Code : std::uint8_t { kOk, kUnknown };
  Code code = Code::kOk;
  std::string message;
};

}  // namespace epp::lifecycle
