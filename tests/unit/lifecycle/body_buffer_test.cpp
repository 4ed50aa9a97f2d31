#include "lifecycle/body_buffer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::lifecycle {
namespace {

using Result = BodyBuffer::Result;

Result append(BodyBuffer& buffer, std::string_view text) {
  const std::vector<std::string_view> pieces{text};
  return buffer.append(pieces);
}

TEST(BodyBuffer, JoinsPieces) {
  MemoryBudget budget(1 << 20);
  BodyBuffer buffer(100, budget);
  const std::vector<std::string_view> pieces{"ab", "", "cd"};
  EXPECT_EQ(buffer.append(pieces), Result::kOk);
  EXPECT_EQ(append(buffer, "e"), Result::kOk);
  EXPECT_EQ(buffer.view(), "abcde");
}

TEST(BodyBuffer, AWholeBodyTakesNoMoreThanItsBytes) {
  MemoryBudget budget(1000);
  BodyBuffer buffer(1000, budget);
  const std::string_view pieces[] = {"ab", "c"};
  EXPECT_EQ(buffer.append(pieces, true), Result::kOk);
  EXPECT_EQ(buffer.view(), "abc");
  EXPECT_EQ(budget.used(), 3u) << "it may wait long";
}

TEST(BodyBuffer, GrowsOnceToWhatIsAnnouncedButNotOnTheWordOfAFewBytes) {
  MemoryBudget budget(1 << 24);
  BodyBuffer honest(1 << 24, budget);
  honest.expect(1 << 20);
  EXPECT_EQ(append(honest, std::string(1 << 14, 'x')), Result::kOk);
  EXPECT_EQ(budget.used(), 1u << 20);
  EXPECT_EQ(append(honest, std::string(1 << 19, 'x')), Result::kOk);
  EXPECT_EQ(budget.used(), 1u << 20);
  EXPECT_EQ(append(honest, std::string(1 << 20, 'x')), Result::kOk) << "longer than it said";
  EXPECT_EQ(honest.size(), (1u << 14) + (1u << 19) + (1u << 20));

  MemoryBudget other(1 << 24);
  BodyBuffer liar(1 << 24, other);
  liar.expect(1 << 24);
  EXPECT_EQ(append(liar, std::string(1000, 'x')), Result::kOk);
  EXPECT_EQ(other.used(), 1000 * BodyBuffer::kTrust);
}

TEST(BodyBuffer, RefusesWhatExceedsTheLimitAndKeepsWhatItHad) {
  MemoryBudget budget(1 << 20);
  BodyBuffer buffer(4, budget);
  EXPECT_EQ(append(buffer, "abcd"), Result::kOk);
  EXPECT_EQ(append(buffer, "e"), Result::kTooLarge);
  EXPECT_EQ(buffer.view(), "abcd");
}

TEST(BodyBuffer, ChargesTheBudgetUntilTheLastOwnerIsGone) {
  MemoryBudget budget(100'000);
  std::shared_ptr<const void> owner;
  {
    BodyBuffer buffer(1 << 20, budget);
    ASSERT_EQ(append(buffer, std::string(50'000, 'x')), Result::kOk);
    owner = buffer.freeze();
  }
  EXPECT_GE(budget.used(), 50'000u);
  owner.reset();
  EXPECT_EQ(budget.used(), 0u);
}

TEST(BodyBuffer, SaysWhenTheBudgetIsSpent) {
  MemoryBudget budget(40'000);
  BodyBuffer first(1 << 20, budget);
  BodyBuffer second(1 << 20, budget);
  EXPECT_EQ(append(first, std::string(30'000, 'x')), Result::kOk);
  EXPECT_EQ(append(second, std::string(30'000, 'x')), Result::kNoMemory);
  EXPECT_EQ(second.size(), 0u);
}

TEST(BodyBuffer, GrowsAcrossManyAppends) {
  MemoryBudget budget(1 << 24);
  BodyBuffer buffer(1 << 22, budget);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string chunk(1 + static_cast<std::size_t>(i) % 300, static_cast<char>('a' + i % 26));
    expected += chunk;
    ASSERT_EQ(append(buffer, chunk), Result::kOk);
  }
  EXPECT_EQ(buffer.view(), expected);
}

}  // namespace
}  // namespace epp::lifecycle
