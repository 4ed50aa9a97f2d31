// The priority bands: the static ones, those that objectives ask for, and what has been idle long enough to go.
#pragma once

#include "flowcontrol/capacity.h"
#include "flowcontrol/lane.h"
#include "flowcontrol/observer.h"
#include "flowcontrol/options.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace epp::flowcontrol {

struct Band {
  BandOptions options;
  bool fixed = false;   // static
  bool wanted = false;  // an objective asks for it
  Totals waiting;
  double ceiling = 1;
  std::array<bool, kNeedsCount> closed{};                // its gate, by lane
  std::array<std::unique_ptr<Lane>, kNeedsCount> lanes;  // made at first use; the first alone without gate_per_stage
  Lane::Farewell farewell;
  Nanos empty_since = 0;  // without flows

  std::int32_t priority() const { return options.priority; }
  Limits limits() const { return {options.max_requests, options.max_bytes}; }
  std::uint64_t flow_count() const;
  Item* oldest() const;  // waiting requests; null when there is none
  Item* newest() const;
};

class BandTable {
 public:
  // All arguments outlive the table.
  BandTable(const Options& options, Observer& observer, plugins::ErrorBuffer& error);
  // Every item must be gone. Flows that are left are forgotten first, so that the observer hears of their end.
  ~BandTable();
  BandTable(const BandTable&) = delete;
  BandTable& operator=(const BandTable&) = delete;

  // Highest priority first.
  std::span<const std::unique_ptr<Band>> all() const { return bands_; }
  std::span<const std::int32_t> priorities() const { return priorities_; }
  // The band of `priority`, or band 0 when there is none.
  Band& home_of(std::int32_t priority);
  Lane& lane(Band& band, std::size_t index);

  // The bands that objectives ask for, from now on. Dynamic ones that nobody asks for go when they have no flow.
  void want(std::span<const std::int32_t> priorities, Nanos now);

  // Forgets flows and bands that have been idle long enough, a few at a time.
  void collect(Nanos now);
  // Something is idle: collect() is to be called once the interval has passed.
  void note_idle(Nanos now);
  Nanos next_collection() const { return next_collection_; }

 private:
  Band& add(const BandOptions& options, bool fixed, Nanos now);
  void erase(std::size_t index);
  std::size_t index_of(std::int32_t priority) const;  // where it is or belongs
  bool collect_flows(Band& band, Nanos now, unsigned& budget);
  bool anything_idle() const;

  const Options& options_;
  Observer& observer_;
  plugins::ErrorBuffer& error_;
  std::vector<std::unique_ptr<Band>> bands_;
  std::vector<std::int32_t> priorities_;
  Nanos next_collection_ = kNever;
};

}  // namespace epp::flowcontrol
