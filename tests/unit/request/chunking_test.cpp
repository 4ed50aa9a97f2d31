#include "request/chunking.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace epp::request {
namespace {

using Messages = std::vector<std::pair<std::size_t, bool>>;

Messages messages(std::span<const std::string_view> slices) {
  Messages result;
  std::string joined;
  std::string original;
  for (std::string_view slice : slices)
    original += slice;
  for (BodyChunks chunks(slices); chunks.next();) {
    std::size_t size = 0;
    for (std::string_view piece : chunks.pieces()) {
      EXPECT_FALSE(piece.empty());
      size += piece.size();
      joined += piece;
    }
    result.emplace_back(size, chunks.last());
  }
  EXPECT_EQ(joined, original);
  return result;
}

Messages messages(std::size_t size) {
  const std::string body(size, 'x');
  const std::string_view slice = body;
  return messages({&slice, 1});
}

TEST(ExtprocCheck, C06_ChunkingAt62000) {
  EXPECT_EQ(messages(0), (Messages{{0, true}}));
  EXPECT_EQ(messages(1), (Messages{{1, true}}));
  EXPECT_EQ(messages(62000), (Messages{{62000, true}}));
  EXPECT_EQ(messages(62001), (Messages{{62000, false}, {1, true}}));
  EXPECT_EQ(messages(125000), (Messages{{62000, false}, {62000, false}, {1000, true}}));
}

TEST(RequestFormatsCheck, C36_TwoAnswersFor100000Bytes) {
  EXPECT_EQ(messages(100000), (Messages{{62000, false}, {38000, true}}));
}

TEST(BodyChunks, SlicesAreJoinedAcrossMessages) {
  const std::string a(40000, 'a');
  const std::string b(50000, 'b');
  const std::vector<std::string_view> slices = {"", a, "", b, "c", ""};
  EXPECT_EQ(messages(slices), (Messages{{62000, false}, {28001, true}}));
  const std::vector<std::string_view> none;
  EXPECT_EQ(messages(none), (Messages{{0, true}}));
  const std::vector<std::string_view> empty = {"", ""};
  EXPECT_EQ(messages(empty), (Messages{{0, true}}));
}

TEST(BodyChunks, NothingIsCopied) {
  const std::string body(70000, 'x');
  const std::string_view slice = body;
  BodyChunks chunks({&slice, 1});
  ASSERT_TRUE(chunks.next());
  EXPECT_EQ(chunks.pieces()[0].data(), body.data());
  ASSERT_TRUE(chunks.next());
  EXPECT_EQ(chunks.pieces()[0].data(), body.data() + 62000);
  EXPECT_FALSE(chunks.next());
}

}  // namespace
}  // namespace epp::request
