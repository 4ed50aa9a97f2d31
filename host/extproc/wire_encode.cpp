#include "extproc/wire.h"
#include "extproc/wire_reader.h"

#include <bit>
#include <cstdint>

namespace epp::extproc {
namespace {

using lifecycle::Direction;
using lifecycle::HeaderField;
using lifecycle::MetadataValue;

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7)
    ++size;
  return size;
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

// Field numbers here are below 16: a tag is one byte.
void put_tag(std::string& out, std::uint32_t field, WireType type) {
  put_varint(out, field << 3 | static_cast<std::uint32_t>(type));
}

void put_length(std::string& out, std::uint32_t field, std::size_t size) {
  put_tag(out, field, WireType::kBytes);
  put_varint(out, size);
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_length(out, field, bytes.size());
  out += bytes;
}

void put_true(std::string& out, std::uint32_t field) {
  put_tag(out, field, WireType::kVarint);
  out += '\1';
}

// Of a length-delimited field with its tag.
std::size_t field_size(std::size_t size) {
  return 1 + varint_size(size) + size;
}

// ---- HeaderMutation { 1 set_headers { 1 header { 1 key, 3 raw_value } }, 2 remove_headers } ----

std::size_t value_size(const HeaderField& field) {
  return (field.key.empty() ? 0 : field_size(field.key.size())) +
         (field.value.empty() ? 0 : field_size(field.value.size()));
}

std::size_t mutation_size(std::span<const HeaderField> set, std::span<const std::string_view> remove) {
  std::size_t size = 0;
  for (const HeaderField& field : set)
    size += field_size(field_size(value_size(field)));
  for (std::string_view name : remove)
    size += field_size(name.size());
  return size;
}

void put_mutation(std::string& out, std::span<const HeaderField> set, std::span<const std::string_view> remove) {
  for (const HeaderField& field : set) {
    const std::size_t size = value_size(field);
    put_length(out, 1, field_size(size));
    put_length(out, 1, size);
    if (!field.key.empty()) put_bytes(out, 1, field.key);
    if (!field.value.empty()) put_bytes(out, 3, field.value);
  }
  for (std::string_view name : remove)
    put_bytes(out, 2, name);
}

// ---- google.protobuf.Struct { 1 map<string, Value> } ----

std::size_t size_of(const MetadataValue& value);

std::size_t struct_size(const MetadataValue& object) {
  std::size_t size = 0;
  for (const auto& [key, value] : object.fields)
    size += field_size(field_size(key.size()) + field_size(size_of(value)));
  return size;
}

std::size_t list_size(const MetadataValue& list) {
  std::size_t size = 0;
  for (const MetadataValue& element : list.list)
    size += field_size(size_of(element));
  return size;
}

std::size_t size_of(const MetadataValue& value) {
  switch (value.kind) {
    case MetadataValue::Kind::kNull:
    case MetadataValue::Kind::kBool:
      return 2;
    case MetadataValue::Kind::kNumber:
      return 9;
    case MetadataValue::Kind::kString:
      return field_size(value.text.size());
    case MetadataValue::Kind::kObject:
      return field_size(struct_size(value));
    case MetadataValue::Kind::kList:
      return field_size(list_size(value));
  }
  return 0;
}

void put_value(std::string& out, const MetadataValue& value);

void put_struct(std::string& out, const MetadataValue& object) {
  for (const auto& [key, value] : object.fields) {
    const std::size_t size = size_of(value);
    put_length(out, 1, field_size(key.size()) + field_size(size));
    put_bytes(out, 1, key);
    put_length(out, 2, size);
    put_value(out, value);
  }
}

void put_value(std::string& out, const MetadataValue& value) {
  switch (value.kind) {
    case MetadataValue::Kind::kNull:
      put_tag(out, 1, WireType::kVarint);
      out += '\0';
      break;
    case MetadataValue::Kind::kNumber: {
      put_tag(out, 2, WireType::kFixed64);
      const auto bits = std::bit_cast<std::uint64_t>(value.number);
      for (unsigned shift = 0; shift < 64; shift += 8)
        out += static_cast<char>(bits >> shift & 0xff);
      break;
    }
    case MetadataValue::Kind::kString:
      put_bytes(out, 3, value.text);
      break;
    case MetadataValue::Kind::kBool:
      put_tag(out, 4, WireType::kVarint);
      out += value.boolean ? '\1' : '\0';
      break;
    case MetadataValue::Kind::kObject:
      put_length(out, 5, struct_size(value));
      put_struct(out, value);
      break;
    case MetadataValue::Kind::kList:
      put_length(out, 6, list_size(value));
      for (const MetadataValue& element : value.list) {
        put_length(out, 1, size_of(element));
        put_value(out, element);
      }
      break;
  }
}

void put_dynamic_metadata(std::string& out, const MetadataValue* metadata) {
  if (metadata == nullptr) return;
  put_length(out, 8, struct_size(*metadata));
  put_struct(out, *metadata);
}

std::uint32_t member(Direction direction, std::uint32_t request_field) {
  return direction == Direction::kRequest ? request_field : request_field + 1;
}

}  // namespace

void encode(const lifecycle::HeadersReply& reply, std::string& out) {
  const std::size_t mutation = mutation_size(reply.set_headers, reply.remove_headers);
  const std::size_t common = field_size(mutation) + (reply.clear_route_cache ? 2 : 0);
  put_length(out, member(reply.direction, 1), field_size(common));
  put_length(out, 1, common);
  put_length(out, 2, mutation);
  put_mutation(out, reply.set_headers, reply.remove_headers);
  if (reply.clear_route_cache) put_true(out, 5);
  put_dynamic_metadata(out, reply.dynamic_metadata);
}

void encode(const lifecycle::TrailersReply& reply, std::string& out) {
  put_length(out, member(reply.direction, 5), 0);
  put_dynamic_metadata(out, reply.dynamic_metadata);
}

void encode(const lifecycle::ImmediateReply& reply, std::string& out) {
  const auto code = static_cast<std::uint64_t>(reply.status);
  const std::size_t status = 1 + varint_size(code);
  std::size_t size = field_size(status) + field_size(reply.body.size());
  const std::size_t mutation = mutation_size(reply.headers, {});
  if (!reply.headers.empty()) size += field_size(mutation);
  put_length(out, 7, size);
  put_length(out, 1, status);
  put_tag(out, 1, WireType::kVarint);
  put_varint(out, code);
  if (!reply.headers.empty()) {
    put_length(out, 2, mutation);
    put_mutation(out, reply.headers, {});
  }
  put_bytes(out, 3, reply.body);
}

// BodyResponse { 1 response { 3 body_mutation { 3 streamed_response { 1 body, 2 end_of_stream } } } }
BodyFrame encode(const lifecycle::BodyReply& reply) {
  std::size_t body = 0;
  for (std::string_view piece : reply.pieces)
    body += piece.size();
  const std::size_t streamed = (body == 0 ? 0 : field_size(body)) + (reply.end_of_stream ? 2 : 0);
  const std::size_t mutation = field_size(streamed);
  const std::size_t common = field_size(mutation);
  BodyFrame frame;
  put_length(frame.prefix, member(reply.direction, 3), field_size(common));
  put_length(frame.prefix, 1, common);
  put_length(frame.prefix, 3, mutation);
  put_length(frame.prefix, 3, streamed);
  if (body != 0) put_length(frame.prefix, 1, body);
  if (reply.end_of_stream) put_true(frame.suffix, 2);
  put_dynamic_metadata(frame.suffix, reply.dynamic_metadata);
  return frame;
}

}  // namespace epp::extproc
