// The hand-written encoder, read back by the generated classes.
#include "envoy/service/ext_proc/v3/external_processor.pb.h"
#include "extproc/wire.h"

#include <gtest/gtest.h>

namespace epp::extproc {
namespace {

namespace pb = envoy::service::ext_proc::v3;
using lifecycle::BodyReply;
using lifecycle::Direction;
using lifecycle::HeaderField;
using lifecycle::HeadersReply;
using lifecycle::ImmediateReply;
using lifecycle::MetadataValue;
using lifecycle::TrailersReply;

template <class Reply>
pb::ProcessingResponse read(const Reply& reply) {
  std::string wire;
  encode(reply, wire);
  pb::ProcessingResponse response;
  EXPECT_TRUE(response.ParseFromString(wire));
  return response;
}

pb::ProcessingResponse read(const BodyReply& reply) {
  const BodyFrame frame = encode(reply);
  std::string wire = frame.prefix;
  for (std::string_view piece : reply.pieces)
    wire += piece;
  wire += frame.suffix;
  pb::ProcessingResponse response;
  EXPECT_TRUE(response.ParseFromString(wire));
  return response;
}

TEST(WireEncode, RequestHeaders) {
  const std::vector<HeaderField> set{{"x-gateway-destination-endpoint", "10.0.0.1:8000"},
                                     {"empty", ""},
                                     {"", "v"},
                                     {"long", std::string_view("\xff\x00 binary", 9)}};
  const std::vector<std::string_view> remove{"x-prefiller-host-port"};
  MetadataValue metadata;
  metadata.field("envoy.lb").field("x-gateway-destination-endpoint") = MetadataValue::of("10.0.0.1:8000");
  metadata.field("envoy.lb").field("scores").field("10.0.0.1:8000") = MetadataValue::of(0.25);
  HeadersReply reply;
  reply.set_headers = set;
  reply.remove_headers = remove;
  reply.clear_route_cache = true;
  reply.dynamic_metadata = &metadata;
  const pb::ProcessingResponse response = read(reply);
  ASSERT_TRUE(response.has_request_headers());
  const pb::CommonResponse& common = response.request_headers().response();
  EXPECT_TRUE(common.clear_route_cache());
  EXPECT_EQ(common.status(), pb::CommonResponse::CONTINUE);
  ASSERT_EQ(common.header_mutation().set_headers_size(), 4);
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto& option = common.header_mutation().set_headers(static_cast<int>(i));
    EXPECT_EQ(option.header().key(), set[i].key);
    EXPECT_EQ(option.header().raw_value(), set[i].value);
    EXPECT_TRUE(option.header().value().empty());
    EXPECT_FALSE(option.has_append());
    EXPECT_EQ(option.append_action(), 0);
  }
  ASSERT_EQ(common.header_mutation().remove_headers_size(), 1);
  const auto& balancer = response.dynamic_metadata().fields().at("envoy.lb").struct_value().fields();
  EXPECT_EQ(balancer.at("x-gateway-destination-endpoint").string_value(), "10.0.0.1:8000");
  EXPECT_EQ(balancer.at("scores").struct_value().fields().at("10.0.0.1:8000").number_value(), 0.25);
}

TEST(WireEncode, ResponseHeadersDoNotClearTheRoute) {
  HeadersReply reply;
  reply.direction = Direction::kResponse;
  const pb::ProcessingResponse response = read(reply);
  EXPECT_TRUE(response.has_response_headers());
  EXPECT_FALSE(response.response_headers().response().clear_route_cache());
  EXPECT_FALSE(response.has_dynamic_metadata());
}

TEST(WireEncode, BodiesInPieces) {
  const std::string large(61'998, 'x');
  const std::vector<std::string_view> pieces{"a", large, "", "b"};
  MetadataValue metadata;
  metadata.field("n").field("k") = MetadataValue::of(3.0);
  BodyReply reply;
  reply.direction = Direction::kResponse;
  reply.pieces = pieces;
  reply.end_of_stream = true;
  reply.dynamic_metadata = &metadata;
  const pb::ProcessingResponse response = read(reply);
  const auto& streamed = response.response_body().response().body_mutation().streamed_response();
  EXPECT_EQ(streamed.body(), "a" + large + "b");
  EXPECT_TRUE(streamed.end_of_stream());
  EXPECT_EQ(response.dynamic_metadata().fields().at("n").struct_value().fields().at("k").number_value(), 3.0);
}

TEST(WireEncode, AnEmptyBodyIsStillAStreamedResponse) {
  const pb::ProcessingResponse response = read(BodyReply{});
  ASSERT_TRUE(response.has_request_body());
  EXPECT_EQ(response.request_body().response().body_mutation().mutation_case(), pb::BodyMutation::kStreamedResponse);
}

TEST(WireEncode, Trailers) {
  EXPECT_TRUE(read(TrailersReply{}).has_request_trailers());
  TrailersReply reply;
  reply.direction = Direction::kResponse;
  EXPECT_TRUE(read(reply).has_response_trailers());
}

TEST(WireEncode, ImmediateResponse) {
  const HeaderField reason{"x-llm-d-request-dropped-reason", "evicted"};
  ImmediateReply reply;
  reply.status = 429;
  reply.body = "request evicted by flow control";
  reply.headers = {&reason, 1};
  const pb::ProcessingResponse response = read(reply);
  EXPECT_EQ(response.immediate_response().status().code(), 429);
  EXPECT_EQ(response.immediate_response().body(), reply.body);
  EXPECT_EQ(response.immediate_response().headers().set_headers(0).header().raw_value(), "evicted");
  reply.headers = {};
  EXPECT_FALSE(read(reply).immediate_response().has_headers());
}

TEST(WireEncode, EveryKindOfMetadata) {
  MetadataValue metadata;
  MetadataValue& object = metadata.field("o");
  object.field("null");
  object.field("list").kind = MetadataValue::Kind::kList;
  object.field("list").list.push_back(MetadataValue::of("x"));
  object.field("list").list.push_back(MetadataValue::of(-1.5));
  object.field("yes").kind = MetadataValue::Kind::kBool;
  object.field("yes").boolean = true;
  object.field("empty").kind = MetadataValue::Kind::kObject;
  HeadersReply reply;
  reply.dynamic_metadata = &metadata;
  const pb::ProcessingResponse response = read(reply);
  const auto& fields = response.dynamic_metadata().fields().at("o").struct_value().fields();
  EXPECT_EQ(fields.at("null").kind_case(), google::protobuf::Value::kNullValue);
  EXPECT_EQ(fields.at("list").list_value().values(1).number_value(), -1.5);
  EXPECT_TRUE(fields.at("yes").bool_value());
  EXPECT_EQ(fields.at("empty").kind_case(), google::protobuf::Value::kStructValue);
}

}  // namespace
}  // namespace epp::extproc
