#include "telemetry/trace_context.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace epp::telemetry {
namespace {

constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, ReadsAndWritesTraceparent) {
  const auto context = parse_traceparent(kParent);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id[0], 0x4b);
  EXPECT_EQ(context->span_id[7], 0xb7);
  EXPECT_TRUE(context->sampled);
  EXPECT_TRUE(context->remote);
  EXPECT_EQ(format_traceparent(*context), kParent);
  const auto unsampled = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  ASSERT_TRUE(unsampled);
  EXPECT_FALSE(unsampled->sampled);
}

TEST(TraceContext, RefusesEverythingElse) {
  for (const std::string_view bad : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
       }) {
    EXPECT_FALSE(parse_traceparent(bad)) << bad;
  }
  EXPECT_TRUE(parse_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later"));
}

TEST(TraceContext, Tracestate) {
  for (const std::string_view good : {"", "a=1", "a=1,b=2", "a=1, ,b=2 ", "tenant@vendor=x y", "0t@v=1"}) {
    EXPECT_TRUE(is_valid_tracestate(good)) << good;
  }
  for (const std::string_view bad : {"a", "=1", "a=", "A=1", "a=1,a=2", "a=b=c", "a=\x01", "0a=1", "a@b@c=1"}) {
    EXPECT_FALSE(is_valid_tracestate(bad)) << bad;
  }
  std::string many;
  for (int i = 0; i < 33; ++i)
    many += "k" + std::to_string(i) + "=v,";
  EXPECT_FALSE(is_valid_tracestate(many));
  EXPECT_FALSE(is_valid_tracestate("a=" + std::string(300, 'x')));
}

TEST(TraceContext, Baggage) {
  for (const std::string_view good : {"a=1", "a=1;prop;p2=x, b = %20", "a="})
    EXPECT_TRUE(is_valid_baggage(good)) << good;
  for (const std::string_view bad : {"", "a", "=1", "a=\"q\"", "a=1,", "a=1;", "a b=1", "a=x y"}) {
    EXPECT_FALSE(is_valid_baggage(bad)) << bad;
  }
  std::string many = "a=1";
  for (int i = 0; i < 64; ++i)
    many += ",a=1";
  EXPECT_FALSE(is_valid_baggage(many));
  EXPECT_FALSE(is_valid_baggage("a=" + std::string(9000, 'x')));
}

TEST(TraceContext, MalformedPartsAreDroppedAlone) {
  auto incoming = extract_trace(kParent, "bad", "a=1");
  EXPECT_TRUE(incoming.parent.valid());
  EXPECT_EQ(incoming.parent.trace_state, "");
  EXPECT_EQ(incoming.baggage, "a=1");
  incoming = extract_trace("bad", "a=1", "bad");
  EXPECT_FALSE(incoming.parent.valid());
  EXPECT_EQ(incoming.parent.trace_state, "");
  EXPECT_EQ(incoming.baggage, "");
}

TEST(TraceContext, ParsersSurviveAnyBytes) {
  std::mt19937 random(11);
  const std::string_view alphabet = "0f-=,;@a \t\x80\"%";
  for (int round = 0; round < 5000; ++round) {
    std::string text(random() % 70, ' ');
    for (char& c : text)
      c = alphabet[random() % alphabet.size()];
    const auto context = parse_traceparent(text);
    EXPECT_TRUE(!context || context->valid());
    is_valid_tracestate(text);
    is_valid_baggage(text);
  }
}

TEST(TraceContext, IdsAreDistinct) {
  std::set<TraceId> traces;
  std::set<SpanId> spans;
  for (int i = 0; i < 1000; ++i) {
    traces.insert(random_trace_id());
    spans.insert(random_span_id());
  }
  EXPECT_EQ(traces.size(), 1000u);
  EXPECT_EQ(spans.size(), 1000u);
  EXPECT_FALSE(spans.contains(SpanId{}));
}

}  // namespace
}  // namespace epp::telemetry
