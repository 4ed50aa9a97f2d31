// Several types in one library: a filter, an asynchronous producer, a handler, and scorers that err on demand.
#include <epp/plugin.hpp>

#include <cmath>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace epp::sdk;

class LabelFilter {
 public:
  explicit LabelFilter(Context& context) : value_(context.parameters().text("/value")) {}
  void filter(const Request&, const Candidates& candidates, Kept& kept) const {
    kept.keep_if(candidates, [&](uint32_t i) {
      const epp_endpoint& endpoint = candidates.endpoint(i);
      return label(endpoint, "role") == value_ && annotation(endpoint, "off").data() == nullptr;
    });
  }

 private:
  std::string value_;
};

// Answers on a thread of its own, after produce has returned or before, as the scheduler of the system likes.
class AsyncProducer {
 public:
  explicit AsyncProducer(Context& context)
      : text_(context.produce_value("Async/" + std::string(context.name()), EPP_TYPE_STR)),
        column_(context.produce_f64("Async/" + std::string(context.name()) + "#load")) {}
  ~AsyncProducer() {
    for (std::thread& thread : threads_)
      thread.join();
  }
  bool produce(const Request&, const Candidates& candidates, Token token) {
    const std::vector<uint32_t> slots(candidates.slots().begin(), candidates.slots().end());
    const std::scoped_lock lock(mutex_);
    threads_.emplace_back([this, slots, token] {
      std::vector<epp_completion_value> values;
      const std::string answer = "forty-two";
      epp_completion_value text{};
      text.attr = text_.id();
      text.slot = EPP_SLOT_REQUEST;
      text.value.type = EPP_TYPE_STR;
      text.value.u.str = to_abi(answer);
      values.push_back(text);
      for (const uint32_t slot : slots) {
        epp_completion_value load{};
        load.attr = column_.id();
        load.slot = slot;
        load.value.type = EPP_TYPE_F64;
        load.value.u.f64 = 0.5;
        values.push_back(load);
      }
      token.complete(values);
    });
    return false;
  }

 private:
  RequestValue text_;
  F64Column column_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

class FirstProfile {
 public:
  explicit FirstProfile(Context&) {}
  void bind_profiles(std::span<const std::string_view> names) {
    if (names.size() != 1) throw Error("exactly one profile is wanted");
  }
  void pick_profiles(const Request&, const Results& results, std::span<uint32_t> decisions) const {
    if (results[0].state == EPP_PROFILE_NOT_RUN) decisions[0] = EPP_DECIDE_RUN;
  }
  uint32_t process_profiles(const Request&, const Results&, std::span<uint32_t>) const { return 0; }
};

class FaultyScorer {
 public:
  explicit FaultyScorer(Context& context) : mode_(context.parameters().text("/mode")) {
    if (mode_ == "refuse") throw Error("this mode is refused");
  }
  void score(const Request&, const Candidates&, std::span<double> scores) const {
    if (mode_ == "throw") throw std::runtime_error("out of ideas");
    if (mode_ == "throw-int") throw 42;
    scores[0] = mode_ == "nan" ? std::numeric_limits<double>::quiet_NaN() : 1e300;
  }

 private:
  std::string mode_;
};

constexpr std::string_view kFaultySchema =
    R"({"type":"object","properties":{"mode":{"type":"string"}},"additionalProperties":false})";

}  // namespace

EPP_PLUGIN_TYPES(
    epp::sdk::type<LabelFilter>({.name = "test-label-filter",
                                 .description = "keeps one role",
                                 .parameters_schema = R"({"type":"object","properties":{"value":{"type":"string"}}})"}),
    epp::sdk::type<AsyncProducer>({.name = "test-async-producer", .description = "answers later"}),
    epp::sdk::type<FirstProfile>({.name = "test-handler", .description = "runs the first profile"}),
    epp::sdk::type<FaultyScorer>(
        {.name = "test-faulty-scorer", .description = "errs", .parameters_schema = kFaultySchema}))
