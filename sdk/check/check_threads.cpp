// threads.*: the same calls from many threads at once, while endpoints come and go and timers fire.
#include "check/actor.h"
#include "check/flow_play.h"
#include "check/groups.h"
#include "check/parser_play.h"
#include "check/subjects.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace epp::check {

namespace {

using std::chrono::steady_clock;

class ThreadsCheck {
 public:
  ThreadsCheck(const Options& options, const std::string& type, Channel& channel)
      : options_(options), type_(type), channel_(channel), stage_(options, channel, type) {}

  void run() {
    const auto set = first_accepted(stage_);
    if (!set) return;
    plugins::InstancePtr instance = make(stage_, *set);
    if (instance == nullptr) return;
    Random random(options_.seed);
    words_ = words_of(set->text, options_.words);
    stage_.set_endpoints(32, words_, random);
    stage_.fill(*instance, Values::kOrdinary, random);
    channel_.step(type_, "calls from " + std::to_string(options_.threads) + " threads at once");
    play(instance);
    channel_.step(type_, "destroy after calls from many threads");
    stage_.set_endpoints(0, words_, random);
    stage_.destroy(instance);
    stage_.unload();
  }

 private:
  void play(const plugins::InstancePtr& instance) {
    std::vector<std::unique_ptr<Actor>> actors;
    for (unsigned i = 0; i < options_.threads; ++i)
      actors.push_back(std::make_unique<Actor>(stage_, instance, words_, options_.seed + i + 1));
    for (auto& actor : actors) {
      if (!actor->bind().empty()) return;
    }
    // One call at a time for all policies, from any thread: so they take turns.
    FlowPlay policies(stage_, instance, words_, options_.seed);
    std::vector<std::unique_ptr<ParserPlay>> parsers;
    for (unsigned i = 0; i < options_.threads; ++i)
      parsers.push_back(std::make_unique<ParserPlay>(stage_, instance, options_.seed + i + 1));
    std::mutex dispatcher;
    const auto end = steady_clock::now() + std::chrono::milliseconds(options_.quick ? 60 : 500);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options_.threads; ++i) {
      threads.emplace_back([&, end, one = actors[i].get(), parser = parsers[i].get()] {
        while (steady_clock::now() < end) {
          one->live({static_cast<uint32_t>(one->random().below(40)), Values::kOrdinary, shape(one->random())});
          one->look({7, Values::kOrdinary, Shape::kEmpty});
          parser->play(4);
          if (policies.any()) {
            const std::scoped_lock lock(dispatcher);
            policies.play(8);
          }
        }
      });
    }
    // This thread is the host's: discovery, scrapes and timers.
    Random random(options_.seed);
    while (steady_clock::now() < end) {
      stage_.churn(random);
      stage_.clock().put_forward(1'000'000'000);
      stage_.timers().fire_due();
      stage_.fill(*instance, Values::kOrdinary, random);
      std::this_thread::yield();
    }
    for (std::thread& thread : threads)
      thread.join();
    // Durations here are those of a busy machine, so nobody is judged by them.
  }

  static Shape shape(Random& random) { return random.one_in(64) ? Shape::kLarge : kShapes[random.below(4)]; }

  const Options& options_;
  const std::string& type_;
  Channel& channel_;
  Stage stage_;
  std::vector<std::string> words_;
};

}  // namespace

void check_threads(const Options& options, const std::string& type, Channel& channel) {
  ThreadsCheck(options, type, channel).run();
}

}  // namespace epp::check
