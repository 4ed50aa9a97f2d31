// leaks.*: the same requests over and over, after which everything is as it was.
#include "check/actor.h"
#include "check/flow_play.h"
#include "check/groups.h"
#include "check/parser_play.h"
#include "check/process_state.h"
#include "check/sanitizer.h"
#include "check/subjects.h"
#include "check/watch.h"

#include <algorithm>
#include <array>
#include <string>

namespace epp::check {

namespace {

constexpr int kBatches = 10;
constexpr int kWarmUp = 5;                  // caches fill
constexpr size_t kBytesPerRequest = 16;     // less is a hash table that grows now and then
constexpr size_t kChurned = 4;              // endpoints that come and go in a batch
constexpr size_t kBytesPerEndpoint = 2048;  // the host's own: it does not use a slot again for a while

class LeaksCheck {
 public:
  LeaksCheck(const Options& options, const std::string& type, Channel& channel)
      : options_(options), type_(type), channel_(channel), stage_(options, channel, type) {}

  void run() {
    const auto set = first_accepted(stage_);
    if (!set) return;
    const size_t descriptors = open_descriptors();
    words_ = words_of(set->text, options_.words);
    plugins::InstancePtr instance = make(stage_, *set);
    if (instance == nullptr) return;
    Random random(options_.seed);
    stage_.set_endpoints(8, words_, random);
    stage_.fill(*instance, Values::kOrdinary, random);
    {
      Actor actor(stage_, instance, words_, options_.seed);
      if (actor.bind().empty()) batches(actor, instance);
    }
    look_at_counters(*instance);
    channel_.step(type_, "destroy after many requests");
    stage_.set_endpoints(0, words_, random);
    stage_.destroy(instance);
    if (const size_t now = open_descriptors(); now > descriptors) {
      channel_.fail("leaks.descriptors", type_,
                    std::to_string(now - descriptors) + " more descriptors are open than before create.");
    }
    if (options_.sanitize) {
      channel_.step(type_, "looking for leaks");
      if (sanitizer_finds_leaks()) channel_.fail("sanitize.leaks", type_, "Memory that nobody points to any more.");
    }
    channel_.step(type_, "unloading the library");
    stage_.unload();
  }

 private:
  // The same requests, told apart by their serial only.
  void batch(Actor& actor, const plugins::InstancePtr& instance) {
    actor.restart(0);
    actor.random() = Random(options_.seed);
    for (int i = 0; i < requests(); ++i) {
      actor.live({8, Values::kOrdinary, i % 4 == 3 ? Shape::kTokens : Shape::kSmall});
      if (i % 16 == 0) stage_.timers().fire_due();
    }
    actor.look({8, Values::kOrdinary, Shape::kEmpty});
    FlowPlay(stage_, instance, words_, options_.seed).play(static_cast<uint32_t>(requests()));
    ParserPlay(stage_, instance, options_.seed).play(static_cast<uint32_t>(requests()));
    // Endpoints are new ones each time.
    Random random(options_.seed);
    stage_.set_endpoints(kChurned, words_, random);
    stage_.fill(*instance, Values::kOrdinary, random);
    stage_.clock().put_forward(3'600'000'000'000);
    stage_.timers().fire_due();
  }

  void batches(Actor& actor, const plugins::InstancePtr& instance) {
    std::array<size_t, kBatches> heap{};
    std::array<size_t, kBatches> series{};
    for (int i = 0; i < kBatches; ++i) {
      channel_.step(type_, "requests over and over, batch " + std::to_string(i));
      batch(actor, instance);
      // Not of the meter's making.
      actor.meter().forget_durations();
      heap[static_cast<size_t>(i)] = heap_in_use();
      series[static_cast<size_t>(i)] = stage_.metrics().series();
    }
    const auto growing = [](const auto& values) {
      return std::is_sorted(values.begin() + kWarmUp, values.end(), std::less_equal<>());
    };
    const size_t growth = heap.back() - std::min(heap.back(), heap[kWarmUp]);
    const auto made = (kBatches - 1 - kWarmUp) * static_cast<size_t>(requests());
    const size_t churned = (kBatches - 1 - kWarmUp) * kChurned;
    if (growing(heap) && growth > made * kBytesPerRequest + churned * kBytesPerEndpoint) {
      channel_.fail("leaks.memory", type_,
                    "Each request adds about " + std::to_string(growth / made) + " bytes that stay.");
    }
    const size_t more_series = series.back() - std::min(series.back(), series[kWarmUp]);
    if (growing(series) && more_series >= churned / 2) {
      channel_.fail("leaks.series", type_,
                    std::to_string(more_series) + " metric series were added by " + std::to_string(made) +
                        " requests like those before, to endpoints that came and went.");
    }
  }

  void look_at_counters(const plugins::Instance& instance) {
    if (const int64_t sum = stage_.live_sum(instance); sum != 0) {
      channel_.fail("leaks.live-counters", type_,
                    "Its live counters add up to " + std::to_string(sum) + " when every request has ended.");
    }
  }

  int requests() const { return options_.quick ? 64 : 256; }

  const Options& options_;
  const std::string& type_;
  Channel& channel_;
  Stage stage_;
  std::vector<std::string> words_;
};

}  // namespace

void check_leaks(const Options& options, const std::string& type, Channel& channel) {
  LeaksCheck(options, type, channel).run();
}

}  // namespace epp::check
