// calls.*: every function of an instance, from one thread, in every scene.
#include "check/actor.h"
#include "check/flow_play.h"
#include "check/groups.h"
#include "check/parser_play.h"
#include "check/process_state.h"
#include "check/subjects.h"

#include <array>
#include <string>

namespace epp::check {

namespace {

constexpr std::array<Values, 3> kValues = {Values::kMissing, Values::kOrdinary, Values::kExtreme};
constexpr uint32_t kMany = 10'000;

class CallsCheck {
 public:
  CallsCheck(const Options& options, const std::string& type, Channel& channel)
      : options_(options), type_(type), channel_(channel), stage_(options, channel, type), random_(options.seed) {}

  void run() {
    const std::vector<ParameterSet> sets = all_accepted(stage_, options_.quick ? 4 : 12);
    bool first = true;
    for (const ParameterSet& set : sets) {
      with(set, first);
      first = false;
    }
    channel_.step(type_, "unloading the library");
    stage_.unload();
  }

 private:
  void with(const ParameterSet& set, bool thorough) {
    plugins::InstancePtr instance = make(stage_, set);
    if (instance == nullptr) return;
    words_ = words_of(set.text, options_.words);
    set_ = set.what;
    {
      Actor actor(stage_, instance, words_, options_.seed);
      channel_.step(type_, "bind with " + set_);
      if (const std::string complaint = actor.bind(); !complaint.empty()) {
        channel_.note("create.instance", type_, "Did not bind profiles with " + set_ + ": " + complaint + '.');
      } else {
        scenes(*instance, actor, thorough);
      }
      actor.meter().conclude(thorough);
    }
    {
      FlowPlay play(stage_, instance, words_, options_.seed);
      channel_.step(type_, "flow control with " + set_);
      play.play(thorough ? (options_.quick ? 1000 : 20'000) : 500);
      play.meter().conclude(thorough);
    }
    if (ParserPlay play(stage_, instance, options_.seed); play.any()) {
      channel_.step(type_, "bodies with " + set_);
      play.play(thorough ? (options_.quick ? 1000 : 20'000) : 500);
      play.play(thorough ? 10 : 1, true);
      play.meter().conclude(thorough);
    }
    channel_.step(type_, "endpoints go while " + set_ + " is there");
    stage_.set_endpoints(0, words_, random_);
    channel_.step(type_, "destroy with " + set_);
    stage_.destroy(instance);
  }

  void scenes(const plugins::Instance& instance, Actor& actor, bool thorough) {
    for (const uint32_t endpoints : {0u, 1u, 7u, kMany}) {
      if (!thorough && endpoints != 7 && endpoints != 0) continue;
      channel_.step(type_, std::to_string(endpoints) + " endpoints come, with " + set_);
      stage_.set_endpoints(endpoints, words_, random_);
      for (const Values values : kValues) {
        channel_.step(type_, std::to_string(endpoints) + " endpoints get " + std::string(to_string(values)) +
                                 " values, with " + set_);
        stage_.fill(instance, values, random_);
        for (const Shape shape : kShapes)
          repeat(actor, {endpoints, values, shape}, thorough);
        actor.look({endpoints, values, Shape::kEmpty});
      }
      step({endpoints, Values::kOrdinary, Shape::kSmall}, "endpoints come and go");
      for (int i = 0; i < 3; ++i)
        stage_.churn(random_);
      actor.live({endpoints, Values::kOrdinary, Shape::kSmall});
    }
  }

  void repeat(Actor& actor, const Scene& scene, bool thorough) {
    step(scene, "");
    const bool heavy = scene.endpoints == kMany || scene.shape == Shape::kLarge;
    int times = heavy ? (options_.quick ? 1 : 3) : (options_.quick ? 8 : 40);
    if (!thorough) times = heavy ? 1 : 4;
    for (int i = 0; i < times; ++i) {
      if (i % 4 == 1) {
        // Minutes pass now and then, so that what expires does.
        stage_.clock().put_forward(random_.below(i % 8 == 1 ? 600'000'000'000 : 100'000'000));
        stage_.timers().fire_due();
      }
      actor.live(scene);
    }
  }

  void step(const Scene& scene, const std::string& also) {
    channel_.step(type_, "calls with " + set_ + ": " + describe(scene) + (also.empty() ? "" : ", " + also));
  }

  const Options& options_;
  const std::string& type_;
  Channel& channel_;
  Stage stage_;
  Random random_;
  std::vector<std::string> words_;
  std::string set_;
};

}  // namespace

void check_calls(const Options& options, const std::string& type, Channel& channel) {
  CallsCheck(options, type, channel).run();
}

}  // namespace epp::check
