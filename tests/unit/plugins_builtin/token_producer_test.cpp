// token-producer: pseudo tokens of text and media.
#include "common/base64.h"
#include "common/image_size.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using epp::testing::TestRequest;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::string_literals;

class TokenProducer : public ::testing::Test {
 protected:
  TokenProducer() {
    host.load("token-producer");
    host.endpoint("a");
  }
  std::vector<uint32_t> tokens(TestRequest& r, std::string_view parameters = "{}") {
    const auto producer = host.create("token-producer", parameters);
    EXPECT_TRUE(host.produce(producer, r).ok());
    return host.u32_value(r, EPP_KEY_TOKENIZED_PROMPT);
  }
  std::vector<epp_mm_feature> features(TestRequest& r) {
    const epp_value value = host.value(r, EPP_KEY_TOKENIZED_FEATURES);
    if (value.type != EPP_TYPE_BYTES) return {};
    std::vector<epp_mm_feature> out(value.u.bytes.size / sizeof(epp_mm_feature));
    std::memcpy(out.data(), value.u.bytes.data, value.u.bytes.size);
    return out;
  }
  PluginHarness host;
};

// ProducerCheck 2.
TEST_F(TokenProducer, C02_Hello) {
  auto r = host.request();
  r.text("hello");
  EXPECT_THAT(tokens(r), ElementsAre(1819043176, 111));
  EXPECT_THAT(host.u32_value(r, EPP_KEY_TOKENIZED_PROMPT_ENDS), ElementsAre(2));
}

// ProducerCheck 3: role and content run together.
TEST_F(TokenProducer, C03_ChatMessage) {
  auto r = host.request();
  r.text("user").text("hello world");
  EXPECT_THAT(tokens(r), ElementsAre(1919251317, 1819043176, 1870078063, 6581362));
}

// ProducerCheck 4.
TEST_F(TokenProducer, C04_ImageUrlIsAlignedPlaceholders) {
  auto r = host.request();
  r.text("hello").part(EPP_PART_IMAGE, "https://x/y.png").text("!");
  const auto all = tokens(r);
  ASSERT_THAT(all, SizeIs(2 + 225 + 1));
  EXPECT_EQ(all[1], 111u);
  EXPECT_THAT(std::vector<uint32_t>(all.begin() + 2, all.end() - 1), Each(all[2]));
  EXPECT_EQ(all.back(), uint32_t{'!'});
  const auto items = features(r);
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_EQ(items[0].offset, 2u);
  EXPECT_EQ(items[0].length, 225u);
  EXPECT_EQ(items[0].modality, EPP_MODALITY_IMAGE);
}

TEST_F(TokenProducer, PlaceholderIsTheLowHalfOfTheContentHash) {
  auto r = host.request();
  r.part(EPP_PART_IMAGE, "https://example.com/a.png");
  EXPECT_THAT(tokens(r), Each(1860292282));
  ASSERT_THAT(features(r), SizeIs(1));
  EXPECT_EQ(features(r)[0].hash, 0x9f4fdeae6ee1ceba);
}

std::string big_endian(uint32_t value, size_t bytes) {
  std::string out;
  while (bytes-- > 0)
    out += static_cast<char>(value >> (8 * bytes));
  return out;
}
std::string png(uint32_t width, uint32_t height) {
  return "\x89PNG\r\n\x1a\n"s + big_endian(13, 4) + "IHDR" + big_endian(width, 4) + big_endian(height, 4) + "\x08\x02";
}
std::string gif(uint32_t width, uint32_t height) {
  const auto little = [](uint32_t v) { return std::string{static_cast<char>(v), static_cast<char>(v >> 8)}; };
  return "GIF89a" + little(width) + little(height);
}
std::string jpeg(uint32_t width, uint32_t height) {
  // An APP1 segment, a Huffman table, fill bytes, then a progressive frame.
  return "\xff\xd8\xff\xe1"s + big_endian(302, 2) + std::string(300, 'x') + "\xff\xc4"s + big_endian(4, 2) + "ab" +
         "\xff\xff\xff\xc2"s + big_endian(17, 2) + '\x08' + big_endian(height, 2) + big_endian(width, 2) + "\x03";
}
std::string data_url(const char* media, const std::string& bytes) {
  return "data:image/"s + media + ";base64," + epp::builtin::base64_encode(bytes);
}

// ProducerCheck 5 and the other formats.
TEST_F(TokenProducer, C05_ImageSizeFromDataUrl) {
  struct Row {
    std::string url;
    size_t count;
  };
  const std::vector<Row> rows = {
      {data_url("png", png(2048, 1024)), 2048},
      {data_url("gif", gif(1024, 512)), 512},
      {data_url("jpeg", jpeg(1280, 720)), 900},
      {data_url("jpeg", png(2048, 1024)), 2048},  // the bytes count, not the name
      {data_url("png", png(10, 10)), 1},
      {data_url("png", png(0, 10)), 225},
      {data_url("png", png(2048, 1024).substr(0, 20)), 225},
      {data_url("jpeg", jpeg(1280, 720).substr(0, 320)), 225},
      {data_url("jpeg", "\xff\xd8nonsense"), 225},
      {data_url("webp", "RIFF"), 225},
      {"data:image/png;base64,????", 225},
      {"data:image/png,raw", 225},
      {epp::builtin::base64_encode(png(2048, 1024)), 225},  // bare data
  };
  for (const Row& row : rows) {
    auto r = host.request();
    r.part(EPP_PART_IMAGE, row.url);
    EXPECT_THAT(tokens(r), SizeIs(row.count)) << row.url.substr(0, 40);
  }
}

TEST_F(TokenProducer, ImageModes) {
  const auto count = [&](std::string_view parameters) {
    auto r = host.request();
    r.part(EPP_PART_IMAGE, "https://x/y.png");
    return tokens(r, parameters).size();
  };
  EXPECT_EQ(count(R"({"estimate": {"image": {"mode": "static", "static": {"staticToken": 576}}}})"), 576u);
  EXPECT_EQ(count(R"({"estimate": {"image": {"mode": "static"}}})"), 1u);
  EXPECT_EQ(count(R"({"estimate": {"image": {"mode": "static", "static": {"staticToken": 0}}}})"), 1u);
  EXPECT_EQ(count(R"({"estimate": {"image": {"dynamic": {"factor": 100}}}})"), 2304u);
  EXPECT_EQ(count(R"({"estimate": {"image": {"defaultResolution": {"width": 1024, "height": 1024}}}})"), 1024u);
  EXPECT_NE(host.create_error("token-producer", R"({"estimate": {"image": {"mode": "other"}}})"), "");
  EXPECT_NE(host.create_error("token-producer", R"({"estimate": {"images": {}}})"), "");
}

// ProducerCheck 6.
TEST_F(TokenProducer, C06_VideoHeaders) {
  struct Row {
    std::vector<std::pair<const char*, const char*>> headers;
    const char* parameters;
    size_t count;
  };
  constexpr const char* kStrided =
      R"({"estimate": {"video": {"frames": {"mode": "strided", "strided": {"frameStride": 8}}}}})";
  const std::vector<Row> rows = {
      {{}, "{}", 4500},
      {{{"x-llm-d-video-duration-seconds", "3"}}, "{}", 1350},
      {{{"x-llm-d-video-duration-seconds", "3"}, {"x-llm-d-video-resolution", "1280x720"}}, "{}", 5400},
      {{{"x-llm-d-video-duration-seconds", "3"}, {"x-llm-d-video-resolution", "1280X720"}}, "{}", 5400},
      {{{"x-llm-d-video-duration-seconds", "-3"}, {"x-llm-d-video-resolution", "1280"}}, "{}", 4500},
      {{{"x-llm-d-video-duration-seconds", "long"}, {"x-llm-d-video-fps", "0"}}, "{}", 4500},
      {{}, kStrided, 30 * 225},
      {{{"x-llm-d-video-fps", "48"}}, kStrided, 60 * 225},
      {{}, R"({"estimate": {"video": {"frames": {"maxFrames": 4}}}})", 4 * 225},
      {{}, R"({"estimate": {"video": {"frames": {"minFrames": 50}}}})", 50 * 225},
      {{}, R"({"estimate": {"video": {"frames": {"sampled": {"sampleFPS": 1, "temporalPatchSize": 2}}}}})", 5 * 225},
      {{}, R"({"estimate": {"video": {"maxVideoTokens": 1000}}})", 1000},
      {{},
       R"({"estimate": {"video": {"defaultDuration": 1, "tokensPerFrame": {"mode": "static", "static": {"numTokensPerFrame": 7}}}}})",
       14},
      {{{"x-llm-d-video-duration-seconds", "0.1"}}, "{}", 1},
  };
  for (const Row& row : rows) {
    auto r = host.request();
    r.part(EPP_PART_VIDEO, "https://x/v.mp4");
    for (const auto& [name, value] : row.headers)
      r.header(name, value);
    EXPECT_THAT(tokens(r, row.parameters), SizeIs(row.count)) << row.parameters;
    EXPECT_EQ(features(r).at(0).modality, EPP_MODALITY_VIDEO);
  }
}

TEST_F(TokenProducer, HostileVideoHeadersCannotExhaustMemory) {
  auto r = host.request();
  r.part(EPP_PART_VIDEO, "https://x/v.mp4")
      .part(EPP_PART_VIDEO, "https://x/w.mp4")
      .header("x-llm-d-video-duration-seconds", "1e300")
      .header("x-llm-d-video-resolution", "65535x65535");
  EXPECT_LE(tokens(r).size(), size_t{1} << 22);
}

TEST_F(TokenProducer, Audio) {
  auto r = host.request();
  r.part(EPP_PART_AUDIO, "abcdef", "wav").part(EPP_PART_AUDIO, "", "");
  EXPECT_THAT(tokens(r), SizeIs(3 + 1));
  ASSERT_THAT(features(r), SizeIs(2));
  EXPECT_EQ(features(r)[1].hash, 0xef46db3751d8e999);
  EXPECT_EQ(features(r)[1].offset, 3u);
}

TEST_F(TokenProducer, SeveralPromptsStartAligned) {
  auto r = host.request();
  r.text("hello", 0).text("world", 1).part(EPP_PART_IMAGE, "u", {}, 3);
  const auto all = tokens(r, R"({"estimate": {"image": {"mode": "static", "static": {"staticToken": 2}}}})");
  ASSERT_THAT(all, SizeIs(6));
  EXPECT_THAT(host.u32_value(r, EPP_KEY_TOKENIZED_PROMPT_ENDS), ElementsAre(2, 4, 4, 6));
  EXPECT_EQ(features(r).at(0).prompt, 3u);
  EXPECT_EQ(features(r).at(0).offset, 0u);
}

TEST_F(TokenProducer, TokenIdsPassThrough) {
  auto r = host.request();
  r.token_ids({7, 8, 4000000000}).token_ids({9}, 1);
  EXPECT_THAT(tokens(r), ElementsAre(7, 8, 4000000000, 9));
  EXPECT_THAT(host.u32_value(r, EPP_KEY_TOKENIZED_PROMPT_ENDS), ElementsAre(3, 4));
}

TEST_F(TokenProducer, EmptyTextHasNoTokens) {
  auto r = host.request();
  r.text("");
  EXPECT_THAT(tokens(r), IsEmpty());
  EXPECT_EQ(host.value(r, EPP_KEY_TOKENIZED_PROMPT).type, 0u);
}

TEST_F(TokenProducer, UnsupportedBodyIsAnError) {
  auto r = host.request();
  const auto producer = host.create("token-producer");
  EXPECT_FALSE(host.produce(producer, r).ok());
}

TEST_F(TokenProducer, CacheSalt) {
  auto r = host.request();
  r.text("x").cache_salt("s");
  (void)tokens(r);
  EXPECT_EQ(host.text_value(r, EPP_KEY_TOKENIZED_SALT), "s");
}

TEST_F(TokenProducer, ExistingTokensAreKept) {
  auto r = host.request();
  r.text("hello").cache_salt("s").attribute(EPP_KEY_TOKENIZED_PROMPT, std::vector<uint32_t>{5});
  EXPECT_THAT(tokens(r), ElementsAre(5));
  EXPECT_EQ(host.text_value(r, EPP_KEY_TOKENIZED_SALT), "s");
}

TEST_F(TokenProducer, RealTokenizersAreRefusedByName) {
  const auto error = [&](std::string_view parameters) { return host.create_error("token-producer", parameters); };
  EXPECT_THAT(error(R"({"vllm": {"url": "http://x"}, "modelName": "m"})"), HasSubstr("vllm"));
  EXPECT_THAT(error(R"({"modelName": "m"})"), HasSubstr("modelName"));
  EXPECT_THAT(error(R"({"udsTokenizerConfig": {}, "modelName": "m"})"), HasSubstr("udsTokenizerConfig"));
  EXPECT_THAT(error(R"({"estimate": {}, "vllm": {}})"), HasSubstr("only one of"));
}

}  // namespace
