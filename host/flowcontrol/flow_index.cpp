#include "flowcontrol/flow_index.h"

#define XXH_INLINE_ALL
#include <random>
#include <utility>

#include <xxhash.h>

namespace epp::flowcontrol {
namespace {

std::uint64_t hash_of(std::string_view id) {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
  }();
  return XXH3_64bits_withSeed(id.data(), id.size(), seed);
}

}  // namespace

// Where the id stands, or the free slot where the search ends. There always is one.
std::size_t FlowIndex::place_of(std::string_view id, std::uint64_t hash) const {
  std::size_t place = home_of(hash);
  while (slots_[place].flow && (slots_[place].hash != hash || slots_[place].flow->id_text != id))
    place = after(place);
  return place;
}

Flow* FlowIndex::find(std::string_view id) const {
  return slots_.empty() ? nullptr : slots_[place_of(id, hash_of(id))].flow.get();
}

void FlowIndex::put(Slot slot) {
  std::size_t place = home_of(slot.hash);
  while (slots_[place].flow)
    place = after(place);
  slots_[place] = std::move(slot);
}

void FlowIndex::grow() {
  constexpr std::size_t kSmallest = 16;
  std::vector<Slot> old(slots_.empty() ? kSmallest : slots_.size() * 2);
  old.swap(slots_);
  for (Slot& slot : old) {
    if (slot.flow) put(std::move(slot));
  }
}

Flow& FlowIndex::insert(std::unique_ptr<Flow> flow) {
  if (size_ + 1 > slots_.size() / 4 * 3) grow();
  ++size_;
  Flow& inserted = *flow;
  const std::uint64_t hash = hash_of(inserted.id_text);
  put({hash, std::move(flow)});
  return inserted;
}

void FlowIndex::erase(const Flow& flow) {
  std::size_t gap = place_of(flow.id_text, hash_of(flow.id_text));
  slots_[gap].flow.reset();
  --size_;
  // Those behind it that were pushed on move up, so that no search ends at the gap.
  for (std::size_t place = after(gap); slots_[place].flow; place = after(place)) {
    const std::size_t distance_of_home = (place - home_of(slots_[place].hash)) & (slots_.size() - 1);
    const std::size_t distance_of_gap = (place - gap) & (slots_.size() - 1);
    if (distance_of_home < distance_of_gap) continue;
    slots_[gap] = std::move(slots_[place]);
    gap = place;
  }
}

}  // namespace epp::flowcontrol
