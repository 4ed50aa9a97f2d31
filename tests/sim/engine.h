#pragma once

#include "sim/histogram.h"
#include "sim/kv_cache.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace epp::sim {

// Time since the engine was made. The engine reads no clock: its caller says what time it is.
using Time = std::chrono::nanoseconds;
using SequenceId = std::uint64_t;

struct EngineOptions {
  std::uint32_t max_num_seqs = 256;  // Sequences decoded together.
  std::uint32_t max_queue = 0;       // Sequences that may wait; 0: no limit.
  std::uint32_t max_loras = 0;       // Adapters in the running batch at once; 0: no limit.
  std::uint32_t kv_blocks = 4096;
  std::uint32_t block_size = 16;  // Tokens.
  double prefill_tokens_per_second = 8000;
  std::chrono::duration<double> base_ttft{0.02};         // Of every prefill, on top of its tokens.
  std::chrono::duration<double> inter_token_time{0.01};  // Between two output tokens of one sequence.
  double jitter = 0;                                     // Each duration is scaled by a factor in [1-jitter, 1+jitter].
  std::uint64_t seed = 1;
};

// One prompt to be continued.
struct Sequence {
  SequenceId id = 0;
  std::string lora = {};              // Empty: the base model.
  std::vector<BlockHash> chain = {};  // One hash for each full block of the prompt.
  std::uint32_t prompt_tokens = 1;
  std::uint32_t output_tokens = 0;  // Exactly so many; 0: prefill only (embeddings).
};

enum class EventKind { kAdmitted, kToken, kFinished };

struct Event {
  SequenceId id = 0;
  EventKind kind = EventKind::kToken;
  Time at{};
  std::uint32_t cached_tokens = 0;  // kAdmitted: prompt tokens found in the KV cache.
};

enum class SubmitResult { kQueued, kQueueFull, kTooLong };

// What has happened since the start.
struct EngineTotals {
  std::uint64_t prompt_tokens = 0;
  std::uint64_t generation_tokens = 0;
  std::uint64_t prefix_queries = 0;  // Tokens looked up in the prefix cache.
  std::uint64_t prefix_hits = 0;     // Tokens found there.
  std::uint64_t preemptions = 0;
  std::uint64_t finished = 0;
  std::uint64_t aborted = 0;
  Histogram queue_seconds;
  Histogram time_to_first_token_seconds;
  Histogram inter_token_seconds;
  Histogram e2e_seconds;
  Histogram prompt_size;
  Histogram generation_size;

  EngineTotals();
};

// The scheduler of a continuously batching model server, without sockets and without a clock: a FIFO queue, a bounded
// running batch, prefills that share one device (one after the other), decodes that run side by side, and KV blocks.
// When the memory is full, the sequence admitted last goes back to the head of the queue and is computed anew.
// A sequence whose adapter does not fit waits without blocking those behind it. Not thread-safe.
class Engine {
 public:
  explicit Engine(const EngineOptions& options);

  // `now` may never go back, here and below.
  SubmitResult submit(Sequence sequence, Time now);

  // Forgets the sequence, whatever its state, and frees its blocks. Unknown ids are ignored.
  void abort(SequenceId id, Time now);

  // Everything that happens up to and including `now`, in order.
  std::vector<Event> advance(Time now);

  // When advance() has something to tell; nothing when idle.
  std::optional<Time> next_event() const;

  // Scales all durations that begin from now on.
  void set_slowness(double factor) { slowness_ = factor; }

  const EngineOptions& options() const { return options_; }
  const EngineTotals& totals() const { return totals_; }
  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return queue_.size(); }
  // Fraction of blocks held by sequences, in [0, 1].
  double kv_usage() const;
  std::size_t kv_used_blocks() const { return cache_.used_blocks(); }
  std::set<std::string> running_loras() const;
  std::set<std::string> waiting_loras() const;

 private:
  struct Waiting {
    Sequence sequence;
    Time submitted{};
    std::uint32_t generated = 0;  // Not 0 after a preemption.
    bool admitted_before = false;
  };
  struct Running {
    Waiting job;
    KvLease lease;
    Time next_token_at{};
    Time last_token_at{};
    bool prefilled = false;
  };

  std::size_t blocks_for(std::uint64_t tokens) const;
  Time scaled(std::chrono::duration<double> duration);
  bool lora_fits(const std::string& lora) const;
  void run_until(Time now);
  void admit(Time now);
  bool start(Waiting& job, Time now);
  void step(std::size_t index);
  void make_room(std::size_t index, Time now);
  void finish(std::size_t index, Time now);

  EngineOptions options_;
  KvCache cache_;
  std::deque<Waiting> queue_;
  std::vector<Running> running_;  // In order of admission.
  std::vector<Event> events_;     // Not yet handed out.
  Time prefill_device_free_at_{};
  double slowness_ = 1;
  std::mt19937_64 random_;
  EngineTotals totals_;
};

}  // namespace epp::sim
