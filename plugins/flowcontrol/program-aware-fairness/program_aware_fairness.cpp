// program-aware-fairness: the program that was served least goes next, waiting counts in its favour ("las").
//
//   service s   prompt + 2 x completion tokens of a program's requests so far, halved every lasHalfLifeSeconds
//   wait w      of the request at the head of its flow, in whole milliseconds
//   score       lasWeightService (1 - norm s) + lasWeightHeadWait norm w;   norm x = (x - min) / (max - min), 0.5 if
//   equal
//
// Every pick looks at all active flows of the band: service fades with time, so that no order can be kept.
#include "programs.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using epp::builtin::ProgramPtr;
using epp::builtin::Programs;

std::string_view program_id(std::string_view fairness_id) {
  return fairness_id.empty() ? std::string_view("default-flow") : fairness_id;
}

struct Settings {
  double weight_service = 0.8;
  double weight_wait = 0.2;
  double cached_token_price = 1;
  bool charge_at_dispatch = false;
};

// Maps values to 0..1 by their range.
class Normal {
 public:
  void see(double value) {
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }
  double operator()(double value) const { return max_ > min_ ? (value - min_) / (max_ - min_) : 0.5; }

 private:
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
};

class Band {
 public:
  Band(Programs& programs, const Settings& settings) : programs_(programs), settings_(settings) {}

  void flow_added(const epp_flow& flow) {
    if (flow.index >= flows_.size()) flows_.resize(flow.index + size_t{1});
    flows_[flow.index] = {programs_.of(program_id(epp::sdk::view(flow.id)))};
  }
  void flow_removed(const epp_flow& flow) { flows_[flow.index] = {}; }

  void head_changed(const epp_flow& flow) {
    Flow& own = flows_[flow.index];
    if (flow.head != nullptr) {
      own.enqueued_ns = flow.head->enqueued_ns;
      if (own.position != kIdle) return;
      own.position = active_.size();
      active_.push_back({flow.index});
    } else if (own.position != kIdle) {
      active_[own.position] = active_.back();
      flows_[active_[own.position].flow].position = own.position;
      active_.pop_back();
      own.position = kIdle;
    }
  }

  uint32_t pick(uint64_t now_ns) {
    if (active_.empty()) throw epp::sdk::Error("no flow is active");
    const auto held = programs_.lock();
    Normal service;
    Normal wait;
    for (Candidate& candidate : active_) {
      const Flow& flow = flows_[candidate.flow];
      candidate.service = programs_.service_of(*flow.program, now_ns);
      candidate.wait_ms = now_ns > flow.enqueued_ns ? (now_ns - flow.enqueued_ns) / 1'000'000 : 0;
      service.see(candidate.service);
      wait.see(static_cast<double>(candidate.wait_ms));
    }
    double best_score = -1;
    for (const Candidate& candidate : active_) {
      const double score = settings_.weight_service * (1 - service(candidate.service)) +
                           settings_.weight_wait * wait(static_cast<double>(candidate.wait_ms));
      if (score <= best_score) continue;
      best_score = score;
      picked_ = candidate;
    }
    return picked_.flow;
  }

  void charged(const epp_flow& flow, uint32_t kind, int64_t tokens) {
    epp::builtin::Program& program = *flows_[flow.index].program;
    if (kind == EPP_CHARGE_DISPATCH && flow.index == picked_.flow) programs_.waited(program, picked_.wait_ms);
    if (settings_.charge_at_dispatch) programs_.charge(program, static_cast<double>(tokens));
  }

 private:
  static constexpr size_t kIdle = SIZE_MAX;
  struct Flow {
    ProgramPtr program;
    uint64_t enqueued_ns = 0;  // of its head
    size_t position = kIdle;   // in active_
  };
  struct Candidate {
    uint32_t flow = UINT32_MAX;
    double service = 0;
    uint64_t wait_ms = 0;
  };

  Programs& programs_;
  const Settings& settings_;
  std::vector<Flow> flows_;  // by index
  std::vector<Candidate> active_;
  Candidate picked_;
};

class ProgramAware {
 public:
  explicit ProgramAware(epp::sdk::Context& context)
      : host_(context.host()), programs_(context, read_parameters(context)) {
    if (forget_after_ns_ != 0) {
      sweep_.emplace(host_, sweep_every_ns_, sweep_every_ns_, [this] { programs_.forget_idle(forget_after_ns_); });
    }
  }

  std::unique_ptr<Band> open_band(int32_t) { return std::make_unique<Band>(programs_, settings_); }

  void pre_request(const epp::sdk::Request& request, const epp::sdk::Results&) {
    programs_.started(program_id(request.fairness_id()));
  }
  void on_response_complete(const epp::sdk::Request& request, const epp_response& response, uint32_t) {
    programs_.completed(program_id(request.fairness_id()), response.usage == nullptr ? 0 : service(*response.usage));
  }

  std::string dump_state() const { return programs_.state_json(); }

 private:
  // Beyond the total tokens when those were charged by the host already.
  double service(const epp_usage& usage) const {
    const auto prompt = static_cast<double>(usage.prompt_tokens);
    const auto completion = static_cast<double>(usage.completion_tokens);
    const double cached = usage.has_cached != 0 ? std::min(static_cast<double>(usage.cached_tokens), prompt) : 0;
    const double all = prompt - cached * (1 - settings_.cached_token_price) + 2 * completion;
    return settings_.charge_at_dispatch ? all - (prompt + completion) : all;
  }

  // Gives the half-life in nanoseconds.
  double read_parameters(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    const auto refuse = [](const std::string& why) { throw epp::sdk::Error(why, EPP_ERR_BAD_REQUEST); };
    const auto at_least_0 = [&](const std::string& name, double otherwise) {
      const double value = parameters.number('/' + name, otherwise);
      if (!(value >= 0)) refuse(name + " must be >= 0");
      return value;
    };
    const std::string strategy = parameters.text("/strategy");
    if (!strategy.empty() && strategy != "las") refuse("unknown strategy \"" + strategy + '"');
    settings_.weight_service = at_least_0("lasWeightService", 0.8);
    settings_.weight_wait = at_least_0("lasWeightHeadWait", 0.2);
    const double half_life = at_least_0("lasHalfLifeSeconds", 60);
    forget_after_ns_ = static_cast<uint64_t>(at_least_0("evictionTtlSeconds", 3600) * 1e9);
    const double sweep = parameters.number("/evictionSweepSeconds", 300);
    if (!(sweep > 0)) refuse("evictionSweepSeconds must be > 0");
    sweep_every_ns_ = static_cast<uint64_t>(sweep * 1e9);
    settings_.charge_at_dispatch = parameters.boolean("/chargeAtDispatch", false);
    settings_.cached_token_price = parameters.number("/cachedTokenPrice", 1);
    if (!(settings_.cached_token_price >= 0 && settings_.cached_token_price <= 1)) {
      refuse("cachedTokenPrice must be in [0, 1]");
    }
    return half_life * 1e9;
  }

  epp::sdk::Host host_;
  Settings settings_;
  uint64_t forget_after_ns_ = 0;
  uint64_t sweep_every_ns_ = 0;
  Programs programs_;
  std::optional<epp::sdk::Timer> sweep_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<ProgramAware>({
    .name = "program-aware-fairness",
    .description = "Serves the program that was served least, counting how long it waits",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "strategy": {
          "type": "string", "default": "las", "description": "Least attained service; there is no other."
        },
        "lasWeightService": {
          "type": "number", "default": 0.8, "description": "Weight of little service; >= 0."
        },
        "lasWeightHeadWait": {
          "type": "number", "default": 0.2, "description": "Weight of a long wait; >= 0."
        },
        "lasHalfLifeSeconds": {
          "type": "number", "default": 60, "description": "Service is halved in this time; 0: never; >= 0."
        },
        "evictionTtlSeconds": {
          "type": "number", "default": 3600,
          "description": "A program without requests is forgotten after this time; 0: never; >= 0."
        },
        "evictionSweepSeconds": {
          "type": "number", "default": 300, "description": "How often such programs are looked for; > 0."
        },
        "chargeAtDispatch": {
          "type": "boolean", "default": false,
          "description": "Charge the estimated tokens at dispatch and correct them by usage."
        },
        "cachedTokenPrice": {
          "type": "number", "default": 1,
          "description": "What a prompt token that came from the cache costs; in [0, 1]."
        }
      }
    })json",
}))
