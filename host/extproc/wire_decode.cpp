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
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      WireReader inner({});
      if (tag.type == WireType::kBytes && tag.field >= 2 && tag.field <= 8) {
        if (!in.message(inner) || !member(tag.field, inner)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
    return true;
  }

 private:
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
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      WireReader inner({});
      if (tag.is(1, WireType::kBytes)) {
        if (!in.message(inner) || !header_map(inner)) return false;
      } else if (tag.is(3, WireType::kVarint)) {
        if (!in.boolean(message_.end_of_stream)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
    return true;
  }

  bool http_body(WireReader in) {
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      if (tag.is(1, WireType::kBytes)) {
        message_.body.clear();
        if (!in.bytes(message_.body)) return false;
      } else if (tag.is(2, WireType::kVarint)) {
        if (!in.boolean(message_.end_of_stream)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
    return true;
  }

  bool http_trailers(WireReader in) {
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      WireReader inner({});
      if (tag.is(1, WireType::kBytes)) {
        if (!in.message(inner) || !header_map(inner)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
    return true;
  }

  bool header_map(WireReader in) {
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      WireReader inner({});
      if (tag.is(1, WireType::kBytes)) {
        if (!in.message(inner) || !header(inner)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
    return true;
  }

  bool header(WireReader in) {
    if (message_.headers.size() == kMaxHeaders) return false;
    HeaderField field;
    std::string_view value;
    std::string_view raw;
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      std::string_view* to = nullptr;
      if (tag.is(1, WireType::kBytes)) to = &field.key;
      if (tag.is(2, WireType::kBytes)) to = &value;
      if (tag.is(3, WireType::kBytes)) to = &raw;
      if (to != nullptr ? !in.bytes(*to, arena_) : !in.skip(tag)) return false;
    }
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
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      WireReader entry({});
      if (tag.is(1, WireType::kBytes)) {
        if (!in.message(entry) || !map_entry(entry, into, read, depth)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
    return true;
  }

  bool map_entry(WireReader in, MetadataValue& into, ValueReader read, unsigned depth) {
    std::string_view key;
    MetadataValue value;
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      WireReader inner({});
      if (tag.is(1, WireType::kBytes)) {
        if (!in.bytes(key, arena_)) return false;
      } else if (tag.is(2, WireType::kBytes)) {
        if (!in.message(inner) || !(this->*read)(inner, value, depth + 1)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
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
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      if (!value_member(in, tag, into, depth)) return false;
    }
    return true;
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
    while (!in.at_end()) {
      Tag tag;
      if (!in.tag(tag)) return false;
      WireReader inner({});
      if (tag.is(1, WireType::kBytes)) {
        if (!count_value() || !in.message(inner) || !value(inner, into.list.emplace_back(), depth)) return false;
      } else if (!in.skip(tag)) {
        return false;
      }
    }
    return true;
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
