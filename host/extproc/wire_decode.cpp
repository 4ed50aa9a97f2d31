#include "extproc/wire.h"
#include "extproc/wire_reader.h"

namespace epp::extproc {
namespace {

using lifecycle::HeaderField;
using lifecycle::Inbound;
using lifecycle::MetadataValue;
using Kind = Inbound::Kind;

class RequestDecoder {
 public:
  RequestDecoder(request::Arena& arena, Inbound& message) : arena_(arena), message_(message) {}

  bool decode(WireReader in) {
    return each_field(in, [this](WireReader& at, const Tag& tag) {
      if (tag.type != WireType::kBytes || tag.field < 2 || tag.field > 8) return at.skip(tag);
      WireReader inner({});
      return at.message(inner) && member(tag.field, inner);
    });
  }

 private:
  // Reads a message to its end; `field` takes the value behind a tag, or skips it.
  template <typename Field>
  static bool each_field(WireReader in, Field&& field) {
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag) || !field(in, tag)) return false;
    }
    return true;
  }

  // Where only the messages in field 1 count: header maps, maps, lists.
  template <typename Element>
  static bool each_element(WireReader in, Element&& element) {
    return each_field(in, [&element](WireReader& at, const Tag& tag) {
      if (!tag.is(1, WireType::kBytes)) return at.skip(tag);
      WireReader inner({});
      return at.message(inner) && element(inner);
    });
  }

  bool member(std::uint32_t field, WireReader in) {
    switch (field) {
      case 2:
        return select(Kind::kRequestHeaders) && http_headers(in);
      case 3:
        return select(Kind::kResponseHeaders) && http_headers(in);
      case 4:
        return select(Kind::kRequestBody) && http_body(in);
      case 5:
        return select(Kind::kResponseBody) && http_body(in);
      case 6:
        return select(Kind::kRequestTrailers) && http_trailers(in);
      case 7:
        return select(Kind::kResponseTrailers) && http_trailers(in);
      default:
        return metadata(in);
    }
  }

  bool select(Kind kind) {
    if (message_.kind != kind) {
      message_.kind = kind;
      message_.end_of_stream = false;
      message_.headers.clear();
      message_.body.clear();
    }
    return true;
  }

  bool http_headers(WireReader in) {
    return each_field(in, [this](WireReader& at, const Tag& tag) {
      if (tag.is(3, WireType::kVarint)) return at.boolean(message_.end_of_stream);
      if (!tag.is(1, WireType::kBytes)) return at.skip(tag);
      WireReader inner({});
      return at.message(inner) && header_map(inner);
    });
  }

  bool http_body(WireReader in) {
    return each_field(in, [this](WireReader& at, const Tag& tag) {
      if (tag.is(2, WireType::kVarint)) return at.boolean(message_.end_of_stream);
      if (!tag.is(1, WireType::kBytes)) return at.skip(tag);
      message_.body.clear();
      return at.bytes(message_.body);
    });
  }

  bool http_trailers(WireReader in) {
    return each_element(in, [this](WireReader map) { return header_map(map); });
  }

  bool header_map(WireReader in) {
    return each_element(in, [this](WireReader field) { return header(field); });
  }

  bool header(WireReader in) {
    if (message_.headers.size() == kMaxHeaders) return false;
    HeaderField field;
    std::string_view value;
    std::string_view raw;
    const bool read = each_field(in, [&](WireReader& at, const Tag& tag) {
      std::string_view* to = nullptr;
      if (tag.is(1, WireType::kBytes)) to = &field.key;
      if (tag.is(2, WireType::kBytes)) to = &value;
      if (tag.is(3, WireType::kBytes)) to = &raw;
      return to != nullptr ? at.bytes(*to, arena_) : at.skip(tag);
    });
    if (!read) return false;
    field.value = raw.empty() ? value : raw;
    message_.headers.push_back(field);
    return true;
  }

  // config.core.v3.Metadata: only filter_metadata, a map of namespaces.
  bool metadata(WireReader in) { return map_entries(in, message_.metadata, &RequestDecoder::object, 0); }

  // A protobuf map<string, T> in field 1 of the message, as an object.
  using ValueReader = bool (RequestDecoder::*)(WireReader, MetadataValue&, unsigned);
  bool map_entries(WireReader in, MetadataValue& into, ValueReader read, unsigned depth) {
    into.kind = MetadataValue::Kind::kObject;
    return each_element(in, [&](WireReader entry) { return map_entry(entry, into, read, depth); });
  }

  bool map_entry(WireReader in, MetadataValue& into, ValueReader read, unsigned depth) {
    std::string_view key;
    MetadataValue value;
    const bool good = each_field(in, [&](WireReader& at, const Tag& tag) {
      if (tag.is(1, WireType::kBytes)) return at.bytes(key, arena_);
      if (!tag.is(2, WireType::kBytes)) return at.skip(tag);
      WireReader inner({});
      return at.message(inner) && (this->*read)(inner, value, depth + 1);
    });
    if (!good) return false;
    if (!count_value()) return false;
    into.fields.push_back({key, std::move(value)});
    return true;
  }

  bool object(WireReader in, MetadataValue& into, unsigned depth) {
    if (depth > kMaxMetadataDepth) return false;
    return map_entries(in, into, &RequestDecoder::value, depth);
  }

  bool value(WireReader in, MetadataValue& into, unsigned depth) {
    if (depth > kMaxMetadataDepth) return false;
    return each_field(in, [&](WireReader& at, const Tag& tag) { return value_member(at, tag, into, depth); });
  }

  bool value_member(WireReader& in, const Tag& tag, MetadataValue& into, unsigned depth) {
    WireReader inner({});
    MetadataValue next;
    if (tag.is(1, WireType::kVarint)) {
      std::uint64_t null = 0;
      if (!in.varint(null)) return false;
    } else if (tag.is(2, WireType::kFixed64)) {
      next.kind = MetadataValue::Kind::kNumber;
      if (!in.number(next.number)) return false;
    } else if (tag.is(3, WireType::kBytes)) {
      next.kind = MetadataValue::Kind::kString;
      if (!in.bytes(next.text, arena_)) return false;
    } else if (tag.is(4, WireType::kVarint)) {
      next.kind = MetadataValue::Kind::kBool;
      if (!in.boolean(next.boolean)) return false;
    } else if (tag.is(5, WireType::kBytes)) {
      if (!in.message(inner) || !object(inner, next, depth + 1)) return false;
    } else if (tag.is(6, WireType::kBytes)) {
      if (!in.message(inner) || !list(inner, next, depth + 1)) return false;
    } else {
      return in.skip(tag);
    }
    into = std::move(next);
    return true;
  }

  bool list(WireReader in, MetadataValue& into, unsigned depth) {
    into.kind = MetadataValue::Kind::kList;
    return each_element(
        in, [&](WireReader element) { return count_value() && value(element, into.list.emplace_back(), depth); });
  }

  bool count_value() { return ++values_ <= kMaxMetadataValues; }

  request::Arena& arena_;
  Inbound& message_;
  std::size_t values_ = 0;
};

}  // namespace

bool decode_request(std::span<const std::string_view> pieces, request::Arena& arena, Inbound& message) {
  message.clear();
  return RequestDecoder(arena, message).decode(WireReader(pieces));
}

}  // namespace epp::extproc
