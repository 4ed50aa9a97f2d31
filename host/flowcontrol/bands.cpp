#include "flowcontrol/bands.h"

#include <algorithm>

namespace epp::flowcontrol {
namespace {

// Flows forgotten in one go, and the pause until the next when there are more: dispatches run in between.
constexpr unsigned kCollectedAtOnce = 256;
constexpr Nanos kCollectionPause = 1'000'000;

// The flow's id may live on in another lane of its band.
bool lives_elsewhere(const Band& band, const Flow& flow) {
  return std::any_of(band.lanes.begin(), band.lanes.end(), [&](const std::unique_ptr<Lane>& lane) {
    return lane && lane.get() != flow.lane && lane->knows(flow.id_text);
  });
}

}  // namespace

std::uint64_t Band::flow_count() const {
  std::uint64_t count = 0;
  for (const auto& lane : lanes)
    count += lane ? lane->flow_count() : 0;
  return count;
}

Item* Band::oldest() const {
  Item* found = nullptr;
  for (const auto& lane : lanes) {
    if (!lane || lane->empty()) continue;
    if (found == nullptr || lane->oldest()->arrival < found->arrival) found = lane->oldest();
  }
  return found;
}

Item* Band::newest() const {
  Item* found = nullptr;
  for (const auto& lane : lanes) {
    if (!lane || lane->empty()) continue;
    if (found == nullptr || lane->newest()->arrival > found->arrival) found = lane->newest();
  }
  return found;
}

BandTable::BandTable(const Options& options, Observer& observer, plugins::ErrorBuffer& error)
    : options_(options), observer_(observer), error_(error) {
  for (const BandOptions& band : options_.bands)
    add(band, true, 0);
}

BandTable::~BandTable() {
  for (const auto& band : bands_) {
    for (const auto& lane : band->lanes) {
      while (lane && lane->idlest() != nullptr)
        lane->forget_idlest();
    }
  }
}

std::size_t BandTable::index_of(std::int32_t priority) const {
  const auto place = std::lower_bound(priorities_.begin(), priorities_.end(), priority, std::greater<>());
  return static_cast<std::size_t>(place - priorities_.begin());
}

Band& BandTable::home_of(std::int32_t priority) {
  const std::size_t index = index_of(priority);
  if (index < bands_.size() && priorities_[index] == priority) return *bands_[index];
  return *bands_[index_of(0)];
}

Lane& BandTable::lane(Band& band, std::size_t index) {
  auto& lane = band.lanes[index];
  if (!lane) lane = std::make_unique<Lane>(band.options, options_.extensions.max_flows, band.farewell, error_);
  return *lane;
}

Band& BandTable::add(const BandOptions& options, bool fixed, Nanos now) {
  const std::size_t index = index_of(options.priority);
  auto band = std::make_unique<Band>();
  Band& added = *band;
  added.options = options;
  added.fixed = fixed;
  added.empty_since = now;
  added.farewell = [this, &added](const Flow& flow) {
    if (!lives_elsewhere(added, flow)) observer_.flow_removed(flow.id_text, added.priority());
  };
  priorities_.insert(priorities_.begin() + static_cast<std::ptrdiff_t>(index), options.priority);
  bands_.insert(bands_.begin() + static_cast<std::ptrdiff_t>(index), std::move(band));
  observer_.band_added(options.priority);
  return added;
}

void BandTable::erase(std::size_t index) {
  const std::int32_t priority = priorities_[index];
  priorities_.erase(priorities_.begin() + static_cast<std::ptrdiff_t>(index));
  bands_.erase(bands_.begin() + static_cast<std::ptrdiff_t>(index));
  observer_.band_removed(priority);
}

void BandTable::want(std::span<const std::int32_t> priorities, Nanos now) {
  for (const auto& band : bands_)
    band->wanted = false;
  for (const std::int32_t priority : priorities) {
    Band* band = &home_of(priority);
    if (band->priority() != priority) {
      BandOptions fresh = priority < 0 ? options_.default_negative_band : options_.default_band;
      fresh.priority = priority;
      band = &add(fresh, false, now);
    }
    band->wanted = true;
  }
  for (std::size_t i = bands_.size(); i-- > 0;) {
    const Band& band = *bands_[i];
    if (!band.fixed && !band.wanted && band.flow_count() == 0) erase(i);
  }
  if (anything_idle()) note_idle(now);
}

void BandTable::note_idle(Nanos now) {
  if (next_collection_ == kNever) next_collection_ = now + options_.collect_every_ns;
}

bool BandTable::anything_idle() const {
  return std::any_of(bands_.begin(), bands_.end(), [](const std::unique_ptr<Band>& band) {
    if (!band->fixed && !band->wanted) return true;
    return std::any_of(band->lanes.begin(), band->lanes.end(),
                       [](const std::unique_ptr<Lane>& lane) { return lane && lane->idlest() != nullptr; });
  });
}

// False when the budget was spent before all were gone.
bool BandTable::collect_flows(Band& band, Nanos now, unsigned& budget) {
  const bool had_flows = band.flow_count() != 0;
  for (const auto& lane : band.lanes) {
    if (!lane) continue;
    while (lane->idlest() != nullptr && lane->idlest()->idle_since + options_.flow_idle_ns <= now) {
      if (budget-- == 0) return false;
      lane->forget_idlest();
    }
  }
  if (had_flows && band.flow_count() == 0) band.empty_since = now;
  return true;
}

void BandTable::collect(Nanos now) {
  if (now < next_collection_) return;
  unsigned budget = kCollectedAtOnce;
  for (const auto& band : bands_) {
    if (!collect_flows(*band, now, budget)) {
      next_collection_ = now + kCollectionPause;
      return;
    }
  }
  for (std::size_t i = bands_.size(); i-- > 0;) {
    const Band& band = *bands_[i];
    const bool needed = band.fixed || band.wanted || band.flow_count() != 0;
    if (!needed && band.empty_since + options_.band_idle_ns <= now) erase(i);
  }
  next_collection_ = anything_idle() ? now + options_.collect_every_ns : kNever;
}

}  // namespace epp::flowcontrol
