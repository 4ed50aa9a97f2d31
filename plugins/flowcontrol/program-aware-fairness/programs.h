// What programs (fairness ids) have got so far: service that fades, waits, requests under way; and the metrics of it.
#pragma once

#include <epp/plugin.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace epp::builtin {

// Tokens of service, halved every `half_life_ns`; 0: they stay.
class FadingService {
 public:
  double at(uint64_t now_ns, double half_life_ns) {
    if (touched_ && now_ns > anchor_ns_ && half_life_ns > 0) {
      tokens_ *= std::exp2(-static_cast<double>(now_ns - anchor_ns_) / half_life_ns);
    }
    if (!touched_ || now_ns > anchor_ns_) anchor_ns_ = now_ns;
    touched_ = true;
    return tokens_;
  }
  double add(double tokens, uint64_t now_ns, double half_life_ns) {
    return tokens_ = std::max(0.0, at(now_ns, half_life_ns) + tokens);
  }

 private:
  double tokens_ = 0;
  uint64_t anchor_ns_ = 0;
  bool touched_ = false;
};

struct Program {
  std::string id;
  FadingService service;
  int64_t in_flight = 0;
  uint64_t last_completion_ns = 0;  // of a new one: when it was made
  uint64_t waits = 0;
  double mean_wait_ms = 0;
  sdk::Series wait_series;
  sdk::Series service_series;
};
using ProgramPtr = std::shared_ptr<Program>;

// [concurrent]: every function takes the lock; whoever reads programs by itself holds it.
class Programs {
 public:
  Programs(sdk::Context& context, double half_life_ns)
      : host_(context.host()),
        half_life_ns_(half_life_ns),
        jain_(host_
                  .gauge("llm_d_epp_program_aware_jains_fairness_index",
                         "[ALPHA] Jain's fairness index of the programs' mean queue waits; 1 is fair.", {})
                  .series({})),
        waits_(host_.gauge("llm_d_epp_program_aware_avg_wait_time_milliseconds",
                           "[ALPHA] Mean queue wait of a program.", {"program_id"})),
        services_(host_.gauge("llm_d_epp_program_aware_attained_service_tokens",
                              "[ALPHA] Weighted tokens that a program was served, fading with time.", {"program_id"})) {
    jain_.set(1);
  }

  std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }
  // Under the lock.
  double service_of(Program& program, uint64_t now_ns) const { return program.service.at(now_ns, half_life_ns_); }

  ProgramPtr of(std::string_view id) {
    const auto held = lock();
    return find(id);
  }

  void started(std::string_view id) {
    const auto held = lock();
    ++find(id)->in_flight;
  }
  void completed(std::string_view id, double service) {
    const auto held = lock();
    Program& program = *find(id);
    const uint64_t now_ns = host_.now_ns();
    if (program.in_flight > 0) --program.in_flight;
    program.last_completion_ns = now_ns;
    serve(program, service, now_ns);
  }
  // Negative: given back.
  void charge(Program& program, double service) {
    const auto held = lock();
    serve(program, service, host_.now_ns());
  }
  void waited(Program& program, uint64_t wait_ms) {
    const auto held = lock();
    count_in_index(program, -1);
    ++program.waits;
    program.mean_wait_ms += (static_cast<double>(wait_ms) - program.mean_wait_ms) / static_cast<double>(program.waits);
    count_in_index(program, 1);
    jain_.set(fairness_index());
    give_series(program);
    if (program.wait_series) program.wait_series.set(program.mean_wait_ms);
  }

  // Forgets those without a flow or request that completed none for so long.
  void forget_idle(uint64_t for_ns) {
    const auto held = lock();
    const uint64_t now_ns = host_.now_ns();
    std::erase_if(programs_, [&](const auto& entry) {
      Program& program = *entry.second;
      const bool idle = program.in_flight == 0 && entry.second.use_count() == 1;
      if (!idle || now_ns - program.last_completion_ns <= for_ns) return false;
      drop_series(program);
      return true;
    });
    recount_index();
    jain_.set(fairness_index());
  }

  std::string state_json() const {
    const auto held = lock();
    int64_t in_flight = 0;
    for (const auto& [id, program] : programs_)
      in_flight += program->in_flight;
    return "{\"totalPrograms\":" + std::to_string(programs_.size()) +
           ",\"totalInFlight\":" + std::to_string(in_flight) +
           ",\"fairnessIndex\":" + std::to_string(fairness_index()) + '}';
  }

 private:
  // Clients choose ids, so not every program gets series of its own.
  static constexpr size_t kMaxSeries = 1000;

  ProgramPtr find(std::string_view id) {
    ProgramPtr& program = programs_[std::string(id)];
    if (program == nullptr) {
      program = std::make_shared<Program>();
      program->id = id;
      program->last_completion_ns = host_.now_ns();
    }
    return program;
  }

  void serve(Program& program, double service, uint64_t now_ns) {
    const double total = program.service.add(service, now_ns, half_life_ns_);
    give_series(program);
    if (program.service_series) program.service_series.set(total);
  }

  void give_series(Program& program) {
    if (program.wait_series || with_series_ == kMaxSeries) return;
    program.wait_series = waits_.series({program.id});
    program.service_series = services_.series({program.id});
    if (program.wait_series) ++with_series_;
  }
  void drop_series(Program& program) {
    if (!program.wait_series) return;
    waits_.remove(program.wait_series);
    services_.remove(program.service_series);
    --with_series_;
  }

  // Jain's index over the mean waits x of the n programs that waited: (sum x)^2 / (n sum x^2).
  void count_in_index(const Program& program, int sign) {
    if (program.waits == 0) return;
    waiters_ += sign;
    sum_ += sign * program.mean_wait_ms;
    sum_of_squares_ += sign * program.mean_wait_ms * program.mean_wait_ms;
  }
  // Rids the sums of what rounding left in them.
  void recount_index() {
    waiters_ = 0;
    sum_ = sum_of_squares_ = 0;
    for (const auto& [id, program] : programs_)
      count_in_index(*program, 1);
  }
  double fairness_index() const {
    if (waiters_ <= 1 || !(sum_of_squares_ > 0)) return 1;
    return sum_ * sum_ / (static_cast<double>(waiters_) * sum_of_squares_);
  }

  sdk::Host host_;
  double half_life_ns_;
  sdk::Series jain_;
  sdk::Family waits_;
  sdk::Family services_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, ProgramPtr> programs_;
  size_t with_series_ = 0;
  int64_t waiters_ = 0;
  double sum_ = 0;
  double sum_of_squares_ = 0;
};

}  // namespace epp::builtin
