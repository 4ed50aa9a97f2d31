// The hand-written decoder against the generated classes.
#include "envoy/service/ext_proc/v3/external_processor.pb.h"
#include "extproc/wire.h"

#include <random>

#include <gtest/gtest.h>

namespace epp::extproc {
namespace {

namespace pb = envoy::service::ext_proc::v3;
using lifecycle::Inbound;
using lifecycle::MetadataValue;

// The message cut into pieces at random places.
std::vector<std::string_view> cut(std::string_view text, std::mt19937& random) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 9, text.size());
    pieces.push_back(text.substr(0, size));
    if (random() % 5 == 0) pieces.push_back({});
    text.remove_prefix(size);
  }
  return pieces;
}

std::string any_text(std::mt19937& random) {
  std::string text(random() % 12, 'a');
  for (char& c : text)
    c = static_cast<char>('a' + random() % 26);
  return text;
}

void fill(google::protobuf::Value& value, std::mt19937& random, int depth) {
  switch (random() % (depth > 3 ? 4 : 6)) {
    case 0:
      value.set_null_value(google::protobuf::NULL_VALUE);
      break;
    case 1:
      value.set_number_value(static_cast<double>(random()) / 7);
      break;
    case 2:
      value.set_string_value(any_text(random));
      break;
    case 3:
      value.set_bool_value(random() % 2 == 0);
      break;
    case 4:
      value.mutable_list_value();
      for (std::uint64_t i = random() % 4; i > 0; --i)
        fill(*value.mutable_list_value()->add_values(), random, depth + 1);
      break;
    default:
      value.mutable_struct_value();
      for (std::uint64_t i = random() % 4; i > 0; --i)
        fill((*value.mutable_struct_value()->mutable_fields())[any_text(random)], random, depth + 1);
  }
}

void fill(envoy::config::core::v3::HeaderMap& map, std::mt19937& random) {
  for (std::uint64_t i = random() % 6; i > 0; --i) {
    auto& header = *map.add_headers();
    header.set_key(any_text(random));
    if (random() % 2 == 0) header.set_value(any_text(random));
    if (random() % 2 == 0) header.set_raw_value(any_text(random));
  }
}

pb::ProcessingRequest any_request(std::mt19937& random) {
  pb::ProcessingRequest request;
  switch (random() % 7) {
    case 0:
    case 1: {
      auto& headers = random() % 2 == 0 ? *request.mutable_request_headers() : *request.mutable_response_headers();
      if (random() % 5 != 0) fill(*headers.mutable_headers(), random);
      headers.set_end_of_stream(random() % 2 == 0);
      break;
    }
    case 2:
    case 3: {
      auto& body = random() % 2 == 0 ? *request.mutable_request_body() : *request.mutable_response_body();
      body.set_body(any_text(random) + std::string(random() % 300, '\0'));
      body.set_end_of_stream(random() % 2 == 0);
      body.set_grpc_message_compressed(random() % 2 == 0);
      break;
    }
    case 4:
      fill(*request.mutable_request_trailers()->mutable_trailers(), random);
      break;
    case 5:
      request.mutable_response_trailers();
      break;
    default:
      break;
  }
  for (std::uint64_t i = random() % 3; i > 0; --i) {
    auto& space = (*request.mutable_metadata_context()->mutable_filter_metadata())[any_text(random)];
    fill((*space.mutable_fields())[any_text(random)], random, 0);
  }
  (*request.mutable_attributes())["ignored"];
  request.set_observability_mode(random() % 2 == 0);
  return request;
}

void expect_equal(const MetadataValue& ours, const google::protobuf::Value& theirs);

void expect_equal(const MetadataValue& ours, const google::protobuf::Struct& theirs) {
  EXPECT_EQ(ours.fields.size(), static_cast<std::size_t>(theirs.fields_size()));
  for (const auto& [key, value] : theirs.fields()) {
    const MetadataValue* found = ours.find(key);
    ASSERT_NE(found, nullptr) << key;
    expect_equal(*found, value);
  }
}

void expect_equal(const MetadataValue& ours, const google::protobuf::Value& theirs) {
  using Kind = MetadataValue::Kind;
  switch (theirs.kind_case()) {
    case google::protobuf::Value::kNumberValue:
      EXPECT_EQ(ours.kind, Kind::kNumber);
      EXPECT_EQ(ours.number, theirs.number_value());
      break;
    case google::protobuf::Value::kStringValue:
      EXPECT_EQ(ours.kind, Kind::kString);
      EXPECT_EQ(ours.text, theirs.string_value());
      break;
    case google::protobuf::Value::kBoolValue:
      EXPECT_EQ(ours.kind, Kind::kBool);
      EXPECT_EQ(ours.boolean, theirs.bool_value());
      break;
    case google::protobuf::Value::kStructValue:
      EXPECT_EQ(ours.kind, Kind::kObject);
      expect_equal(ours, theirs.struct_value());
      break;
    case google::protobuf::Value::kListValue:
      EXPECT_EQ(ours.kind, Kind::kList);
      ASSERT_EQ(ours.list.size(), static_cast<std::size_t>(theirs.list_value().values_size()));
      for (std::size_t i = 0; i < ours.list.size(); ++i)
        expect_equal(ours.list[i], theirs.list_value().values(static_cast<int>(i)));
      break;
    default:
      EXPECT_EQ(ours.kind, Kind::kNull);
  }
}

Inbound::Kind kind_of(const pb::ProcessingRequest& request) {
  switch (request.request_case()) {
    case pb::ProcessingRequest::kRequestHeaders:
      return Inbound::Kind::kRequestHeaders;
    case pb::ProcessingRequest::kResponseHeaders:
      return Inbound::Kind::kResponseHeaders;
    case pb::ProcessingRequest::kRequestBody:
      return Inbound::Kind::kRequestBody;
    case pb::ProcessingRequest::kResponseBody:
      return Inbound::Kind::kResponseBody;
    case pb::ProcessingRequest::kRequestTrailers:
      return Inbound::Kind::kRequestTrailers;
    case pb::ProcessingRequest::kResponseTrailers:
      return Inbound::Kind::kResponseTrailers;
    default:
      return Inbound::Kind::kNone;
  }
}

void expect_equal(const Inbound& ours, const pb::ProcessingRequest& theirs) {
  ASSERT_EQ(ours.kind, kind_of(theirs));
  const envoy::config::core::v3::HeaderMap* headers = nullptr;
  bool end = false;
  std::string body;
  if (theirs.has_request_headers() || theirs.has_response_headers()) {
    const pb::HttpHeaders& from = theirs.has_request_headers() ? theirs.request_headers() : theirs.response_headers();
    headers = &from.headers();
    end = from.end_of_stream();
  } else if (theirs.has_request_body() || theirs.has_response_body()) {
    const pb::HttpBody& from = theirs.has_request_body() ? theirs.request_body() : theirs.response_body();
    body = from.body();
    end = from.end_of_stream();
  } else if (theirs.has_request_trailers()) {
    headers = &theirs.request_trailers().trailers();
  }
  EXPECT_EQ(ours.end_of_stream, end);
  std::string joined;
  for (std::string_view piece : ours.body)
    joined += piece;
  EXPECT_EQ(joined, body);
  ASSERT_EQ(ours.headers.size(), headers ? static_cast<std::size_t>(headers->headers_size()) : 0u);
  for (std::size_t i = 0; i < ours.headers.size(); ++i) {
    const auto& header = headers->headers(static_cast<int>(i));
    EXPECT_EQ(ours.headers[i].key, header.key());
    EXPECT_EQ(ours.headers[i].value, header.raw_value().empty() ? header.value() : header.raw_value());
  }
  EXPECT_EQ(ours.metadata.fields.size(), theirs.metadata_context().filter_metadata().size());
  for (const auto& [name, object] : theirs.metadata_context().filter_metadata()) {
    const MetadataValue* found = ours.metadata.find(name);
    ASSERT_NE(found, nullptr);
    expect_equal(*found, object);
  }
}

TEST(WireDecode, AgreesWithTheGeneratedClasses) {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    const pb::ProcessingRequest request = any_request(random);
    const std::string wire = request.SerializeAsString();
    request::Arena arena;
    Inbound message;
    ASSERT_TRUE(decode_request(cut(wire, random), arena, message));
    expect_equal(message, request);
    if (HasFatalFailure()) return;
  }
}

TEST(WireDecode, EveryTruncationIsRefusedOrHarmless) {
  std::mt19937 random(8);
  for (int i = 0; i < 200; ++i) {
    const pb::ProcessingRequest request = any_request(random);
    const std::string wire = request.SerializeAsString();
    for (std::size_t size = 0; size < wire.size(); ++size) {
      const std::string_view part = std::string_view(wire).substr(0, size);
      request::Arena arena;
      Inbound message;
      pb::ProcessingRequest theirs;
      const bool ours = decode_request(std::span(&part, 1), arena, message);
      EXPECT_EQ(ours, theirs.ParseFromArray(part.data(), static_cast<int>(part.size())));
    }
  }
}

TEST(WireDecode, RandomBytesNeverCrash) {
  std::mt19937 random(9);
  for (int i = 0; i < 20'000; ++i) {
    std::string wire(random() % 64, '\0');
    for (char& c : wire)
      c = static_cast<char>(random() % 4 == 0 ? random() : random() % 64);
    request::Arena arena;
    Inbound message;
    decode_request(cut(wire, random), arena, message);
  }
}

bool accepts(const std::string& wire) {
  request::Arena arena;
  Inbound message;
  const std::string_view all = wire;
  return decode_request(std::span(&all, 1), arena, message);
}

TEST(WireDecode, RefusesWhatWouldGrow) {
  pb::ProcessingRequest request;
  for (std::size_t i = 0; i <= kMaxHeaders; ++i)
    request.mutable_request_headers()->mutable_headers()->add_headers();
  EXPECT_FALSE(accepts(request.SerializeAsString()));

  pb::ProcessingRequest wide;
  auto& list =
      *(*(*wide.mutable_metadata_context()->mutable_filter_metadata())["a"].mutable_fields())["b"].mutable_list_value();
  for (std::size_t i = 0; i <= kMaxMetadataValues; ++i)
    list.add_values();
  EXPECT_FALSE(accepts(wide.SerializeAsString()));

  pb::ProcessingRequest deep;
  google::protobuf::Value* value =
      &(*(*deep.mutable_metadata_context()->mutable_filter_metadata())["a"].mutable_fields())["b"];
  for (unsigned i = 0; i < kMaxMetadataDepth; ++i)
    value = value->mutable_list_value()->add_values();
  EXPECT_FALSE(accepts(deep.SerializeAsString()));
}

TEST(WireDecode, MergesRepeatedMembersAndKeepsTheLastKind) {
  pb::ProcessingRequest a;
  a.mutable_request_headers()->mutable_headers()->add_headers()->set_key("a");
  pb::ProcessingRequest b;
  b.mutable_request_headers()->mutable_headers()->add_headers()->set_key("b");
  b.mutable_request_headers()->set_end_of_stream(true);
  pb::ProcessingRequest c;
  c.mutable_request_body()->set_body("x");
  for (const std::string& wire : {a.SerializeAsString() + b.SerializeAsString(),
                                  a.SerializeAsString() + c.SerializeAsString() + b.SerializeAsString()}) {
    pb::ProcessingRequest theirs;
    ASSERT_TRUE(theirs.ParseFromString(wire));
    request::Arena arena;
    Inbound message;
    const std::string_view all = wire;
    ASSERT_TRUE(decode_request(std::span(&all, 1), arena, message));
    expect_equal(message, theirs);
  }
}

}  // namespace
}  // namespace epp::extproc
