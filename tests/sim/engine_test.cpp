#include "sim/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::sim {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

// 100 ms for every prefill, 1000 prompt tokens per second on top, 10 ms per token.
EngineOptions options() {
  return {.max_num_seqs = 4,
          .kv_blocks = 100,
          .block_size = 10,
          .prefill_tokens_per_second = 1000,
          .base_ttft = milliseconds(100),
          .inter_token_time = milliseconds(10)};
}

Sequence sequence(SequenceId id, std::uint32_t prompt_tokens, std::uint32_t output_tokens) {
  return {.id = id, .prompt_tokens = prompt_tokens, .output_tokens = output_tokens};
}

// The milliseconds at which `kind` happened to `id`.
std::vector<std::int64_t> times(const std::vector<Event>& events, SequenceId id, EventKind kind) {
  std::vector<std::int64_t> result;
  for (const Event& event : events) {
    if (event.id == id && event.kind == kind)
      result.push_back(std::chrono::duration_cast<milliseconds>(event.at).count());
  }
  return result;
}

TEST(Engine, OneSequenceIsPrefilledThenDecoded) {
  Engine engine(options());
  ASSERT_EQ(engine.submit(sequence(1, 50, 3), milliseconds(0)), SubmitResult::kQueued);
  EXPECT_EQ(engine.running(), 1U);
  EXPECT_DOUBLE_EQ(engine.kv_usage(), 0.05);
  const auto events = engine.advance(milliseconds(1000));
  EXPECT_THAT(times(events, 1, EventKind::kAdmitted), ElementsAre(0));
  EXPECT_THAT(times(events, 1, EventKind::kToken), ElementsAre(150, 160, 170));
  EXPECT_THAT(times(events, 1, EventKind::kFinished), ElementsAre(170));
  EXPECT_EQ(engine.kv_usage(), 0);
  EXPECT_FALSE(engine.next_event().has_value());
}

TEST(Engine, NextEventSaysWhenToCallAgain) {
  Engine engine(options());
  engine.submit(sequence(1, 50, 2), milliseconds(7));
  EXPECT_EQ(engine.next_event(), milliseconds(7));  // The admission.
  EXPECT_EQ(engine.advance(milliseconds(7)).size(), 1U);
  EXPECT_EQ(engine.next_event(), milliseconds(157));
  EXPECT_TRUE(engine.advance(milliseconds(156)).empty());
  EXPECT_EQ(engine.advance(milliseconds(157)).size(), 1U);
}

TEST(Engine, PrefillsShareTheDeviceAndDecodesRunSideBySide) {
  Engine engine(options());
  engine.submit(sequence(1, 50, 20), milliseconds(0));
  engine.submit(sequence(2, 50, 2), milliseconds(0));
  const auto events = engine.advance(milliseconds(1000));
  EXPECT_EQ(times(events, 1, EventKind::kToken).front(), 150);
  EXPECT_EQ(times(events, 1, EventKind::kToken).back(), 340);
  EXPECT_THAT(times(events, 2, EventKind::kToken), ElementsAre(300, 310));
}

TEST(Engine, BatchIsBoundedAndTheQueueIsFifo) {
  EngineOptions small = options();
  small.max_num_seqs = 1;
  Engine engine(small);
  for (SequenceId id = 1; id <= 3; ++id)
    engine.submit(sequence(id, 50, 1), milliseconds(0));
  EXPECT_EQ(engine.running(), 1U);
  EXPECT_EQ(engine.waiting(), 2U);
  const auto events = engine.advance(milliseconds(1000));
  EXPECT_THAT(times(events, 2, EventKind::kAdmitted), ElementsAre(150));
  EXPECT_THAT(times(events, 3, EventKind::kAdmitted), ElementsAre(300));
}

TEST(Engine, FullQueueRefuses) {
  EngineOptions small = options();
  small.max_num_seqs = 1;
  small.max_queue = 1;
  Engine engine(small);
  engine.submit(sequence(1, 50, 1), milliseconds(0));
  EXPECT_EQ(engine.submit(sequence(2, 50, 1), milliseconds(0)), SubmitResult::kQueued);
  EXPECT_EQ(engine.submit(sequence(3, 50, 1), milliseconds(0)), SubmitResult::kQueueFull);
  // The first one has finished by then, so there is room again.
  EXPECT_EQ(engine.submit(sequence(3, 50, 1), milliseconds(150)), SubmitResult::kQueued);
}

TEST(Engine, RefusesWhatCanNeverFit) {
  Engine engine(options());
  EXPECT_EQ(engine.submit(sequence(1, 900, 101), milliseconds(0)), SubmitResult::kTooLong);
  EXPECT_EQ(engine.submit(sequence(1, 900, 100), milliseconds(0)), SubmitResult::kQueued);
}

TEST(Engine, CachedPrefixNeedsNoPrefill) {
  Engine engine(options());
  Sequence first = sequence(1, 55, 1);
  first.chain = {11, 12, 13, 14, 15};
  engine.submit(first, milliseconds(0));
  engine.advance(milliseconds(500));

  Sequence second = first;
  second.id = 2;
  engine.submit(second, milliseconds(1000));
  const auto events = engine.advance(milliseconds(2000));
  EXPECT_EQ(events.front().cached_tokens, 50U);
  EXPECT_THAT(times(events, 2, EventKind::kToken), ElementsAre(1105));
  EXPECT_EQ(engine.totals().prefix_queries, 110U);
  EXPECT_EQ(engine.totals().prefix_hits, 50U);
}

TEST(Engine, LastPromptTokenIsAlwaysComputed) {
  Engine engine(options());
  Sequence whole = sequence(1, 20, 1);
  whole.chain = {1, 2};
  engine.submit(whole, milliseconds(0));
  engine.advance(milliseconds(500));
  whole.id = 2;
  engine.submit(whole, milliseconds(500));
  EXPECT_EQ(engine.advance(milliseconds(500)).front().cached_tokens, 19U);
}

TEST(Engine, FullMemoryDelaysAdmission) {
  EngineOptions small = options();
  small.kv_blocks = 6;
  Engine engine(small);
  engine.submit(sequence(1, 50, 2), milliseconds(0));
  engine.submit(sequence(2, 50, 2), milliseconds(0));
  EXPECT_EQ(engine.waiting(), 1U);
  EXPECT_THAT(times(engine.advance(milliseconds(1000)), 2, EventKind::kAdmitted), ElementsAre(160));
}

TEST(Engine, FullMemoryPreemptsTheSequenceAdmittedLast) {
  EngineOptions small = options();
  small.kv_blocks = 5;
  Engine engine(small);
  engine.submit(sequence(1, 20, 20), milliseconds(0));
  engine.submit(sequence(2, 20, 20), milliseconds(0));
  const auto events = engine.advance(milliseconds(5000));
  EXPECT_GT(engine.totals().preemptions, 0U);
  EXPECT_EQ(times(events, 1, EventKind::kToken).size(), 20U);
  EXPECT_EQ(times(events, 2, EventKind::kToken).size(), 20U);
  EXPECT_EQ(times(events, 2, EventKind::kAdmitted).size(), 1U);
  EXPECT_LT(times(events, 1, EventKind::kFinished), times(events, 2, EventKind::kFinished));
  EXPECT_EQ(engine.kv_usage(), 0);
}

TEST(Engine, AbortFreesBlocksAndLetsTheNextOneIn) {
  EngineOptions small = options();
  small.max_num_seqs = 1;
  Engine engine(small);
  engine.submit(sequence(1, 50, 500), milliseconds(0));
  engine.submit(sequence(2, 50, 1), milliseconds(0));
  engine.submit(sequence(3, 50, 1), milliseconds(0));
  engine.abort(3, milliseconds(10));
  engine.abort(1, milliseconds(200));
  const auto events = engine.advance(milliseconds(1000));
  EXPECT_TRUE(times(events, 1, EventKind::kToken).empty());
  EXPECT_THAT(times(events, 2, EventKind::kAdmitted), ElementsAre(200));
  EXPECT_TRUE(times(events, 3, EventKind::kAdmitted).empty());
  EXPECT_EQ(engine.totals().aborted, 2U);
  EXPECT_EQ(engine.kv_usage(), 0);
}

TEST(Engine, AdaptersAreBoundedAndDoNotBlockOthers) {
  EngineOptions small = options();
  small.max_loras = 1;
  Engine engine(small);
  Sequence a = sequence(1, 50, 5);
  a.lora = "a";
  Sequence b = sequence(2, 50, 1);
  b.lora = "b";
  engine.submit(a, milliseconds(0));
  engine.submit(b, milliseconds(0));
  engine.submit(sequence(3, 50, 1), milliseconds(0));
  EXPECT_THAT(engine.running_loras(), ElementsAre("a"));
  EXPECT_THAT(engine.waiting_loras(), ElementsAre("b"));
  EXPECT_EQ(engine.running(), 2U);
  EXPECT_THAT(times(engine.advance(milliseconds(1000)), 2, EventKind::kAdmitted), ElementsAre(190));
}

TEST(Engine, PrefillOnlySequencesHaveNoTokens) {
  Engine engine(options());
  engine.submit(sequence(1, 50, 0), milliseconds(0));
  const auto events = engine.advance(milliseconds(1000));
  EXPECT_TRUE(times(events, 1, EventKind::kToken).empty());
  EXPECT_THAT(times(events, 1, EventKind::kFinished), ElementsAre(150));
}

TEST(Engine, SlownessScalesWhatBeginsFromThenOn) {
  Engine engine(options());
  engine.set_slowness(3);
  engine.submit(sequence(1, 50, 2), milliseconds(0));
  EXPECT_THAT(times(engine.advance(milliseconds(5000)), 1, EventKind::kToken), ElementsAre(450, 480));
}

TEST(Engine, JitterIsBoundedAndFollowsTheSeed) {
  EngineOptions jittery = options();
  jittery.jitter = 0.5;
  const auto tokens = [&](std::uint64_t seed) {
    jittery.seed = seed;
    Engine engine(jittery);
    engine.submit(sequence(1, 50, 50), milliseconds(0));
    return times(engine.advance(milliseconds(10000)), 1, EventKind::kToken);
  };
  EXPECT_EQ(tokens(1), tokens(1));
  EXPECT_NE(tokens(1), tokens(2));
  EXPECT_GE(tokens(1).front(), 75);
  EXPECT_LE(tokens(1).front(), 225);
}

}  // namespace
}  // namespace epp::sim
