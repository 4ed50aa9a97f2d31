// When waiting requests have waited long enough: a hierarchical timer wheel of 1 ms ticks.
//
//   level 0: 64 slots of 1 ms | level 1: 64 slots of 64 ms | ... | level 7: 64 slots of 139 years
//
// A request stands on the level of the highest six-bit digit in which its tick differs from now. Therefore everything
// on a level is due before anything on the next, the first used slot is found by one bit scan, and a slot of a higher
// level is spread over the lower ones when its time comes. Filing and removal are O(1).
//
// A request is never found due early, and at most 1 ms late.
#pragma once

#include "flowcontrol/intrusive_list.h"
#include "flowcontrol/item.h"

#include <array>
#include <cstdint>

namespace epp::flowcontrol {

class Deadlines {
 public:
  // kNever: the item is not filed.
  void add(Item& item, Nanos due);
  // Does nothing for an item that is not filed.
  void remove(Item& item);

  // Takes out one item that is due at `now`, in the order of ticks; null when there is none. `now` does not go back.
  Item* pop_due(Nanos now);

  // When to call pop_due next: no item is due before. kNever when nothing is filed.
  Nanos next() const;

 private:
  static constexpr unsigned kDigitBits = 6;
  static constexpr unsigned kSlots = 1u << kDigitBits;
  static constexpr unsigned kLevels = 8;  // all that Nanos can say
  using List = IntrusiveList<Item, &Item::by_due>;

  struct FirstSlot {
    unsigned level;
    unsigned slot;
    std::uint64_t tick;  // at which it begins
  };
  bool first_used(FirstSlot& first) const;
  void file(Item& item);

  std::uint64_t tick_ = 0;  // everything due until here was taken out or is in due_
  std::array<std::uint64_t, kLevels> used_{};
  std::array<std::array<List, kSlots>, kLevels> slots_{};
  List due_;
};

}  // namespace epp::flowcontrol
