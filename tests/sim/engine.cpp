#include "sim/engine.h"

#include <algorithm>
#include <utility>

namespace epp::sim {
namespace {

using Seconds = std::chrono::duration<double>;

double seconds(Time time) {
  return std::chrono::duration_cast<Seconds>(time).count();
}

// The buckets of vLLM's own histograms.
std::vector<double> ttft_buckets() {
  return {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
          1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640, 2560};
}
std::vector<double> token_buckets() {
  return {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80};
}
std::vector<double> request_buckets() {
  return {0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
}
std::vector<double> size_buckets() {
  return {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};
}

}  // namespace

EngineTotals::EngineTotals()
    : queue_seconds(request_buckets()),
      time_to_first_token_seconds(ttft_buckets()),
      inter_token_seconds(token_buckets()),
      e2e_seconds(request_buckets()),
      prompt_size(size_buckets()),
      generation_size(size_buckets()) {}

Engine::Engine(const EngineOptions& options) : options_(options), cache_(options.kv_blocks), random_(options.seed) {}

SubmitResult Engine::submit(Sequence sequence, Time now) {
  if (blocks_for(std::uint64_t{sequence.prompt_tokens} + sequence.output_tokens) > cache_.num_blocks()) {
    return SubmitResult::kTooLong;
  }
  run_until(now);
  if (options_.max_queue > 0 && queue_.size() >= options_.max_queue) return SubmitResult::kQueueFull;
  queue_.push_back({.sequence = std::move(sequence), .submitted = now});
  admit(now);
  return SubmitResult::kQueued;
}

void Engine::abort(SequenceId id, Time now) {
  run_until(now);
  const auto waits = std::ranges::find(queue_, id, [](const Waiting& job) { return job.sequence.id; });
  const auto runs = std::ranges::find(running_, id, [](const Running& run) { return run.job.sequence.id; });
  if (waits != queue_.end()) {
    queue_.erase(waits);
  } else if (runs != running_.end()) {
    cache_.release(std::move(runs->lease));
    running_.erase(runs);
  } else {
    return;
  }
  ++totals_.aborted;
  std::erase_if(events_, [&](const Event& event) { return event.id == id; });
  admit(now);
}

std::vector<Event> Engine::advance(Time now) {
  run_until(now);
  return std::exchange(events_, {});
}

std::optional<Time> Engine::next_event() const {
  if (!events_.empty()) return events_.front().at;
  if (running_.empty()) return std::nullopt;
  return std::ranges::min_element(running_, {}, &Running::next_token_at)->next_token_at;
}

double Engine::kv_usage() const {
  return static_cast<double>(cache_.used_blocks()) / static_cast<double>(cache_.num_blocks());
}

std::set<std::string> Engine::running_loras() const {
  std::set<std::string> names;
  for (const Running& run : running_)
    names.insert(run.job.sequence.lora);
  names.erase("");
  return names;
}

std::set<std::string> Engine::waiting_loras() const {
  std::set<std::string> names;
  for (const Waiting& job : queue_)
    names.insert(job.sequence.lora);
  names.erase("");
  return names;
}

std::size_t Engine::blocks_for(std::uint64_t tokens) const {
  return static_cast<std::size_t>((tokens + options_.block_size - 1) / options_.block_size);
}

Time Engine::scaled(Seconds duration) {
  std::uniform_real_distribution<double> factor(1 - options_.jitter, 1 + options_.jitter);
  const double by = options_.jitter > 0 ? factor(random_) : 1;
  return std::chrono::duration_cast<Time>(duration * by * slowness_);
}

bool Engine::lora_fits(const std::string& lora) const {
  if (lora.empty() || options_.max_loras == 0) return true;
  const std::set<std::string> names = running_loras();
  return names.contains(lora) || names.size() < options_.max_loras;
}

void Engine::run_until(Time now) {
  while (!running_.empty()) {
    const auto next = std::ranges::min_element(running_, {}, &Running::next_token_at);
    if (next->next_token_at > now) return;
    step(static_cast<std::size_t>(next - running_.begin()));
  }
}

void Engine::admit(Time now) {
  for (auto job = queue_.begin(); job != queue_.end() && running_.size() < options_.max_num_seqs;) {
    if (!lora_fits(job->sequence.lora)) {
      ++job;
      continue;
    }
    if (!start(*job, now)) return;
    job = queue_.erase(job);
  }
}

bool Engine::start(Waiting& job, Time now) {
  const Sequence& sequence = job.sequence;
  const std::uint64_t tokens = std::uint64_t{sequence.prompt_tokens} + job.generated;
  auto lease = cache_.acquire(sequence.chain, blocks_for(tokens));
  if (!lease) return false;

  // The last token is always computed: its logits give the first output token.
  const std::uint64_t found = std::min<std::uint64_t>(lease->cached * options_.block_size, tokens - 1);
  const auto cached_tokens = static_cast<std::uint32_t>(found);
  totals_.prefix_queries += tokens;
  totals_.prefix_hits += found;
  const Seconds compute{static_cast<double>(tokens - found) / options_.prefill_tokens_per_second};
  prefill_device_free_at_ = std::max(now, prefill_device_free_at_) + scaled(options_.base_ttft + compute);

  if (!job.admitted_before) {
    totals_.prompt_tokens += sequence.prompt_tokens;
    totals_.prompt_size.observe(sequence.prompt_tokens);
    totals_.queue_seconds.observe(seconds(now - job.submitted));
    events_.push_back({.id = sequence.id, .kind = EventKind::kAdmitted, .at = now, .cached_tokens = cached_tokens});
    job.admitted_before = true;
  }
  running_.push_back({.job = std::move(job),
                      .lease = std::move(*lease),
                      .next_token_at = prefill_device_free_at_,
                      .last_token_at = now,
                      .prefilled = false});
  return true;
}

// Makes the sequence produce its next token.
void Engine::step(std::size_t index) {
  Running& run = running_[index];
  const Time now = run.next_token_at;
  Waiting& job = run.job;
  if (!std::exchange(run.prefilled, true)) cache_.publish(run.lease, job.sequence.chain);
  if (job.sequence.output_tokens == 0) {
    finish(index, now);
    return;
  }

  if (job.generated == 0) {
    totals_.time_to_first_token_seconds.observe(seconds(now - job.submitted));
  } else {
    totals_.inter_token_seconds.observe(seconds(now - run.last_token_at));
  }
  ++job.generated;
  ++totals_.generation_tokens;
  run.last_token_at = now;
  events_.push_back({.id = job.sequence.id, .kind = EventKind::kToken, .at = now});
  if (job.generated == job.sequence.output_tokens) {
    finish(index, now);
    return;
  }
  run.next_token_at = now + scaled(options_.inter_token_time);
  make_room(index, now);
}

// Gives the sequence a block for its next token, at the cost of the sequences admitted last. If it is itself the last
// one, it goes back to the queue.
void Engine::make_room(std::size_t index, Time now) {
  Running& run = running_[index];
  const std::size_t needed = blocks_for(std::uint64_t{run.job.sequence.prompt_tokens} + run.job.generated);
  while (run.lease.blocks.size() < needed && !cache_.grow(run.lease)) {
    ++totals_.preemptions;
    const bool itself = index + 1 == running_.size();
    cache_.release(std::move(running_.back().lease));
    queue_.push_front(std::move(running_.back().job));
    running_.pop_back();
    if (itself) {
      admit(now);
      return;
    }
  }
}

void Engine::finish(std::size_t index, Time now) {
  Running& run = running_[index];
  ++totals_.finished;
  totals_.e2e_seconds.observe(seconds(now - run.job.submitted));
  totals_.generation_size.observe(run.job.generated);
  events_.push_back({.id = run.job.sequence.id, .kind = EventKind::kFinished, .at = now});
  cache_.release(std::move(run.lease));
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
  admit(now);
}

}  // namespace epp::sim
