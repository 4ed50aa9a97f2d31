// Whatever order messages and events come in: no crash, one end per stream, hooks in pairs, nothing leaks.
#include "unit/lifecycle/world.h"

#include <random>

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

class CoinAdmission final : public Admission {
 public:
  explicit CoinAdmission(std::mt19937& random) : random_(random) {}
  Answer admit(const AdmissionRequest&, const AdmissionReceiverPtr& receiver) override {
    Answer answer;
    answer.ticket = std::make_unique<Ticket>(*this);
    if (random_() % 2 == 0) return answer;
    pending = receiver;
    answer.waiting = true;
    return answer;
  }
  AdmissionReceiverPtr pending;
  int held = 0;

 private:
  struct Ticket final : flowcontrol::Ticket {
    explicit Ticket(CoinAdmission& of) : gate(of) { ++gate.held; }
    ~Ticket() override {
      gate.pending = nullptr;
      --gate.held;
    }
    CoinAdmission& gate;
  };
  std::mt19937& random_;
};

Message any_message(std::mt19937& random) {
  static const std::vector<std::string> kBodies = {"",
                                                   kCompletion,
                                                   "{",
                                                   R"({"model":"m","prompt":"x","stream":true})",
                                                   "data: {\"model\":\"t\"}\n\n",
                                                   "data: [DONE]\n\n"};
  static const std::vector<HeaderList> kHeaders = {{},
                                                   {{":path", "/v1/completions"}, {"x-llm-d-model-name-rewrite", "t"}},
                                                   {{":path", "/v1/messages/count_tokens"}, {"x-request-id", ""}},
                                                   {{":status", "200"}, {"content-type", "text/event-stream"}},
                                                   {{":status", "500"}, {"set-cookie", "a"}, {"set-cookie", "b"}}};
  const bool end = random() % 3 == 0;
  const std::string& body = kBodies[random() % kBodies.size()];
  const HeaderList& headers = kHeaders[random() % kHeaders.size()];
  switch (random() % 7) {
    case 0:
      return request_headers(headers, end);
    case 1:
      return request_body(body, end);
    case 2:
      return request_trailers();
    case 3:
      return response_headers(headers, end);
    case 4:
      return response_body(body, end);
    case 5:
      return response_trailers();
    default:
      return {};
  }
}

TEST(RandomSequences, EveryStreamEndsOnceAndHooksComeInPairs) {
  std::mt19937 random(20240601);
  World world;
  auto admission = std::make_shared<CoinAdmission>(random);
  world.admission = admission;
  int dispatched = 0;
  int completed = 0;
  int ends = 0;
  auto plugin = world.plugin("counter");
  plugin->on_pre_request = [&](TestPlugin::Context&, const epp_profile_results&, epp_error*) {
    ++dispatched;
    return random() % 8 == 0 ? epp_status{EPP_ERR_UNAVAILABLE} : epp_status{EPP_OK};
  };
  plugin->on_response_body = [&](TestPlugin::Context&, const epp_response&, std::string_view, bool end) {
    if (end) ++ends;
  };
  plugin->on_response_complete = [&](const epp_response&, std::uint32_t) { ++completed; };
  std::uint64_t token = 0;
  auto producer = world.plugin("producer");
  producer->on_produce = [&](TestPlugin::Context&, const epp_candidates&, std::uint64_t of, epp_error*) {
    if (random() % 2 == 0) return epp_status{EPP_OK};
    token = of;
    return epp_status{EPP_PENDING};
  };
  world.rebuild();
  world.services.options.max_held_response_bytes = 20;

  for (int round = 0; round < 15000; ++round) {
    const int dispatched_before = dispatched;
    const int completed_before = completed;
    const int ends_before = ends;
    Exchange exchange(world);
    const unsigned steps = random() % 16;
    for (unsigned i = 0; i < steps; ++i) {
      switch (random() % 8) {
        case 0:
          if (admission->pending) std::exchange(admission->pending, nullptr)->on_admission(std::nullopt);
          exchange.stream.on_wake();
          break;
        case 1:
          world.completions.complete(*producer, token, EPP_OK, {}, {});
          exchange.stream.on_wake();
          break;
        case 2:
          if (exchange.outbox.timer) {
            exchange.outbox.timer.reset();
            exchange.stream.on_timer();
          }
          break;
        case 3:
          if (random() % 4 == 0) exchange.stream.on_send_failure();
          break;
        default:
          if (!exchange.stream.busy()) exchange.feed(any_message(random));
      }
    }
    if (random() % 2 == 0) exchange.stream.on_half_close();
    exchange.stream.on_done(random() % 2 == 0);
    exchange.stream.on_done(true);
    int finishes = 0;
    for (const Sent& entry : exchange.outbox.sent)
      finishes += entry.kind == Sent::Kind::kFinish;
    ASSERT_LE(finishes, 1);
    ASSERT_EQ(admission->held, 0);
    ASSERT_LE(dispatched - dispatched_before, 1);
    ASSERT_EQ(completed - completed_before, dispatched - dispatched_before) << round;
    ASSERT_LE(ends - ends_before, 1);
  }
  EXPECT_GT(dispatched, 300);
  EXPECT_EQ(world.budget.used(), 0u);
  EXPECT_EQ(world.completions.open_tokens(), 0u);
  EXPECT_EQ(world.metric("llm_d_epp_request_running"), 0);
}

}  // namespace
}  // namespace epp::lifecycle::testing
